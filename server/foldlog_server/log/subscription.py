"""Catch up, then follow; no gap, no duplicate, no reorder.

A follower holds a position, never a queue: it reads when its consumer asks for more, so a slow consumer costs
nobody else anything. Every message has a position, and all events up to it have been considered: resuming
after it returns exactly the events that were not yet delivered.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from google.protobuf.message import DecodeError

from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_server.errors import DataDamaged
from foldlog_server.log.event_store import EventStore
from foldlog_server.log.events import EncodedEvent, category_of
from foldlog_server.log.reading import READ_EVENTS, _check_within
from foldlog_server.timer import Timer, pause, within


class EventFilter:
    """Selects events: any of the values of one kind, and all the kinds that are given."""

    def __init__(
        self,
        *,
        categories: Iterable[str] = (),
        stream_prefixes: Iterable[str] = (),
        event_types: Iterable[str] = (),
        correlation_ids: Iterable[str] = (),
    ) -> None:
        self._categories = frozenset(categories)
        self._prefixes = tuple(stream_prefixes)
        self._types = frozenset(event_types)
        self._correlation_ids = frozenset(correlation_ids)
        self.matches_everything = not (
            self._categories or self._prefixes or self._types or self._correlation_ids
        )

    def choose(self, events: Sequence[EncodedEvent]) -> Sequence[EncodedEvent]:
        """The events that match, in order; raises `DataDamaged` for one that cannot be read.

        A filter without values matches everything, and decodes nothing.
        """
        return events if self.matches_everything else [event for event in events if self._passes(event)]

    def _passes(self, event: EncodedEvent) -> bool:
        try:
            recorded = RecordedEvent.FromString(event.record)
        except DecodeError:
            raise DataDamaged(event.position) from None
        return (
            (not self._types or recorded.type in self._types)
            and (not self._categories or category_of(recorded.stream) in self._categories)
            and (not self._prefixes or recorded.stream.startswith(self._prefixes))
            and (not self._correlation_ids or recorded.metadata.correlation_id in self._correlation_ids)
        )


EVERYTHING = EventFilter()


class Batch(NamedTuple):
    """Matching events in order: at least one, and at most `MAX_BATCH_BYTES` of records unless it is one."""

    position: int
    events: Sequence[EncodedEvent]


class CheckpointReached(NamedTuple):
    """Progress without matching events."""

    position: int


class CaughtUp(NamedTuple):
    """The position was the head; from now on the subscription follows the log."""

    position: int


class FellBehind(NamedTuple):
    """The reader had caught up, and is far behind the head now."""

    position: int
    head: int


Message: TypeAlias = Batch | CheckpointReached | CaughtUp | FellBehind


BEHIND_EVENTS = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """When a follower sends which message, and how often it wakes."""

    left_out_events: int = 1000
    """A checkpoint is sent when the filter has left out so many events since the last message."""
    silent_seconds: float = 10.0
    """A checkpoint is sent after so long without a message."""
    behind_events: int = BEHIND_EVENTS
    """A reader that is more events behind the head than this has fallen behind."""
    spacing_seconds: float = 0.001
    """The shortest time between two reads at the head."""
    read_events: int = READ_EVENTS


async def follow(
    store: EventStore,
    after: int,
    wanted: EventFilter = EVERYTHING,
    *,
    timer: Timer | None = None,
    limits: Limits = Limits(),
) -> AsyncGenerator[Message]:
    """All events after a position that match the filter, without end; the default `timer` is the
    running loop.

    Raises `ReadRefused` if the position is beyond the head.
    """
    _check_within(store, after)
    follower = _Follower(store, after, wanted, timer or asyncio.get_running_loop(), limits)
    while True:
        for message in await follower.advance():
            yield message


class _Follower:
    """The position of one reader, and when it was last sent a message."""

    def __init__(
        self, store: EventStore, after: int, wanted: EventFilter, timer: Timer, limits: Limits
    ) -> None:
        self._store = store
        self._position = after
        self._wanted = wanted
        self._timer = timer
        self._limits = limits
        self._is_caught_up = False
        self._left_out = 0
        self._read_time = self._sent_time = timer.time()

    async def advance(self) -> Sequence[Message]:
        """Take the next step (read, report the distance to the head, or wait); returns its messages,
        if any."""
        messages = await self._step()
        if messages:
            self._left_out = 0
            self._sent_time = self._timer.time()
        return messages

    async def _step(self) -> Sequence[Message]:
        head = self._store.head.position
        if self._is_caught_up and head - self._position > self._limits.behind_events:
            self._is_caught_up = False
            return (FellBehind(self._position, head),)
        if self._position < head:
            return await self._read()
        if not self._is_caught_up:
            return (self._catch_up(),)
        return await self._wait()

    def _catch_up(self) -> CaughtUp:
        self._is_caught_up = True
        return CaughtUp(self._position)

    async def _read(self) -> Sequence[Message]:
        if self._is_caught_up:
            await self._keep_spacing()
        limit = self._limits.read_events
        if not self._wanted.matches_everything:  # otherwise a checkpoint could come late
            limit = min(limit, self._limits.left_out_events - self._left_out)
        events = await self._store.read_all(from_position=self._position + 1, limit=limit)
        self._read_time = self._timer.time()
        self._position = events[-1].position
        messages = self._messages_of(events)
        if not self._is_caught_up and self._position == self._store.head.position:
            messages.append(self._catch_up())
        return messages

    def _messages_of(self, events: Sequence[EncodedEvent]) -> list[Message]:
        chosen = self._wanted.choose(events)
        if chosen:
            return [Batch(self._position, chosen)]
        self._left_out += len(events)
        if self._left_out >= self._limits.left_out_events or self._seconds_to_checkpoint() <= 0:
            return [CheckpointReached(self._position)]
        return []

    async def _wait(self) -> Sequence[Message]:
        if await within(self._timer, self._seconds_to_checkpoint(), self._store.wait_beyond(self._position)):
            return ()
        return (CheckpointReached(self._position),)

    def _seconds_to_checkpoint(self) -> float:
        """Seconds until a message is due."""
        return self._sent_time + self._limits.silent_seconds - self._timer.time()

    async def _keep_spacing(self) -> None:
        wait = self._read_time + self._limits.spacing_seconds - self._timer.time()
        if wait > 0:
            await pause(self._timer, wait)
