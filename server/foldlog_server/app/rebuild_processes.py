"""Builds views in a process of their own, so that they take no turns of the loop from whoever calls."""

import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from foldlog_server.app.rebuild_worker import Told
from foldlog_server.domain.view import AnyView
from foldlog_server.errors import StoreError
from foldlog_server.log.event_store import EventStore
from foldlog_server.stores import store_errors
from foldlog_server.stores.causes import DAMAGE, Cause, cause_in
from foldlog_server.stores.views import view_files
from foldlog_server.stores.views.read_model import SqliteReadModel
from foldlog_server.stores.views.view_files import ViewFile
from foldlog_server.stores.writer_thread import WriterThread
from foldlog_server.views.read_model import ReadModel, ReadModelDamaged
from foldlog_server.views.rebuilds import BuildFailed, Progress

PAUSE = 1.0
"""Seconds before a process that came to an end is followed by another; doubled while they come no further."""

ATTEMPTS = 6
"""So many processes that come no further are enough; what they built stays for the next start."""

_log = logging.getLogger("foldlog")


class BuildProcess:
    """Starts one process a view, and another when that one is killed."""

    def __init__(
        self,
        data: Path,
        domains: Sequence[str],
        store: EventStore,
        thread: WriterThread,
        serving: Mapping[str, ViewFile],
        interrupted: Mapping[str, ViewFile],
        refusal: Callable[[], StoreError | None],
        is_detached: Callable[[], bool],
    ) -> None:
        """`domains` are the names of those that are served, and `thread` writes what has been built.
        `serving` are the files, by view, that are answered from, and
        `interrupted` those that were being built. `refusal` says why nothing can be built, if that is so;
        for `is_detached` see `SqliteReadModel.open`.
        """
        self._data = data
        self._domains = domains
        self._store = store
        self._thread = thread
        self._files = dict(interrupted)
        self._newest = {name: file.number for name, file in [*serving.items(), *interrupted.items()]}
        """The highest number that a file of each view has or had."""
        self._refusal = refusal
        self._is_detached = is_detached

    def prepare(self, view: AnyView) -> None:
        if (refusal := self._refusal()) is not None:
            raise refusal
        if view.name not in self._files:
            file = view_files.new_file(view, self._data / "views", self._newest.get(view.name, 0))
            try:
                view_files.make(file.path, view, self._store.log_id, is_complete=False)
            except (OSError, sqlite3.Error, MemoryError) as error:
                file.delete()
                cause = cause_in(file.path.parent, error)
                if cause is Cause.OTHER or cause in DAMAGE:
                    raise
                raise store_errors.for_cause(cause) from error
            self._newest[view.name] = file.number
            self._files[view.name] = file

    async def build(self, view: AnyView, tell: Callable[[Progress], None]) -> ReadModel:
        file = self._files.pop(view.name)
        reached = in_vain = 0

        def hear(progress: Progress) -> None:
            nonlocal reached, in_vain
            if progress.position > reached:
                reached, in_vain = progress.position, 0
            tell(progress)

        while (code := await self._run(view, file, hear)) != 0:
            in_vain += 1
            if in_vain == ATTEMPTS:
                self._files[view.name] = file  # whoever tries again goes on with it
                raise BuildFailed(f"its process ended {ATTEMPTS} times with {code}, and came no further")
            pause = PAUSE * 2 ** (in_vain - 1)
            _log.warning(
                "The process that builds the view %s ended with %d; another goes on in %g s.",
                view.name,
                code,
                pause,
            )
            await asyncio.sleep(pause)
        file.lock.unlink(missing_ok=True)
        try:
            return await SqliteReadModel.open(file, view, self._thread, self._is_detached)
        except (ReadModelDamaged, OSError, sqlite3.Error) as error:
            file.delete()
            raise BuildFailed(f"what was built cannot be opened: {error}") from error

    async def _run(self, view: AnyView, file: ViewFile, tell: Callable[[Progress], None]) -> int:
        """Its exit code; raises `BuildFailed` if it is of no use to start another."""
        loop = asyncio.get_running_loop()
        failures: list[str] = []

        def hear(told: Told) -> None:
            if told.failed:
                failures.append(told.failed)
            else:
                tell(Progress(told.position, told.head))

        arguments = (str(self._data), view.name, file.generation, str(file.number), *self._domains)
        child = _Child(arguments)
        listening = asyncio.ensure_future(
            asyncio.to_thread(child.listen, lambda told: loop.call_soon_threadsafe(hear, told))
        )
        try:
            code = await asyncio.shield(listening)
        finally:
            child.end()
            await asyncio.wait([listening])
        await asyncio.sleep(0)  # what it said last is heard
        if failures:
            file.delete()
            raise BuildFailed(failures[0])
        return code


class _Child:
    """A process, started and heard in a thread: uvloop would fork, and hang if gRPC held a lock meanwhile."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None
        self._is_to_end = False

    def listen(self, hear: Callable[[Told], object]) -> int:
        """Its exit code, when it has said all that it has to say."""
        self._process = _start(self._arguments)
        if self._is_to_end:
            self._process.terminate()
        with self._process as process:
            assert process.stdout is not None
            for line in process.stdout:
                hear(Told.of(line))
        return process.returncode

    def end(self) -> None:
        """Have it end, if it has not."""
        self._is_to_end = True
        if self._process is not None:
            self._process.terminate()


def _start(arguments: Sequence[str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "foldlog_server.app.rebuild_worker", *arguments]
    # A domain is found where this process found it: a test runner adds to sys.path what no variable says.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    # In a session of its own, so that Ctrl-C reaches the server alone, which ends it in order.
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
        start_new_session=True,
    )
