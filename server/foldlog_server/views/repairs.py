"""Rebuilds views that are damaged, cannot be written, or do not follow the log, without an operator's help.

A rebuild that fails is retried after a growing pause, because the cause may last: retrying does not empty a
full disk.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from foldlog_server.lasting_problem import LastingProblem
from foldlog_server.timer import Timer, within
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import ReadModelDamaged
from foldlog_server.views.rebuilds import Rebuilds
from foldlog_server.views.registry import ViewRegistry

LOOK_SECONDS = 1.0
"""Seconds between two checks of the views, unless damage is found earlier."""

LONGEST_PAUSE = 300.0
"""Seconds between two attempts; the first pause is one second."""

Report = Callable[[str, bool], None]
"""Takes the name of a view and whether it is healthy."""


@dataclass(slots=True)
class _Attempts:
    """The attempts to rebuild one view."""

    count: int = 0
    due: float | None = None
    """When the next attempt is due; None while one is under way."""


class Repairs:
    """Checks all views, and repairs them."""

    def __init__(
        self, projectors: ViewRegistry, rebuilds: Rebuilds, report: Report, *, timer: Timer | None = None
    ) -> None:
        """`report` is called for every view at each check; `timer` is the running loop if not given."""
        self._projectors = projectors
        self._rebuilds = rebuilds
        self._report = report
        self._timer = timer
        self._attempts: dict[str, _Attempts] = {}
        self._troubles: dict[str, LastingProblem] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to check them."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stop checking them."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def next_attempt(self, view: str) -> float | None:
        """Seconds until a failed rebuild is retried; None if no retry is due."""
        attempts = self._attempts.get(view)
        if attempts is None or attempts.due is None:
            return None
        return max(0.0, attempts.due - self._clock().time())

    def _clock(self) -> Timer:
        return self._timer or asyncio.get_running_loop()

    async def _run(self) -> None:
        damaged = self._projectors.damaged
        while True:
            damaged.clear()
            for projector in self._projectors.all:
                self._look_at(projector)
            await within(self._clock(), LOOK_SECONDS, damaged.wait())

    def _look_at(self, projector: Projector) -> None:
        """Check one view. An error is logged and the check retried, as a shortage may pass."""
        name = projector.view.name
        try:
            self._check(projector)
            self._repair(projector)
        except Exception as error:
            self._trouble_of(name).occurred(f"{type(error).__name__}: {error}")
        else:
            self._trouble_of(name).ended()
        self._report(name, is_healthy(projector))

    def _trouble_of(self, name: str) -> LastingProblem:
        return self._troubles.setdefault(
            name,
            LastingProblem(
                f"The view {name} cannot be checked and repaired, which is retried: %s",
                f"The view {name} is checked and repaired again.",
            ),
        )

    @staticmethod
    def _check(projector: Projector) -> None:
        try:
            projector.read_model.check()
        except ReadModelDamaged as damage:
            projector.be_damaged(damage)

    def _repair(self, projector: Projector) -> None:
        name = projector.view.name
        if projector.follows and not projector.needs_another:
            self._attempts.pop(name, None)
            return
        attempts = self._attempts.setdefault(name, _Attempts())
        if self._rebuilds.progress(name) is not None:  # also one that an operator asked for
            attempts.count, attempts.due = max(1, attempts.count), None
        elif attempts.count and attempts.due is None:
            attempts.due = self._clock().time() + min(2.0 ** (attempts.count - 1), LONGEST_PAUSE)
        elif attempts.due is None or self._clock().time() >= attempts.due:
            attempts.count, attempts.due = attempts.count + 1, None
            self._rebuilds.try_start(name)


def is_healthy(projector: Projector) -> bool:
    """Whether a view answers and can be written."""
    has_trouble = projector.damage or projector.hindrance or projector.answers_from
    return not has_trouble and projector.failed is None
