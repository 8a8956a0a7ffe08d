"""Compares two servers in the same rounds, as ratios with an interval that shows how far to trust them."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from bench.h2load import SHAPES, command_line
from bench.machine import NOT_DISKS
from bench.shop import Window

_HEAD = (
    (
        *("what", "a second here", "there", "here ÷ there", "there again ÷ there"),
        *("CPU here ÷ there", "CPU there again ÷ there"),
    ),
    ("---", "---:", "---:", "---:", "---:", "---:", "---:"),
)


class Side(Enum):
    """Which server was measured."""

    HERE = 1
    THERE = 2
    THERE_AGAIN = 3


class Estimate(NamedTuple):
    """A median and its interval."""

    median: float
    low: float
    high: float
    is_certain: bool = True
    """Whether the interval is one at 95 %."""

    @property
    def differs(self) -> bool:
        """Whether the interval excludes 1, that is, no difference."""
        return self.is_certain and not self.low <= 1 <= self.high

    def __str__(self) -> str:
        text = f"{self.median:.3f} ({self.low:.3f} … {self.high:.3f})"
        return f"**{text}**" if self.differs else text


def estimate(ratios: Sequence[float]) -> Estimate:
    """Return the median and its interval at 95 %, for any distribution of the ratios.

    It leaves out as many of the least and greatest ratios as chance puts beyond the median in at most one run
    of twenty. With fewer than six ratios there is no such interval, and it covers all of them.
    """
    ordered, size = sorted(ratios), len(ratios)
    out, beyond = 0, 0.0
    while (beyond := beyond + math.comb(size, out) / 2**size) <= 0.025:
        out += 1
    low = max(out - 1, 0)
    return Estimate(statistics.median(ordered), ordered[low], ordered[size - 1 - low], out > 0)


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement of each server in each round."""

    name: str
    rounds: list[dict[Side, Window]] = field(default_factory=list)

    def per_second(self, side: Side) -> float:
        """The median of a server's windows."""
        return statistics.median(windows[side].per_second for windows in self.rounds)

    def rate(self, side: Side) -> Estimate:
        """The speed relative to the commit's server."""
        return estimate(self._ratios(side, lambda window: window.per_second))

    def cpu(self, side: Side) -> Estimate | None:
        """The CPU time relative to the commit's server; None if it is not known."""
        if any(not window.server_us for windows in self.rounds for window in windows.values()):
            return None
        return estimate(self._ratios(side, lambda window: window.server_us or 0.0))

    def _ratios(self, side: Side, value: Callable[[Window], float]) -> list[float]:
        return [value(windows[side]) / value(windows[Side.THERE]) for windows in self.rounds]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run."""

    against: str
    command: str
    calls: Mapping[int, int]
    seconds: float
    machine: Mapping[str, str]
    rows: Sequence[Row]

    def markdown(self) -> str:
        """Return the table, and how to read it."""
        lines = [f"# The working tree (here) against {self.against} (there)", ""]
        lines += [_line(cells) for cells in (*_HEAD, *map(_cells, self.rows))]
        return "\n".join([*lines, "", *self._notes(), "", *self._made()])

    def _notes(self) -> list[str]:
        rounds = len(self.rows[0].rounds) if self.rows else 0
        notes = [
            f"Of {rounds} rounds, each with a window of every server one after the other, in random order. "
            "A ratio is the median of the ratios within a round, with its interval at 95 % (of fewer than "
            "six rounds, the least and the greatest); in bold where that excludes 1.",
            "`there again` is a second process of the same commit, with a log of its own: its columns "
            "show how large a difference this machine makes up. Trust no difference that is not well beyond "
            "theirs; more rounds narrow all of them.",
            "A second: more is faster. CPU: the server's own CPU time for a call or a start; "
            "less is better, and other programs disturb it least.",
            "Commands are `CreateOrder`, until all are durable and every view has seen them; queries are "
            "`GetOrder` of one order. A window counts only if the server did what was requested. Both "
            "servers run in the environment of the working tree, under load from one h2load.",
        ]
        if self.machine["file system"] in NOT_DISKS:
            notes.insert(0, f"Nothing here was durable: the data was on {self.machine['file system']}.")
        return [f"- {note}" for note in notes]

    def _made(self) -> list[str]:
        facts = "; ".join(f"{name}: {value}" for name, value in self.machine.items())
        load = [
            "    " + " ".join(command_line(calls, SHAPES[in_flight], "URL", "BODY", "LOG"))
            for in_flight, calls in self.calls.items()
        ]
        made = f"Made by `{self.command}` in {self.seconds:.0f} seconds; the load by"
        return [made, "", *load, "", f"Measured on: {facts}.", ""]


def _cells(row: Row) -> list[str]:
    here, again = row.cpu(Side.HERE), row.cpu(Side.THERE_AGAIN)
    return [
        row.name,
        _rate(row.per_second(Side.HERE)),
        _rate(row.per_second(Side.THERE)),
        str(row.rate(Side.HERE)),
        str(row.rate(Side.THERE_AGAIN)),
        "" if here is None else str(here),
        "" if again is None else str(again),
    ]


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.2f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
