"""Everything an event store must promise. Every engine passes one suite, `tests/contract`.

Promises
1. An append is all or none, over all its streams, and is on disk before its future resolves.
2. Positions are 1, 2, 3, … without gaps, in the order of commits; versions likewise in each stream.
3. Appends take effect in the order in which `append` was called.
4. An append whose expected version is not the stream's fails by itself; its neighbours do not.
5. An append decided on another one that fails, fails too, before any version is looked at.
6. A request id is recorded in the transaction of what it did, and found again for the whole window.
7. Readers see a prefix of the log, whole transactions only; damaged bytes raise `DataDamaged`.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct, field

from foldlog.v1.events_pb2 import EventMetadata
from foldlog_server.errors import StoreError
from foldlog_server.log.events import EncodedEvent, NewEvent
from foldlog_server.log.lineage import Lineage

MAX_BATCH_BYTES = 1024 * 1024 - 72 * 1024
"""A read gives at most this many bytes of records at a time, and at least one event.

A message that carries them is at most 1 MiB: to each of 1,000 records it adds fewer than 16 bytes for the
position, and at most 54 for the token.
"""


class Head(NamedTuple):
    """The end of the log."""

    position: int
    chain_hash: bytes


class StreamAppend(Struct, frozen=True):
    """What an append means for one stream; without events it is a check of the version."""

    stream: str
    expected_version: int
    """The version before the append; 0 = the stream does not exist."""
    events: tuple[NewEvent, ...] = ()


class RequestKey(NamedTuple):
    """Names one logical command: who sent it, under which idempotency key."""

    actor: str
    request_id: str


class StreamRange(NamedTuple):
    """The versions that a command gave a stream: `first` to `last`; none if `first` > `last`.

    `last` is the stream's version after the command in either case.
    """

    stream: str
    first: int
    last: int


class NewRequest(Struct, frozen=True):
    """A command to be remembered."""

    key: RequestKey
    fingerprint: bytes
    """32 bytes that tell this command from any other."""


class RecordedRequest(NamedTuple):
    """A command that was carried out."""

    fingerprint: bytes
    streams: tuple[StreamRange, ...]


class Append(Struct, eq=False):
    """What is to be stored, all or none."""

    streams: tuple[StreamAppend, ...]
    metadata: EventMetadata = field(default_factory=EventMetadata)
    request: NewRequest | None = None
    after: tuple["Append", ...] = ()
    """Earlier appends, perhaps not yet stored, on whose outcome this one was decided.
    The engine empties it when the append is settled."""
    not_before: int = 0
    """What is stored from now on is recorded at this time or later, also after a restart; nanoseconds since
    the epoch."""
    failed: bool = False
    """Set by the engine."""


class Appended(Struct, frozen=True):
    """What was stored: the events in the order of the append."""

    events: tuple[EncodedEvent, ...]


class LinkedAppendFailed(Exception):
    """An append that this one was decided on has failed."""


class DuplicateRequest(Exception):
    """The request id is recorded already; nothing was stored."""


class Log(Protocol):
    """An append-only log of events in streams, for those who only read it."""

    @property
    def log_id(self) -> str:
        """Which log this is: a UUID made with it."""

    @property
    def head(self) -> Head:
        """The end of the log as this process knows it; everything up to it is on disk."""

    async def read_stream(
        self, stream: str, *, from_version: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        """At most `limit` events of a stream from a version on, and at most `MAX_BATCH_BYTES`.

        0 means the first version, or the last when going backwards. Empty where there are none.
        """

    async def read_all(
        self, *, from_position: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        """At most `limit` events of the log from a position on, and at most `MAX_BATCH_BYTES`.

        0 means the first position, or the head when going backwards. Empty where there are none.
        """

    async def chain_hash_at(self, position: int) -> bytes | None:
        """The hash of the chain through all events up to a position; None beyond the head."""


class EventStore(Log, Protocol):
    """A log that this process writes."""

    @property
    def lineage(self) -> Lineage:
        """Which history the positions of this log are of."""

    @property
    def refusal(self) -> StoreError | None:
        """Why commands are refused before anything is looked up; None while they are taken."""

    def append(self, append: Append) -> asyncio.Future[Appended]:
        """Store all of it or none; the future resolves when it is on disk.

        The future raises `WrongExpectedVersion`, `LinkedAppendFailed`, `DuplicateRequest`, `StoreFull`,
        `StoreHindered`, `EventTooLarge`, `LogDetached` or `DataDamaged`, each of which stored nothing, or
        `StoreUnavailable`, after which what was stored is unknown, and `find_request` and `read_stream`
        raise it, too. Cancelling the future does not undo the append. One without streams stores no event,
        and resolves once all that came before it is on disk.
        """

    async def find_request(self, key: RequestKey) -> RecordedRequest | None:
        """What was recorded for the request id, if it is within the window."""

    async def wait_beyond(self, position: int) -> None:
        """Return once the head is beyond a position. Wakes once a commit, not once an event."""

    async def close(self) -> None:
        """Store what was accepted, then let go of everything."""
