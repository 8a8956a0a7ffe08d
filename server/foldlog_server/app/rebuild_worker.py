"""Rebuilds one view, in a process of its own.

`python -m foldlog_server.app.rebuild_worker DATA VIEW GENERATION NUMBER DOMAIN...`

It reads the log, which the server goes on writing, and writes a file that nobody else opens meanwhile; it
goes on with what it finds there. To its output it says how far it is, each time as one line of JSON; when the
server is gone, its input ends, and so does it.
"""

import asyncio
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from foldlog_server.domain.domain import Domains
from foldlog_server.domain.view import AnyView
from foldlog_server.domains.loading import DomainsUnfit, named
from foldlog_server.log.event_store import Log
from foldlog_server.process import collect_garbage_rarely, log_to_stderr, loop_factory
from foldlog_server.stores.files import private_files
from foldlog_server.stores.sqlite.reader import ReadOnlyLog, SqliteLogReader
from foldlog_server.stores.views import view_files
from foldlog_server.stores.views.read_model import SqliteReadModel
from foldlog_server.stores.views.view_files import ViewFile
from foldlog_server.stores.writer_thread import WriterThread
from foldlog_server.views.batch import Indigestible, told
from foldlog_server.views.definition import generation
from foldlog_server.views.group import ProjectorGroup
from foldlog_server.views.projector import Projector
from foldlog_server.views.scheduler import BATCH_EVENTS

TOLD_SECONDS = 0.1
"""How often it is said how far it is."""

_NICENESS = 10
_LOCK_SECONDS = 30
_CANNOT = 3
"""The exit code when the view cannot be built, so that trying again is of no use."""


_log = logging.getLogger("foldlog")


class CannotBuild(Exception):
    """The view cannot be built, and trying again is of no use."""


class Told(NamedTuple):
    """One line of output."""

    position: int = 0
    head: int = 0
    failed: str = ""
    """Why the view cannot be built."""

    @property
    def line(self) -> str:
        """The line without its end."""
        return json.dumps(self._asdict())

    @classmethod
    def of(cls, line: str) -> "Told":
        """What a line says."""
        return cls(**json.loads(line))


async def build(view: AnyView, file: ViewFile, log: Log, tell: Callable[[Told], None]) -> None:
    """Build a view in a file up to the end of the log.

    Raises `Indigestible`, and `ReadModelUnavailable` if the file cannot be written.
    """
    contents = await view_files.whole_contents_of(file, view)
    if contents is None or not await view_files.fits(log, contents):
        view_files.make(file.path, view, log.log_id, is_complete=False)
    read_model = await SqliteReadModel.open(file, view, WriterThread())
    try:
        await _follow(Projector(view, read_model), log, tell)
    finally:
        await read_model.close()


async def _follow(projector: Projector, log: Log, tell: Callable[[Told], None]) -> None:
    group = ProjectorGroup([projector], log)
    told = 0.0
    while (head := log.head.position) > projector.position:
        if time.monotonic() - told >= TOLD_SECONDS:
            tell(Told(projector.position, head))
            told = time.monotonic()
        fallen = await group.move(min(BATCH_EVENTS, head - projector.position))
        for error in fallen.values():
            raise error
    tell(Told(projector.position, head))


def main(data: str, view_name: str, wanted: str, number: str, *domains: str) -> int:
    """Build the view in the file; gives the exit code."""
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    os.nice(_NICENESS)
    collect_garbage_rarely()
    log_to_stderr("warning")
    sys.stdout = sys.stderr  # what a domain prints is no progress
    try:
        _build_as_told(Path(data), view_name, wanted, int(number), _domains(domains))
    except CannotBuild as error:
        _print(Told(failed=str(error)))
        return _CANNOT
    except Exception:
        _log.exception("The view %s could not be built to the end.", view_name)
        return 1
    return 0


def _domains(names: Sequence[str]) -> Domains:
    try:
        return named(names)
    except DomainsUnfit as error:
        raise CannotBuild(f"{error} The server that runs was started before; restart it") from None


def _build_as_told(data: Path, view_name: str, wanted: str, number: int, domains: Domains) -> None:
    view = next((view for view in domains.views if view.name == view_name), None)
    if view is None or generation(view) != wanted:
        raise CannotBuild(
            f"the code that is installed defines the view {view_name} otherwise than the server that runs, "
            "which was started before; restart it"
        )
    file = view_files.file_of(data / "views", view_name, wanted, number)
    # A process that has lost its server, and does not know it yet, may still be at it.
    with (
        FileLock(file.lock, mode=private_files.MODE, timeout=_LOCK_SECONDS),
        SqliteLogReader.open(data) as reader,
    ):
        try:
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(build(view, file, ReadOnlyLog(reader), _print))
        except Indigestible as error:
            raise CannotBuild(f"{error}: {told(error.__cause__ or error)}") from error


def _print(told: Told) -> None:
    out = sys.__stdout__
    assert out is not None
    out.write(f"{told.line}\n")
    out.flush()


def _end_with_the_server() -> None:
    # Not through sys.stdin: its lock, held by a thread that waits, is fatal to an interpreter that ends.
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)  # whatever is being written is written whole or not at all


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
