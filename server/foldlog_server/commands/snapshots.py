"""Snapshots: states that a fold can begin with, so that a long stream is not read from its start.

They are disposable, and never believed more than the log: a snapshot is used only if the event that made it
is still there, under the same id.
"""

from typing import NamedTuple, Protocol

from foldlog_server.domain import state_codec
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.log.events import ANY

EVERY = 1_000
"""Events of a stream between two snapshots, at least."""


class Until(NamedTuple):
    """Where a fold ends: behind the last event that is within all of these bounds."""

    version: int = ANY
    position: int = ANY
    time: int = ANY
    """Of recording, in nanoseconds since the epoch."""


class Snapshot(NamedTuple):
    """The state of a stream behind one of its events."""

    version: int
    position: int
    time: int
    """Of recording, in nanoseconds since the epoch."""
    event_id: str
    state: object


class Snapshots(Protocol):
    """Keeps snapshots, and may forget any of them at any time."""

    def newest(self, stream: str, decider: AnyDecider, until: Until) -> Snapshot | None:
        """The newest of a stream within the bounds, made by the same revision in the same shape."""

    def keep(self, stream: str, decider: AnyDecider, snapshot: Snapshot) -> None:
        """Keep one, soon and if it is worth its room; others stay as they are."""


class NoSnapshots:
    """Folds everything from the beginning."""

    def newest(self, stream: str, decider: AnyDecider, until: Until) -> Snapshot | None:
        return None

    def keep(self, stream: str, decider: AnyDecider, snapshot: Snapshot) -> None:
        pass


def kind(decider: AnyDecider) -> str:
    """Names the snapshots that fit a decider: its category, its revision and the shape of its states."""
    return f"{decider.category} {decider.revision} {state_codec.shape_of(decider.initial)}"
