"""Keeps a log in memory: the promises of an event store in their shortest form, for tests and for readers."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from foldlog_server.errors import StoreError, StoreUnavailable, WrongExpectedVersion
from foldlog_server.log.event_store import (
    MAX_BATCH_BYTES,
    Append,
    Appended,
    DuplicateRequest,
    Head,
    LinkedAppendFailed,
    RecordedRequest,
    RequestKey,
)
from foldlog_server.log.events import EncodedEvent
from foldlog_server.log.lineage import Lineage
from foldlog_server.log.record import NO_CHAIN, chain_hash
from foldlog_server.stores.encoded_append import Record, admit, encode, ranges, stored_key
from foldlog_server.stores.head import HeadSignal
from foldlog_server.stores.served import Served


class MemoryEventStore:
    """An event store whose log ends with the process."""

    def __init__(
        self,
        *,
        clock: Callable[[], int],
        new_id: Callable[[], str],
        request_window: timedelta = timedelta(hours=24),
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`clock` returns nanoseconds since the epoch; `monotonic` returns those that measure the window."""
        self.log_id = new_id()
        self.lineage = Lineage(self.log_id, ())
        self._clock = clock
        self._served = Served(0, monotonic)
        self._window_ns = request_window // timedelta(microseconds=1) * 1000
        self._time = 0
        self._log: list[EncodedEvent] = []
        self._chain = [NO_CHAIN]
        self._streams: dict[str, list[EncodedEvent]] = {}
        self._requests: dict[bytes, tuple[int, RecordedRequest]] = {}
        self._head = HeadSignal(Head(0, NO_CHAIN))
        self._closed = False

    @property
    def head(self) -> Head:
        return self._head.head

    @property
    def refusal(self) -> StoreError | None:
        return None

    def append(self, append: Append) -> asyncio.Future[Appended]:
        key = admit(append)
        future: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        try:
            future.set_result(self._store(append, key))
        except Exception as refusal:
            append.failed = True
            future.set_exception(refusal)
        append.after = ()
        return future

    async def find_request(self, key: RequestKey) -> RecordedRequest | None:
        served, recorded = self._requests.get(stored_key(key), (0, None))
        return recorded if self._within_window(served) else None

    async def read_stream(
        self, stream: str, *, from_version: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        return _read(self._streams.get(stream, []), from_version, backwards, limit)

    async def read_all(
        self, *, from_position: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        return _read(self._log, from_position, backwards, limit)

    async def chain_hash_at(self, position: int) -> bytes | None:
        return self._chain[position] if position < len(self._chain) else None

    async def wait_beyond(self, position: int) -> None:
        await self._head.wait_beyond(position)

    async def close(self) -> None:
        self._closed = True
        self._head.end()

    def _store(self, append: Append, key: bytes | None) -> Appended:
        if self._closed:
            raise StoreUnavailable
        if any(earlier.failed for earlier in append.after):
            raise LinkedAppendFailed
        if key in self._requests and self._within_window(self._requests[key][0]):
            raise DuplicateRequest
        for part in append.streams:
            actual = len(self._streams.get(part.stream, ()))
            if part.expected_version != actual:
                raise WrongExpectedVersion(part.stream, part.expected_version, actual)
        self._time = max(self._time, append.not_before)
        recorded = max(self._time, self._clock())
        events = tuple(map(self._add, encode(append, recorded)))
        if events:
            self._time = recorded
        if key is not None and append.request is not None:
            recorded_request = RecordedRequest(append.request.fingerprint, ranges(append))
            self._requests[key] = (self._served.now(), recorded_request)
        return Appended(events)

    def _add(self, record: Record) -> EncodedEvent:
        event = EncodedEvent(self.head.position + 1, record.record)
        self._log.append(event)
        self._streams.setdefault(record.stream, []).append(event)
        self._chain.append(chain_hash(self._chain[-1], event.position, record.header, record.data))
        self._head.advance(Head(event.position, self._chain[-1]))
        return event

    def _within_window(self, served: int) -> bool:
        return self._served.now() - served <= self._window_ns


def _read(events: list[EncodedEvent], first: int, backwards: bool, limit: int) -> list[EncodedEvent]:
    """Events from a version or position on, which is the event's index plus one."""
    found: list[EncodedEvent] = []
    room = MAX_BATCH_BYTES
    for event in reversed(events[: first or None]) if backwards else events[max(first, 1) - 1 :]:
        room -= len(event.record)
        if len(found) >= limit or (found and room < 0):
            break
        found.append(event)
    return found
