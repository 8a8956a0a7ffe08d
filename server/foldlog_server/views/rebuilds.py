"""Rebuilds views one after another while their former documents answer, and then swaps in the new ones."""

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple, Protocol

from foldlog_server.domain.view import AnyView
from foldlog_server.personal import described
from foldlog_server.timer import Timer
from foldlog_server.views.batch import one_line
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import ReadModel, ReadModelDamaged
from foldlog_server.views.registry import CannotReplace, ViewRegistry

_log = logging.getLogger("foldlog")


class Progress(NamedTuple):
    """The progress of a rebuild."""

    position: int
    target: int
    """The end of the log when it was last read; it may grow meanwhile."""


class BuildFailed(Exception):
    """The view cannot be rebuilt, such as when it cannot say what an event of the log touches."""


class RebuildRunner(Protocol):
    """Builds the documents of views beside those that are served."""

    def prepare(self, view: AnyView) -> None:
        """Record on disk that a view is to be rebuilt, so that a restart resumes it.

        Raises a `StoreError` if that cannot be done now, or if the log to build it from is gone.
        """

    async def build(self, view: AnyView, report: Callable[[Progress], None]) -> ReadModel:
        """Build new documents of a view that was prepared, up to about the end of the log.

        `report` is called with the progress. Raises `BuildFailed`.
        """


class Rebuilds:
    """Runs the rebuilds of a server, and knows their progress and failures."""

    def __init__(
        self, projectors: ViewRegistry, runner: RebuildRunner, *, timer: Timer | None = None
    ) -> None:
        """`timer` is the running loop if not given."""
        self._projectors = projectors
        self._runner = runner
        self._timer = timer
        self._under_way: dict[str, Progress] = {}
        self._failures: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    def start(self, name: str) -> None:
        """Rebuild a view, unless a rebuild of it is under way. Raises `KeyError` if the view does not exist.

        Raises what the runner raises if it cannot prepare the rebuild.
        """
        view = self._projectors.of_view(name).view
        if name in self._under_way:
            return
        self._runner.prepare(view)
        self._under_way[name] = Progress(0, 0)
        task = asyncio.get_running_loop().create_task(self._run(view))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def progress(self, name: str) -> Progress | None:
        """The progress of a view's rebuild; 0 of 0 while it waits for its turn, None if none is under way."""
        return self._under_way.get(name)

    def failure(self, name: str) -> str:
        """Why the last rebuild of a view failed; empty if it did not, or if another is under way."""
        return "" if name in self._under_way else self._failures.get(name, "")

    def try_start(self, name: str) -> None:
        """As `start`, but what prevents the rebuild from beginning is recorded as its failure."""
        try:
            self.start(name)
        except Exception as error:  # operators see it, and the rebuild is retried
            self._failures[name] = one_line(error)

    async def stop(self) -> None:
        """Stop; what has been built so far stays on disk, and the next start resumes it."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self, view: AnyView) -> None:
        try:
            async with self._turn:
                _log.info("The view %s is being rebuilt.", view.name)
                await self._rebuild(view)
                self._failures.pop(view.name, None)
                _log.info("The view %s is answered from its new documents.", view.name)
        except Exception as error:
            self._fail(view, error)
        finally:
            del self._under_way[view.name]

    async def _rebuild(self, view: AnyView) -> None:
        def report(progress: Progress) -> None:
            self._under_way[view.name] = progress

        read_model = await self._runner.build(view, report)
        try:
            former = await self._projectors.replace(Projector(view, read_model, timer=self._timer))
        except (CannotReplace, ReadModelDamaged):
            await read_model.discard()
            raise
        except BaseException:
            await read_model.close()
            raise
        await self._projectors.discard(former)

    def _fail(self, view: AnyView, error: Exception) -> None:
        before = self._failures.get(view.name)
        self._failures[view.name] = str(error) if isinstance(error, BuildFailed) else one_line(error)
        former = self._projectors.of_view(view.name)
        if self._failures[view.name] != before:  # else it has been logged
            _log.error(
                "The view %s could not be rebuilt, and %s: %s",
                view.name,
                "answers nothing" if former.damage else "is answered from its former documents",
                # The message of a `BuildFailed` may quote a document.
                "foldlog views list says why" if isinstance(error, BuildFailed) else described(error),
                exc_info=None if isinstance(error, (BuildFailed, ReadModelDamaged, OSError)) else error,
            )
        if not former.follows and not former.damage and former.failed is None:
            former.fail(error)  # nothing brings it up to date until a rebuild succeeds
