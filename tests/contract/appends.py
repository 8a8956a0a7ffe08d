"""Builds appends, and reads what they stored."""

import asyncio
import itertools
from collections.abc import Awaitable, Sequence
from uuid import UUID

from foldlog.v1.events_pb2 import EventMetadata, RecordedEvent
from foldlog_server.log.event_store import Append, EventStore, NewRequest, RequestKey, StreamAppend
from foldlog_server.log.events import EncodedEvent, NewEvent
from foldlog_server.log.record import NO_CHAIN, chain_hash, split_record

_numbers = itertools.count(1)


class Clock:
    """A clock in nanoseconds that the test moves, since the epoch or monotonic."""

    def __init__(self, now: int = 1_700_000_000_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def new_id() -> str:
    return str(UUID(int=next(_numbers)))


def event(data: bytes = b"x", type_name: str = "foldlog.test.Happened") -> NewEvent:
    return NewEvent(new_id(), type_name, data)


def part(stream: str, expected_version: int, *data: bytes) -> StreamAppend:
    return StreamAppend(stream, expected_version, tuple(event(item) for item in data))


def append(*parts: StreamAppend, request: NewRequest | None = None, after: Sequence[Append] = ()) -> Append:
    return Append(parts, EventMetadata(correlation_id="why"), request, tuple(after))


def to(stream: str, expected_version: int, *data: bytes, after: Sequence[Append] = ()) -> Append:
    """An append to one stream."""
    return append(part(stream, expected_version, *data), after=after)


def request(request_id: str = "", actor: str = "ann", fingerprint: bytes = b"f" * 32) -> NewRequest:
    return NewRequest(RequestKey(actor, request_id or new_id()), fingerprint)


async def outcome(future: Awaitable[object]) -> object:
    """The outcome of an append: its result, or its exception."""
    return (await asyncio.gather(future, return_exceptions=True))[0]


def decoded(events: Sequence[EncodedEvent]) -> list[RecordedEvent]:
    return [RecordedEvent.FromString(event.record) for event in events]


def payloads(events: Sequence[EncodedEvent]) -> list[bytes]:
    return [message.payload.value for message in decoded(events)]


def positions(events: Sequence[EncodedEvent]) -> list[int]:
    return [event.position for event in events]


def versions(events: Sequence[EncodedEvent]) -> list[int]:
    return [message.version for message in decoded(events)]


async def everything(store: EventStore) -> list[EncodedEvent]:
    """The whole log, page by page."""
    found: list[EncodedEvent] = []
    while page := await store.read_all(from_position=len(found) + 1):
        found += page
    return found


def chain_of(events: Sequence[EncodedEvent]) -> bytes:
    """The chain hash at the end of a whole log, computed from its records only."""
    chain = NO_CHAIN
    for event in events:
        chain = chain_hash(chain, event.position, *split_record(event.record))
    return chain
