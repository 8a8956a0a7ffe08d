"""Reads the log or one stream in batches, up to the head at the moment when the read begins."""

from collections.abc import AsyncGenerator, Sequence

from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_server.errors import ReadRefused
from foldlog_server.log.event_store import EventStore
from foldlog_server.log.events import ANY, EncodedEvent

READ_EVENTS = 1000


async def read_all_batches(
    store: EventStore, *, from_position: int = 0, backwards: bool = False, max_count: int = 0
) -> AsyncGenerator[Sequence[EncodedEvent]]:
    """The log in batches, up to the head at the moment when the read begins.

    `from_position` 0 means the first event in the direction of reading; `max_count` 0 means all. Reading
    forwards from the position after the head returns nothing. Raises `ReadRefused` for a later position.
    """
    _check_within(store, from_position if backwards else from_position - 1, asked=from_position)
    head = store.head.position
    step = -1 if backwards else 1
    next_position = from_position or (head if backwards else 1)
    available = next_position if backwards else head - next_position + 1
    left = min(max_count or available, available)
    while left:
        limit = min(left, READ_EVENTS)
        events = await store.read_all(from_position=next_position, backwards=backwards, limit=limit)
        next_position = events[-1].position + step
        yield events
        left -= len(events)


async def read_stream_batches(
    store: EventStore, stream: str, *, from_version: int = 0, backwards: bool = False, max_count: int = 0
) -> AsyncGenerator[Sequence[EncodedEvent]]:
    """One stream in batches, as it is at the moment when the read begins.

    `from_version` 0 means the first event in the direction of reading; `max_count` 0 means all. Reading
    forwards from the version after the last returns nothing. Raises `ReadRefused` for a later version, and
    if the stream does not exist.
    """
    head = store.head.position
    step = -1 if backwards else 1
    next_version, left, is_known = min(from_version, ANY), max_count or head, False
    while left:
        limit = min(left, READ_EVENTS)
        read = await store.read_stream(stream, from_version=next_version, backwards=backwards, limit=limit)
        events = _up_to(head, read)
        if events:
            is_known = True
            yield events
            left -= len(events)
        next_version = RecordedEvent.FromString(read[-1].record).version + step if read else 0
        if not next_version or (not backwards and len(events) < len(read)):
            break
    if is_known:
        return
    if not _up_to(head, await store.read_stream(stream, limit=1)):
        raise ReadRefused.stream_not_found(stream)
    (last,) = await store.read_stream(stream, backwards=True, limit=1)
    end = RecordedEvent.FromString(last.record).version
    if not backwards and from_version > end + 1:
        raise ReadRefused.beyond_end(stream, from_version, end)


def _up_to(head: int, events: Sequence[EncodedEvent]) -> Sequence[EncodedEvent]:
    """The events up to a position; the same sequence, uncopied, if that is all of them."""
    if not events or max(events[0].position, events[-1].position) <= head:
        return events
    return [event for event in events if event.position <= head]


def _check_within(store: EventStore, position: int, *, asked: int | None = None) -> None:
    head = store.head.position
    if position > head:
        raise ReadRefused.beyond_head(position if asked is None else asked, head)
