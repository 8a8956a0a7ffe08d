"""Builds the requests of reads and subscriptions, and tracks where a read has got to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from foldlog.v1.event_service_pb2 import (
    Direction,
    EventFilter,
    ReadAllRequest,
    ReadStreamRequest,
    SubscribeRequest,
)
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_client.session import LogPosition


def subscribe_request(
    after: int | LogPosition,
    *,
    at_end: bool,
    categories: Iterable[str],
    stream_prefixes: Iterable[str],
    event_types: Iterable[str | type[Message]],
    correlation_ids: Iterable[str],
) -> tuple[SubscribeRequest, LogPosition | None]:
    """Return the request of a subscription, and its start; None = the end of the log.

    Raises ValueError if two starts are given.
    """
    start = after if isinstance(after, LogPosition) else LogPosition("", after)
    if at_end and start.position:
        raise ValueError("Give either a position to start after or at_end, not both.")
    wanted = EventFilter(
        categories=categories,
        stream_prefixes=stream_prefixes,
        event_types=[_full_name(one) for one in event_types],
        correlation_ids=correlation_ids,
    )
    request = SubscribeRequest(filter=wanted, log_id=start.log_id)
    if at_end:
        request.end.CopyFrom(Empty())
        return request, None
    begin_after(request, start)
    return request, start


def begin_after(request: SubscribeRequest, start: LogPosition) -> None:
    """Make a subscription start after a position, by its token if it has one."""
    if start.token:
        request.after_token = start.token
    else:
        request.after_position = start.position


def token_of(seen: LogPosition | None) -> str:
    """Return the token of what was seen; empty if there is none."""
    return "" if seen is None else seen.token


@dataclass(slots=True)
class Cursor:
    """Where a read has got to: the next place to read, and how many events are still wanted (0 = all)."""

    place: int
    backwards: bool
    left: int
    stream: str = ""
    """The stream to read, by its versions; empty = the whole log, by its positions."""
    seen_token: str = ""
    """The token of what was seen before the place."""
    moved: bool = False

    @property
    def of_all(self) -> ReadAllRequest:
        """Return the request for the rest of the whole log."""
        return ReadAllRequest(
            from_position=self.place,
            direction=self._direction,
            max_count=self.left,
            seen_token=self.seen_token,
        )

    @property
    def of_stream(self) -> ReadStreamRequest:
        """Return the request for the rest of the stream."""
        return ReadStreamRequest(
            stream=self.stream,
            from_version=self.place,
            direction=self._direction,
            max_count=self.left,
            seen_token=self.seen_token,
        )

    @property
    def _direction(self) -> Direction.ValueType:
        return Direction.DIRECTION_BACKWARDS if self.backwards else Direction.DIRECTION_FORWARDS

    def advance(self, events: Sequence[RecordedEvent], tokens: Sequence[str]) -> bool:
        """Move past the events read. False = there is nothing left to read."""
        self.moved = True
        if tokens:
            self.seen_token = tokens[-1]
        last = events[-1].version if self.stream else events[-1].position
        self.place = last + (-1 if self.backwards else 1)
        bounded = self.left > 0
        self.left = max(0, self.left - len(events))
        return self.place > 0 and not (bounded and self.left == 0)


def _full_name(event_type: str | type[Message]) -> str:
    return event_type if isinstance(event_type, str) else event_type.DESCRIPTOR.full_name
