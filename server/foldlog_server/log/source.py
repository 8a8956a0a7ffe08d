"""Everything that a log holds, in order, for making a copy of it, however the log is reached."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol

from foldlog_server.log.event_store import Head
from foldlog_server.log.events import EncodedEvent
from foldlog_server.log.lineage import Ancestor, Opening


class Origin(NamedTuple):
    """Which log it is, and where its head was when the copy began."""

    log_id: str
    made_time: int
    head: Head
    served: int
    """How long the log has been served, in nanoseconds."""
    settled: int
    """No event may be recorded before this time, in nanoseconds since the epoch."""
    ancestors: tuple[Ancestor, ...]
    openings: tuple[Opening, ...]


class StoredRequest(NamedTuple):
    """A request record as it is stored."""

    partition: str
    """The table that it is stored in."""
    key: bytes
    fingerprint: bytes
    outcome: str


class LogSource(Protocol):
    """A log that is being copied; it may grow meanwhile.

    Reading raises `DataDamaged`, or `StoreUnavailable` if the log cannot be read.
    """

    @property
    def origin(self) -> Origin:
        """Which log it is."""

    def events(self, until: int) -> AsyncIterator[Sequence[EncodedEvent]]:
        """All events up to a position, which is at most the head; checksum and order are checked."""

    def requests(self) -> AsyncIterator[Sequence[StoredRequest]]:
        """All request records within the window; called after the events have been read."""
