"""A log in a list, for tests of what follows it: grows when it is told to, and counts who asks."""

import asyncio
import uuid
from collections.abc import Iterable, Sequence

from google.protobuf.message import Message

from foldlog.v1.events_pb2 import EventMetadata
from foldlog_server.errors import StoreError
from foldlog_server.log.event_store import Append, Appended, Head, RecordedRequest, RequestKey
from foldlog_server.log.events import EncodedEvent, NewEvent
from foldlog_server.log.lineage import Lineage
from foldlog_server.log.record import (
    NO_CHAIN,
    chain_hash,
    encode_common,
    encode_header,
    encode_record,
)

RECORDED_NS = 1_700_000_000_000_000_000
"""The time of the event at position 0, if there were one; each event is a second later."""


class ListLog:
    """An event store for those who follow it: they neither append nor close it."""

    def __init__(self, log_id: str = "log") -> None:
        self.log_id = log_id
        self.lineage = Lineage(str(uuid.uuid5(uuid.NAMESPACE_OID, log_id)), ())
        self.events: list[EncodedEvent] = []
        self.chain = [NO_CHAIN]
        self.versions: dict[str, int] = {}
        self.reads: list[tuple[int, int]] = []
        """The position and limit of every read."""
        self.wakes = 0
        self._grown = asyncio.Event()

    @property
    def head(self) -> Head:
        return Head(len(self.events), self.chain[-1])

    def add(self, stream: str, *payloads: Message, correlation_id: str = "") -> None:
        """Append events of one stream in one commit."""
        for payload in payloads:
            self._add(stream, payload, EventMetadata(correlation_id=correlation_id))
        self._grown.set()
        self._grown = asyncio.Event()

    def _add(self, stream: str, payload: Message, metadata: EventMetadata) -> None:
        position = len(self.events) + 1
        version = self.versions[stream] = self.versions.get(stream, 0) + 1
        new = NewEvent(f"event-{position}", payload.DESCRIPTOR.full_name, payload.SerializeToString())
        common = encode_common(RECORDED_NS + position * 1_000_000_000, metadata)
        header = encode_header(stream, version, new, common)
        self.events.append(EncodedEvent(position, encode_record(header, new)))
        self.chain.append(chain_hash(self.chain[-1], position, header, new.data))

    def damage(self, position: int, record: bytes) -> None:
        """Put other bytes in an event's place."""
        self.events[position - 1] = EncodedEvent(position, record)

    async def read_all(
        self, *, from_position: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        self.reads.append((from_position, limit))
        return _from(self.events, from_position, backwards)[:limit]

    async def read_stream(
        self, stream: str, *, from_version: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        tag = b"\x12" + bytes((len(stream),)) + stream.encode() + b"\x18"
        own = [event for event in self.events if event.record.startswith(tag)]
        return _from(own, from_version, backwards)[:limit]

    async def chain_hash_at(self, position: int) -> bytes | None:
        return self.chain[position] if position < len(self.chain) else None

    async def wait_beyond(self, position: int) -> None:
        while len(self.events) <= position:
            await self._grown.wait()
            self.wakes += 1

    def append(self, append: Append) -> asyncio.Future[Appended]:
        raise NotImplementedError

    @property
    def refusal(self) -> StoreError | None:
        return None

    async def find_request(self, key: RequestKey) -> RecordedRequest | None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


def _from(events: Iterable[EncodedEvent], first: int, backwards: bool) -> list[EncodedEvent]:
    numbered = list(enumerate(events, 1))
    if backwards:
        return [event for number, event in reversed(numbered) if not first or number <= first]
    return [event for number, event in numbered if number >= first]
