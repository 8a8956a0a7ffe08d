"""Everything that an event store promises; every engine passes the same suite, `tests/contract`.

Promises
1. An append stores all of its events or none, over all its streams, and they are on disk before its future
   resolves.
2. Positions are 1, 2, 3, … without gaps, in the order of commits; so are the versions of each stream.
3. Appends take effect in the order in which `append` was called.
4. An append whose expected version is not the stream's version fails alone; its neighbours succeed.
5. An append that was decided on another one fails if that one fails, before any version is checked.
6. A request id is recorded in the transaction of its append, and is found for the whole window.
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
"""A read returns at most this many bytes of records, but always at least one event.

A message that carries them stays below 1 MiB: it adds to each of 1,000 records fewer than 16 bytes for the
position and at most 54 for the token.
"""


class Head(NamedTuple):
    """The end of the log."""

    position: int
    chain_hash: bytes


class StreamAppend(Struct, frozen=True):
    """The part of an append that concerns one stream; without events it only checks the version."""

    stream: str
    expected_version: int
    """The version before the append; 0 = the stream does not exist."""
    events: tuple[NewEvent, ...] = ()


class RequestKey(NamedTuple):
    """Identifies one logical command: who sent it, and its idempotency key."""

    actor: str
    request_id: str


class StreamRange(NamedTuple):
    """The versions of the events that a command appended to a stream: `first` to `last`.

    It appended none if `first` > `last`. Either way, `last` is the stream's version after the command.
    """

    stream: str
    first: int
    last: int


class NewRequest(Struct, frozen=True):
    """A command that is to be recorded with its append."""

    key: RequestKey
    fingerprint: bytes
    """32 bytes that differ between different commands."""


class RecordedRequest(NamedTuple):
    """A command that has been carried out."""

    fingerprint: bytes
    streams: tuple[StreamRange, ...]


class Append(Struct, eq=False):
    """Events that are to be stored, all or none."""

    streams: tuple[StreamAppend, ...]
    metadata: EventMetadata = field(default_factory=EventMetadata)
    request: NewRequest | None = None
    after: tuple["Append", ...] = ()
    """Earlier appends on whose outcome this one was decided; they may not be stored yet.
    The engine clears it when the append is settled."""
    not_before: int = 0
    """This append, and all that are stored after it, get a recorded time that is not before this one, also
    after a restart; nanoseconds since the epoch."""
    failed: bool = False
    """Set by the engine."""


class Appended(Struct, frozen=True):
    """What was stored: the events in the order of the append."""

    events: tuple[EncodedEvent, ...]


class LinkedAppendFailed(Exception):
    """An append on which this one was decided has failed."""


class DuplicateRequest(Exception):
    """The request id is already recorded; nothing was stored."""


class Log(Protocol):
    """An append-only log of events in streams, as its readers see it."""

    @property
    def log_id(self) -> str:
        """Identifies the log: a UUID that is created with it."""

    @property
    def head(self) -> Head:
        """The end of the log as this process knows it; everything up to there is on disk."""

    async def read_stream(
        self, stream: str, *, from_version: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        """Events of a stream from a version on: at most `limit`, and at most `MAX_BATCH_BYTES`.

        Version 0 means the first one, or backwards the last one. Empty if there are no such events.
        """

    async def read_all(
        self, *, from_position: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        """Events of the log from a position on: at most `limit`, and at most `MAX_BATCH_BYTES`.

        Position 0 means the first one, or backwards the head. Empty if there are no such events.
        """

    async def chain_hash_at(self, position: int) -> bytes | None:
        """The chain hash over all events up to a position; None beyond the head."""


class EventStore(Log, Protocol):
    """A log that this process writes."""

    @property
    def lineage(self) -> Lineage:
        """The history to which the positions of this log belong."""

    @property
    def refusal(self) -> StoreError | None:
        """Why commands are refused before anything is looked up; None while they are accepted."""

    def append(self, append: Append) -> asyncio.Future[Appended]:
        """Store all of its events or none; the future resolves when they are on disk.

        The future raises `WrongExpectedVersion`, `LinkedAppendFailed`, `DuplicateRequest`, `StoreFull`,
        `StoreHindered`, `EventTooLarge`, `LogDetached` or `DataDamaged` if nothing was stored. It raises
        `StoreUnavailable` if it is unknown what was stored; `find_request` and `read_stream` then raise that,
        too. Cancelling the future does not undo the append. An append without streams stores no event, and
        resolves when everything before it is on disk.
        """

    async def find_request(self, key: RequestKey) -> RecordedRequest | None:
        """What was recorded for the request id; None if nothing was, or it is older than the window."""

    async def wait_beyond(self, position: int) -> None:
        """Return when the head is beyond a position. Wakes once per commit, not once per event."""

    async def close(self) -> None:
        """Store what has been accepted, then release all resources."""
