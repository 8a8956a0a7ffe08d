"""Where the copy of a log comes from: all that the log holds, in order, however it is reached."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol

from foldlog_server.log.event_store import Head
from foldlog_server.log.events import EncodedEvent
from foldlog_server.log.lineage import Ancestor, Opening


class Origin(NamedTuple):
    """Which log it is, and how far it went when it was looked at first."""

    log_id: str
    made_time: int
    head: Head
    served: int
    """How long the log has been served, in nanoseconds."""
    settled: int
    """Nothing may be recorded before this time, in nanoseconds since the epoch."""
    ancestors: tuple[Ancestor, ...]
    openings: tuple[Opening, ...]


class StoredRequest(NamedTuple):
    """A request record as it is stored."""

    partition: str
    """The table that holds it."""
    key: bytes
    fingerprint: bytes
    outcome: str


class LogSource(Protocol):
    """A log that is copied; it may grow meanwhile.

    Whoever reads it may get `DataDamaged`, or `StoreUnavailable` if it cannot be read.
    """

    @property
    def origin(self) -> Origin:
        """Which log it is."""

    def events(self, until: int) -> AsyncIterator[Sequence[EncodedEvent]]:
        """Every event up to a position that is not beyond the head, checked against checksum and order."""

    def requests(self) -> AsyncIterator[Sequence[StoredRequest]]:
        """Every request record that is still remembered; asked for when the events have been read."""
