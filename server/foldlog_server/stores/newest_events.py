"""Keeps the newest events in memory, up to a limit, so that followers near the head never read the disk."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from foldlog_server.log.event_store import MAX_BATCH_BYTES
from foldlog_server.log.events import EncodedEvent

MAX_EVENTS = 10_000
MAX_BYTES = 8 * 1024 * 1024


class NewestEvents:
    """A gapless sequence of events that ends at the head."""

    def __init__(self, next_position: int, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self._first = next_position
        self._events: list[EncodedEvent] = []
        self._ends = [0]
        """For each event the bytes of all records up to it, preceded by the bytes before the first."""
        self._max_events = max_events
        self._max_bytes = max_bytes

    def extend(self, events: Sequence[EncodedEvent]) -> None:
        """Add the events that follow the ones that are here; after a gap, drop those before it."""
        if events and events[0].position != self._first + len(self._events):
            self._events, self._ends, self._first = [], [0], events[0].position
        end = self._ends[-1]
        for event in events:
            end += len(event.record)
            self._ends.append(end)
        self._events += events
        self._trim()

    def read(self, from_position: int, backwards: bool, limit: int) -> Sequence[EncodedEvent] | None:
        """As `EventStore.read_all`; None if the events are too old to be in memory."""
        return (self._backwards if backwards else self._forwards)(from_position, limit)

    def _forwards(self, from_position: int, limit: int) -> Sequence[EncodedEvent] | None:
        start = max(from_position, 1) - self._first
        if start < 0:
            return None
        if start >= len(self._events):
            return ()
        stop = bisect_right(self._ends, self._ends[start] + MAX_BATCH_BYTES) - 1
        return self._events[start : min(max(stop, start + 1), start + limit)]

    def _backwards(self, from_position: int, limit: int) -> Sequence[EncodedEvent] | None:
        stop = len(self._events)
        if from_position:
            stop = min(from_position + 1 - self._first, stop)
        if stop <= 0:
            return None
        start = bisect_left(self._ends, self._ends[stop] - MAX_BATCH_BYTES)
        return self._events[max(min(start, stop - 1), stop - limit, 0) : stop][::-1]

    def _trim(self) -> None:
        if len(self._events) <= self._max_events and self._ends[-1] - self._ends[0] <= self._max_bytes:
            return
        # A quarter at a time, because removing the front of a list moves everything behind it.
        by_count = len(self._events) - self._max_events * 3 // 4
        by_bytes = bisect_left(self._ends, self._ends[-1] - self._max_bytes * 3 // 4)
        cut = max(by_count, by_bytes)
        del self._events[:cut]
        del self._ends[:cut]
        self._first += cut
