"""Collects the damage that `verify` finds, and prints it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.table import Table

from foldlog_server.printable import counted, printable
from foldlog_server.tables import table_of

MOST = 100
"""How many findings are listed; more are only counted."""


class Damage(NamedTuple):
    """One part of a file that is not as it was written."""

    file: str
    part: str
    """The table, index or collection in the file; empty for the file itself."""
    where: str
    """The place, such as a position, a stream's version, a document's id."""
    what: str


class Findings:
    """How much was checked, and what is damaged."""

    def __init__(self) -> None:
        self.events = 0
        self.streams = 0
        self.requests = 0
        self.views = 0
        """Views whose documents were compared with a replay."""
        self.snapshots = 0
        self.notes: list[str] = []
        """What could not be checked, though nothing is wrong with it."""
        self.unlisted = 0
        """How many findings are not listed."""
        self.seconds = 0.0
        self._damages: list[Damage] = []

    @property
    def damages(self) -> Sequence[Damage]:
        """The damage, in the order in which it was found."""
        return self._damages

    def add(self, file: str, part: str, where: str, what: str) -> None:
        """Add a finding; beyond `MOST` it is only counted."""
        if len(self._damages) < MOST:
            self._damages.append(Damage(file, part, where, what))
        else:
            self.unlisted += 1


def as_json(findings: Findings) -> dict[str, Any]:
    """The findings as JSON, for programs."""
    return {
        "events": findings.events,
        "streams": findings.streams,
        "requests": findings.requests,
        "views": findings.views,
        "snapshots": findings.snapshots,
        "seconds": round(findings.seconds, 3),
        "notes": findings.notes,
        "damages": [damage._asdict() for damage in findings.damages],
        "untold": findings.unlisted,
    }


def table_of_damages(findings: Findings) -> Table:
    """A row for each finding."""
    table = table_of("file", "part", "where", "what")
    for damage in findings.damages:
        table.add_row(*map(printable, damage))
    return table


def summary(findings: Findings) -> str:
    """What was checked and found, in one line."""
    found = len(findings.damages) + findings.unlisted
    damaged = f"{found:,} {'thing is' if found == 1 else 'things are'}" if found else "Nothing is"
    checked = [
        f"{counted(findings.events, 'event')} in {counted(findings.streams, 'stream')}",
        counted(findings.requests, "request record"),
    ]
    checked += [f"{counted(findings.views, 'view')} against a replay"] if findings.views else []
    checked += [counted(findings.snapshots, "snapshot")] if findings.snapshots else []
    rate = findings.events / findings.seconds if findings.seconds else 0
    spent = f"in {findings.seconds:.1f} s ({rate:,.0f} events a second)"
    return f"{damaged} damaged: {', '.join(checked)}, {spent}."
