"""Views that are built anew while the former documents answer, one after the other, and then swapped in."""

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple, Protocol

from foldlog_server.domain.view import AnyView
from foldlog_server.personal import described
from foldlog_server.timer import Timer
from foldlog_server.views.batch import told
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import ReadModel, ReadModelDamaged
from foldlog_server.views.registry import CannotReplace, ViewRegistry

_log = logging.getLogger("foldlog")


class Progress(NamedTuple):
    """How far a view has been built."""

    position: int
    target: int
    """The end of the log when it was looked at last; it may grow meanwhile."""


class BuildFailed(Exception):
    """The view cannot be built, such as when it cannot say what an event of the log touches."""


class RebuildRunner(Protocol):
    """Builds views aside from what serves."""

    def prepare(self, view: AnyView) -> None:
        """Keep it on disk that a view is to be built: after a restart it is gone on with.

        Raises a `StoreError` if that cannot be done now, or there is no log to build it from.
        """

    async def build(self, view: AnyView, tell: Callable[[Progress], None]) -> ReadModel:
        """Documents of their own for a view that was prepared, built up to about the end of the log.

        Raises `BuildFailed`.
        """


class Rebuilds:
    """Lets views be built anew, and knows what has become of that."""

    def __init__(
        self, projectors: ViewRegistry, builder: RebuildRunner, *, timer: Timer | None = None
    ) -> None:
        """`timer` is the running loop if not given."""
        self._projectors = projectors
        self._builder = builder
        self._timer = timer
        self._under_way: dict[str, Progress] = {}
        self._failures: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    def start(self, name: str) -> None:
        """Have a view built anew, unless it is already. Raises `KeyError` if there is none.

        What the builder raises when it cannot prepare that, is raised here, too.
        """
        view = self._projectors.of_view(name).view
        if name in self._under_way:
            return
        self._builder.prepare(view)
        self._under_way[name] = Progress(0, 0)
        task = asyncio.get_running_loop().create_task(self._run(view))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def progress(self, name: str) -> Progress | None:
        """How far a view has been built; 0 of 0 while it waits for its turn, None if nobody builds it."""
        return self._under_way.get(name)

    def failure(self, name: str) -> str:
        """Why the last rebuild of a view has failed; empty if it has not, or another is under way."""
        return "" if name in self._under_way else self._failures.get(name, "")

    def try_start(self, name: str) -> None:
        """As `start`; what keeps it from beginning is a failure like those that come later."""
        try:
            self.start(name)
        except Exception as error:  # whatever it is: it is told to operators, and tried again
            self._failures[name] = told(error)

    async def stop(self) -> None:
        """Leave off; what has been built so far stays, and is gone on with after the next start."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self, view: AnyView) -> None:
        try:
            async with self._turn:
                _log.info("The view %s is being built anew.", view.name)
                await self._rebuild(view)
                self._failures.pop(view.name, None)
                _log.info("The view %s is answered from its new documents.", view.name)
        except Exception as error:
            self._fail(view, error)
        finally:
            del self._under_way[view.name]

    async def _rebuild(self, view: AnyView) -> None:
        def tell(progress: Progress) -> None:
            self._under_way[view.name] = progress

        read_model = await self._builder.build(view, tell)
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
        self._failures[view.name] = str(error) if isinstance(error, BuildFailed) else told(error)
        former = self._projectors.of_view(view.name)
        if self._failures[view.name] != before:  # else it has been told
            _log.error(
                "The view %s could not be built anew, and %s: %s",
                view.name,
                "answers nothing" if former.damage else "is answered from its former documents",
                # What a builder tells may quote a document.
                "foldlog views list says why" if isinstance(error, BuildFailed) else described(error),
                exc_info=None if isinstance(error, (BuildFailed, ReadModelDamaged, OSError)) else error,
            )
        if not former.follows and not former.damage and former.failed is None:
            former.fail(error)  # what will bring it up to date takes its place
