"""Reading and following the log."""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import grpc.aio
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from grpc.aio import UnaryStreamCall

from foldlog.v1.event_service_pb2 import (
    Direction,
    EventFilter,
    GetHeadRequest,
    GetHeadResponse,
    ReadAllRequest,
    ReadAllResponse,
    ReadStreamRequest,
    ReadStreamResponse,
    SubscribeRequest,
)
from foldlog.v1.event_service_pb2_grpc import EventServiceStub
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_client.calls import Calls
from foldlog_client.errors import BeyondHead, Cancelled
from foldlog_client.retries import Retry
from foldlog_client.session import LogPosition
from foldlog_client.streams import ResumedStream
from foldlog_client.subscription import Subscription

Q = TypeVar("Q")
R = TypeVar("R", ReadAllResponse, ReadStreamResponse)


@dataclass(slots=True)
class Cursor:
    """Where a read stands: the next place to read, and how many events may still come (0 = all)."""

    place: int
    backwards: bool
    left: int
    moved: bool = False

    @property
    def direction(self) -> Direction.ValueType:
        return Direction.DIRECTION_BACKWARDS if self.backwards else Direction.DIRECTION_FORWARDS

    def advance(self, places: Sequence[int]) -> bool:
        """Move behind the places read. False = there is nothing left to read."""
        self.moved = True
        self.place = places[-1] + (-1 if self.backwards else 1)
        bounded = self.left > 0
        self.left = max(0, self.left - len(places))
        return self.place > 0 and not (bounded and self.left == 0)


class Events:
    """The event log: `client.events`."""

    def __init__(self, channel: grpc.aio.Channel, calls: Calls, retry: Retry) -> None:
        self._stub = EventServiceStub(channel)
        self._calls = calls
        self._retry = retry

    async def head(self, *, timeout: float | None = None) -> GetHeadResponse:  # noqa: ASYNC109 a gRPC deadline
        """Where the log ends: its id, the last position, the hash of the chain up to it."""
        path = "/foldlog.v1.EventService/GetHead"
        return await self._calls.unary(path, GetHeadRequest(), GetHeadResponse, within=timeout)

    def subscribe(
        self,
        after: int | LogPosition = 0,
        *,
        at_end: bool = False,
        categories: Iterable[str] = (),
        stream_prefixes: Iterable[str] = (),
        event_types: Iterable[str | type[Message]] = (),
        correlation_ids: Iterable[str] = (),
    ) -> Subscription:
        """Follow the log from after a position (0 = from the beginning), or from its end.

        One of the values within a kind must fit, and all kinds that are given. An event type is the
        message or its full name. A `LogPosition` also names its log: LogReplaced if that is gone.
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
        else:
            request.after_position = start.position
        subscription = Subscription(lambda one: self._stub.Subscribe(one), request, self._retry)
        self._calls.opened(subscription)
        return subscription

    def read_all(
        self, *, from_position: int = 0, backwards: bool = False, max_count: int = 0
    ) -> AsyncGenerator[RecordedEvent, None]:
        """The events of the whole log from a position on; 0 = the first, or backwards the last.

        At most `max_count`, 0 = all up to the head of the moment; a lost connection is made again.
        Raises BeyondHead.
        """
        cursor = Cursor(from_position, backwards, max_count)

        def opened() -> UnaryStreamCall[ReadAllRequest, ReadAllResponse]:
            return self._stub.ReadAll(
                ReadAllRequest(from_position=cursor.place, direction=cursor.direction, max_count=cursor.left)
            )

        return self._read(opened, cursor, lambda event: event.position)

    def read_stream(
        self, stream: str, *, from_version: int = 0, backwards: bool = False, max_count: int = 0
    ) -> AsyncGenerator[RecordedEvent, None]:
        """The events of one stream from a version on; 0 = the first, or backwards the last.

        At most `max_count`, 0 = all; a lost connection is made again. Raises NotFound.
        """
        cursor = Cursor(from_version, backwards, max_count)

        def opened() -> UnaryStreamCall[ReadStreamRequest, ReadStreamResponse]:
            return self._stub.ReadStream(
                ReadStreamRequest(
                    stream=stream,
                    from_version=cursor.place,
                    direction=cursor.direction,
                    max_count=cursor.left,
                )
            )

        return self._read(opened, cursor, lambda event: event.version)

    async def _read(
        self,
        opened: Callable[[], UnaryStreamCall[Q, R]],
        cursor: Cursor,
        place: Callable[[RecordedEvent], int],
    ) -> AsyncGenerator[RecordedEvent, None]:
        batches = ResumedStream(opened, self._retry, patience=self._calls.timeout)
        self._calls.opened(batches)
        try:
            more = True
            while more and (batch := await batches.read()) is not None:
                batches.progressed()
                more = cursor.advance([place(event) for event in batch.events])
                for event in batch.events:
                    yield event
            if more and batches.closed:
                raise Cancelled("The client was closed before the read had come to its end.")
        except BeyondHead:
            if not cursor.moved:
                raise  # else the connection was lost between the last event and the end
        finally:
            await batches.aclose()


def _full_name(event_type: str | type[Message]) -> str:
    return event_type if isinstance(event_type, str) else event_type.DESCRIPTOR.full_name
