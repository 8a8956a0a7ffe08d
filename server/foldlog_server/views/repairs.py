"""Has views built anew that are damaged, cannot be written any more, or do not follow the log, without help.

A rebuild that fails is tried again after a pause that grows, for what is in its way may last: a full disk is
not made any emptier by trying.
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
"""How often the views are looked at while nobody reads them."""

LONGEST_PAUSE = 300.0
"""Seconds between two attempts; the first pause is one second."""

Tell = Callable[[str, bool], None]
"""Is told of a view whether it is well."""


@dataclass(slots=True)
class _Attempts:
    """What was tried for one view."""

    count: int = 0
    due: float | None = None
    """When the next is due; None while one is under way."""


class Repairs:
    """Looks after all views."""

    def __init__(
        self, projectors: ViewRegistry, rebuilds: Rebuilds, tell: Tell, *, timer: Timer | None = None
    ) -> None:
        """`tell` hears of every view at each look; `timer` is the running loop if not given."""
        self._projectors = projectors
        self._rebuilds = rebuilds
        self._tell = tell
        self._timer = timer
        self._attempts: dict[str, _Attempts] = {}
        self._troubles: dict[str, LastingProblem] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look after them."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Leave off."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def next_attempt(self, view: str) -> float | None:
        """Seconds until a rebuild that failed is tried again; None if nothing is."""
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
        """Whatever comes of one view, all are looked at again and again: a shortage passes."""
        name = projector.view.name
        try:
            self._check(projector)
            self._see_to(projector)
        except Exception as error:
            self._trouble_of(name).occurred(f"{type(error).__name__}: {error}")
        else:
            self._trouble_of(name).ended()
        self._tell(name, is_well(projector))

    def _trouble_of(self, name: str) -> LastingProblem:
        return self._troubles.setdefault(
            name,
            LastingProblem(
                f"The view {name} cannot be looked after, and is tried again: %s",
                f"The view {name} is looked after again.",
            ),
        )

    @staticmethod
    def _check(projector: Projector) -> None:
        try:
            projector.read_model.check()
        except ReadModelDamaged as damage:
            projector.be_damaged(damage)

    def _see_to(self, projector: Projector) -> None:
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


def is_well(projector: Projector) -> bool:
    """Whether a view answers, and can be written."""
    has_trouble = projector.damage or projector.hindrance or projector.answers_from
    return not has_trouble and projector.failed is None
