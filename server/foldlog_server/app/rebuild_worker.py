"""Rebuilds one view, in a process of its own.

`python -m foldlog_server.app.rebuild_worker DATA VIEW GENERATION NUMBER DOMAIN...`

It reads the log, which the server keeps writing, and writes a file that nobody else opens meanwhile; it
resumes what the file already has. It reports its progress on standard output, a line of JSON each time.
When the server ends, the worker's standard input ends, and so does the worker.
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
from foldlog_server.views.batch import CannotApply, one_line
from foldlog_server.views.catch_up import catch_up
from foldlog_server.views.definition import generation
from foldlog_server.views.group import ProjectorGroup
from foldlog_server.views.projector import Projector

REPORT_SECONDS = 0.1
"""Seconds between two reports of the progress, at least."""

_NICENESS = 10
_LOCK_SECONDS = 30
_CANNOT = 3
"""The exit code when the view cannot be built, so that a retry is useless."""


_log = logging.getLogger("foldlog")


class CannotBuild(Exception):
    """The view cannot be built, and a retry is useless."""


class RebuildReport(NamedTuple):
    """One line of the worker's output: its progress, or why it has failed."""

    position: int = 0
    head: int = 0
    failed: str = ""
    """Why the view cannot be built; empty if it can."""

    @property
    def line(self) -> str:
        """The report as a line of JSON, without its end."""
        return json.dumps(self._asdict())

    @classmethod
    def of(cls, line: str) -> "RebuildReport":
        """Parse a line."""
        return cls(**json.loads(line))


async def build(view: AnyView, file: ViewFile, log: Log, report: Callable[[RebuildReport], None]) -> None:
    """Build a view in a file up to the end of the log, and report the progress.

    Raises `CannotApply`, and `ReadModelUnavailable` if the file cannot be written.
    """
    contents = await view_files.whole_contents_of(file, view)
    if contents is None or not await view_files.fits(log, contents):
        view_files.make(file.path, view, log.log_id, is_complete=False)
    read_model = await SqliteReadModel.open(file, view, WriterThread())
    try:
        await _follow(ProjectorGroup([Projector(view, read_model)], log), log, report)
    finally:
        await read_model.close()


async def _follow(group: ProjectorGroup, log: Log, report: Callable[[RebuildReport], None]) -> None:
    """Catch up with the log, which grows meanwhile."""
    report(RebuildReport(group.position, log.head.position))
    reported = time.monotonic()
    while group.position < (head := log.head.position):
        async for position in catch_up(group, head):
            if time.monotonic() - reported >= REPORT_SECONDS:
                report(RebuildReport(position, head))
                reported = time.monotonic()
    report(RebuildReport(group.position, head))


def main(data: str, view_name: str, wanted: str, number: str, *domains: str) -> int:
    """Build the view in the file; returns the exit code."""
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    os.nice(_NICENESS)
    collect_garbage_rarely()
    log_to_stderr("warning")
    sys.stdout = sys.stderr  # so that what a domain prints does not mix with the reports
    try:
        _build(Path(data), view_name, wanted, int(number), _domains(domains))
    except CannotBuild as error:
        _print(RebuildReport(failed=str(error)))
        return _CANNOT
    except Exception:
        _log.exception("The view %s could not be built to the end.", view_name)
        return 1
    return 0


def _domains(names: Sequence[str]) -> Domains:
    try:
        return named(names)
    except DomainsUnfit as error:
        raise CannotBuild(f"{error} The running server was started before that; restart it") from None


def _build(data: Path, view_name: str, wanted: str, number: int, domains: Domains) -> None:
    view = next((view for view in domains.views if view.name == view_name), None)
    if view is None or generation(view) != wanted:
        raise CannotBuild(
            f"the installed code defines the view {view_name} in another way than the running server, which "
            "was started before; restart it"
        )
    file = view_files.file_of(data / "views", view_name, wanted, number)
    # A worker whose server has just ended may still be writing the file.
    with (
        FileLock(file.lock, mode=private_files.MODE, timeout=_LOCK_SECONDS),
        SqliteLogReader.open(data) as reader,
    ):
        try:
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(build(view, file, ReadOnlyLog(reader), _print))
        except CannotApply as error:
            raise CannotBuild(f"{error}: {one_line(error.__cause__ or error)}") from error


def _print(report: RebuildReport) -> None:
    out = sys.__stdout__
    assert out is not None
    out.write(f"{report.line}\n")
    out.flush()


def _end_with_the_server() -> None:
    # Not through sys.stdin: a thread that waits holds its lock, which is fatal when the interpreter ends.
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)  # the transaction under way is committed whole or not at all


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
