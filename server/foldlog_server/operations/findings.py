"""What is damaged, and where."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.table import Table

from foldlog_server.printable import printable
from foldlog_server.tables import table_of

MOST = 100
"""Findings that are told; more are only counted."""


class Damage(NamedTuple):
    """One thing that is not as it was written."""

    file: str
    part: str
    """The table, index or collection in the file; empty for the file itself."""
    where: str
    """Such as a position, a stream's version, a document's id."""
    what: str


class Findings:
    """What was looked at, and what is damaged."""

    def __init__(self) -> None:
        self.events = 0
        self.streams = 0
        self.requests = 0
        self.views = 0
        """Those whose documents were held against a replay."""
        self.snapshots = 0
        self.notes: list[str] = []
        """What could not be looked at, though nothing is wrong with it."""
        self.untold = 0
        self.seconds = 0.0
        self._damages: list[Damage] = []

    @property
    def damages(self) -> Sequence[Damage]:
        """In the order in which they were found."""
        return self._damages

    def add(self, file: str, part: str, where: str, what: str) -> None:
        """Note what is damaged; once there are many, only that there is more."""
        if len(self._damages) < MOST:
            self._damages.append(Damage(file, part, where, what))
        else:
            self.untold += 1


def as_json(findings: Findings) -> dict[str, Any]:
    """What was found, for programs."""
    return {
        "events": findings.events,
        "streams": findings.streams,
        "requests": findings.requests,
        "views": findings.views,
        "snapshots": findings.snapshots,
        "seconds": round(findings.seconds, 3),
        "notes": findings.notes,
        "damages": [damage._asdict() for damage in findings.damages],
        "untold": findings.untold,
    }


def table_of_damages(findings: Findings) -> Table:
    """A line for each."""
    table = table_of("file", "part", "where", "what")
    for damage in findings.damages:
        table.add_row(*map(printable, damage))
    return table


def summary(findings: Findings) -> str:
    """What was looked at and found, in one line."""
    found = len(findings.damages) + findings.untold
    damaged = f"{found:,} {'thing is' if found == 1 else 'things are'}" if found else "Nothing is"
    looked_at = [
        f"{findings.events:,} events in {findings.streams:,} streams",
        f"{findings.requests:,} request records",
    ]
    looked_at += [f"{findings.views:,} views against a replay"] if findings.views else []
    looked_at += [f"{findings.snapshots:,} snapshots"] if findings.snapshots else []
    rate = findings.events / findings.seconds if findings.seconds else 0
    spent = f"in {findings.seconds:.1f} s ({rate:,.0f} events a second)"
    return f"{damaged} damaged: {', '.join(looked_at)}, {spent}."
