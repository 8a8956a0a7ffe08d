"""Rebuilds views in processes of their own, so that a rebuild does not slow down the server's calls."""

import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from foldlog_server.app.rebuild_worker import RebuildReport
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
"""Seconds before a process that failed is followed by another; doubled while they make no progress."""

ATTEMPTS = 6
"""After this many processes without progress the rebuild has failed; what they built stays on disk."""

_log = logging.getLogger("foldlog")


class RebuildProcesses:
    """Starts a process for each view that is rebuilt, and another one if that is killed."""

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
        """`domains` are the names of the domains that are served, and `thread` writes the rebuilt
        views later.

        `serving` are the files, by view, that are answered from, and `interrupted` those of rebuilds that
        were interrupted. `refusal` returns the error if nothing can be built now; for `is_detached` see
        `SqliteReadModel.open`.
        """
        self._data = data
        self._domains = domains
        self._store = store
        self._thread = thread
        self._files = dict(interrupted)
        self._newest = {name: file.number for name, file in [*serving.items(), *interrupted.items()]}
        """The highest number that a file of each view has had."""
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

    async def build(self, view: AnyView, report: Callable[[Progress], None]) -> ReadModel:
        file = self._files.pop(view.name)
        reached = failures = 0

        def on_progress(progress: Progress) -> None:
            nonlocal reached, failures
            if progress.position > reached:
                reached, failures = progress.position, 0
            report(progress)

        while (code := await self._run(view, file, on_progress)) != 0:
            failures += 1
            if failures == ATTEMPTS:
                self._files[view.name] = file  # the next rebuild resumes it
                raise BuildFailed(f"its process ended {ATTEMPTS} times with {code}, without progress")
            pause = PAUSE * 2 ** (failures - 1)
            _log.warning(
                "The process that rebuilds the view %s ended with %d; another resumes it in %g s.",
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

    async def _run(self, view: AnyView, file: ViewFile, report: Callable[[Progress], None]) -> int:
        """Run one process; returns its exit code, or raises `BuildFailed` if another would fail, too."""
        loop = asyncio.get_running_loop()
        failures: list[str] = []

        def on_report(line: RebuildReport) -> None:
            if line.failed:
                failures.append(line.failed)
            else:
                report(Progress(line.position, line.head))

        arguments = (str(self._data), view.name, file.generation, str(file.number), *self._domains)
        child = _Child(arguments)
        running = asyncio.ensure_future(
            asyncio.to_thread(child.run, lambda line: loop.call_soon_threadsafe(on_report, line))
        )
        try:
            code = await asyncio.shield(running)
        finally:
            child.end()
            await asyncio.wait([running])
        await asyncio.sleep(0)  # its last report is handled
        if failures:
            file.delete()
            raise BuildFailed(failures[0])
        return code


class _Child:
    """A process, started and read in a thread: uvloop would fork, and hang if gRPC held a lock meanwhile."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None
        self._must_end = False

    def run(self, on_report: Callable[[RebuildReport], object]) -> int:
        """Start the process and read its reports until it ends; returns its exit code."""
        self._process = _start(self._arguments)
        if self._must_end:
            self._process.terminate()
        with self._process as process:
            assert process.stdout is not None
            for line in process.stdout:
                on_report(RebuildReport.of(line))
        return process.returncode

    def end(self) -> None:
        """Terminate the process, if it has not ended."""
        self._must_end = True
        if self._process is not None:
            self._process.terminate()


def _start(arguments: Sequence[str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "foldlog_server.app.rebuild_worker", *arguments]
    # The worker imports domains from where this process did: a test runner adds paths that no variable has.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    # In a session of its own, so that Ctrl-C reaches only the server, which ends the worker in order.
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
        start_new_session=True,
    )
