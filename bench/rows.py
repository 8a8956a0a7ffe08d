"""Defines the rows of the table, each with the figures that it has to reach."""

import random
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from bench.rebuild import ALL_VIEWS
from bench.shop import Window
from bench.stand import Stand
from foldlog_server.domains.shop import SHOP

NOISY_SPREAD = 1.5
"""A window is noisy if one of the two echoes around it was this many times as fast as the other."""


class Gate(NamedTuple):
    """The figures that a row has to reach: as a ratio to the echo, or in events a second."""

    must: float
    aim: float
    floor: float | None = None
    """Below it, something is broken."""
    is_absolute: bool = False

    def verdict(self, value: float) -> str:
        """Return the highest of the three that is met."""
        for name, bound in (("aim", self.aim), ("must", self.must), ("floor", self.floor)):
            if bound is not None and value >= bound:
                return f"{name} met"
        return "not met"


class Measured(NamedTuple):
    """A window between two windows of the echo."""

    before: Window
    window: Window
    after: Window

    @property
    def ratio(self) -> float:
        """The ratio to the echo."""
        return self.window.per_second * (1 / self.before.per_second + 1 / self.after.per_second) / 2

    @property
    def is_noisy(self) -> bool:
        """Whether the echo's speed changed around it, because other programs were running."""
        echoes = self.before.per_second, self.after.per_second
        return max(echoes) > NOISY_SPREAD * min(echoes)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    name: str
    unit: str
    echo_in_flight: int
    gate: Gate | None = None
    measured: list[Measured] = field(default_factory=list)

    def per_second(self) -> float:
        """The median of the windows."""
        return statistics.median(one.window.per_second for one in self.measured)

    def ratios(self) -> list[float]:
        """The ratio of each window to the echo."""
        return [one.ratio for one in self.measured]

    def value(self) -> float:
        """The figure that the gate is compared with."""
        if self.gate is not None and self.gate.is_absolute:
            return self.per_second()
        return statistics.median(self.ratios())

    def noisy(self) -> int:
        """How many windows are noisy."""
        return sum(one.is_noisy for one in self.measured)

    def verdict(self) -> str:
        """The gate's verdict; empty if there is none."""
        return self.gate.verdict(self.value()) if self.gate else ""


class Trial(NamedTuple):
    """One thing to measure beside the echo; it returns windows by the name of their row."""

    echo_in_flight: int
    measure: Callable[[], Awaitable[Mapping[str, Window]]]


COMMANDS = {
    64: Gate(must=0.65, aim=0.80, floor=0.5),
    16: Gate(must=0.60, aim=0.75),
    1: Gate(must=0.35, aim=0.45),
}
QUERIES = {64: Gate(must=0.80, aim=0.90, floor=0.7), 1: Gate(must=0.80, aim=0.90, floor=0.7)}
APPENDS = Gate(must=0.5, aim=0.65)
"""Group commit must be worth its cost; the aim is what a whole command must reach, `COMMANDS[64].must`."""
CATCH_UP = Gate(must=60, aim=130)
REBUILD = Gate(must=40_000, aim=100_000, is_absolute=True)

_APPENDS_NAME = "group commit alone, 64 in flight"
_CATCH_UP_NAME = "catch-up subscription, one reader"


def table() -> dict[str, Row]:
    """Return all rows, empty, by name and in their order."""
    rows = [
        *(Row(_commands(n), "commands", n, gate) for n, gate in COMMANDS.items()),
        Row(_APPENDS_NAME, "events", 64, APPENDS),
        *(Row(_queries(n), "queries", n, gate) for n, gate in QUERIES.items()),
        Row(_CATCH_UP_NAME, "events", 64, CATCH_UP),
        *(Row(_rebuild(view.name), "events", 64, REBUILD) for view in SHOP.views),
        Row(_rebuild(ALL_VIEWS), "events", 64),
    ]
    return {row.name: row for row in rows}


def trials(stand: Stand) -> list[Trial]:
    """Return the trials of one repetition."""

    async def rebuilding() -> dict[str, Window]:
        return {_rebuild(name): window for name, window in (await stand.rebuilding()).items()}

    return [
        *(Trial(n, _named(_commands(n), partial(stand.commands, n))) for n in COMMANDS),
        Trial(64, _named(_APPENDS_NAME, partial(stand.appends, 64))),
        *(Trial(n, _named(_queries(n), partial(stand.queries, n))) for n in QUERIES),
        Trial(64, _named(_CATCH_UP_NAME, stand.catching_up)),
        Trial(64, rebuilding),
    ]


async def repeat(
    stand: Stand, repetitions: int, chance: random.Random, progress: Callable[[int], None]
) -> Sequence[Row]:
    """Measure everything so often, in random order, each between two runs of the echo.

    `progress` is called with the number of repetitions that are done.
    """
    rows = table()
    for repetition in range(repetitions):
        progress(repetition)
        todo = trials(stand)
        chance.shuffle(todo)
        for trial in todo:
            for name, measured in (await _measured(stand, trial)).items():
                rows[name].measured.append(measured)
    return list(rows.values())


async def _measured(stand: Stand, trial: Trial) -> dict[str, Measured]:
    before = await stand.echoes(trial.echo_in_flight)
    windows = await trial.measure()
    after = await stand.echoes(trial.echo_in_flight)
    return {name: Measured(before, window, after) for name, window in windows.items()}


def _named(
    name: str, measure: Callable[[], Awaitable[Window]]
) -> Callable[[], Awaitable[Mapping[str, Window]]]:
    async def named() -> dict[str, Window]:
        return {name: await measure()}

    return named


def _commands(in_flight: int) -> str:
    return f"durable commands, {in_flight} in flight"


def _queries(in_flight: int) -> str:
    return f"point queries, {in_flight} in flight"


def _rebuild(name: str) -> str:
    return f"rebuild of {name}"
