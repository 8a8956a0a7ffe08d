"""Reads and follows the log."""

from collections.abc import AsyncGenerator, Callable, Iterable
from typing import TypeVar

import grpc.aio
from google.protobuf.message import Message
from grpc.aio import UnaryStreamCall

from foldlog.v1.event_service_pb2 import (
    GetHeadRequest,
    GetHeadResponse,
    ReadAllResponse,
    ReadStreamResponse,
)
from foldlog.v1.event_service_pb2_grpc import EventServiceStub
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_client.aio.calls import Calls
from foldlog_client.aio.streams import ResumedStream
from foldlog_client.aio.subscription import Subscription
from foldlog_client.errors import BeyondHead, Cancelled
from foldlog_client.read_requests import Cursor, subscribe_request, token_of
from foldlog_client.session import LogPosition

Q = TypeVar("Q")
R = TypeVar("R", ReadAllResponse, ReadStreamResponse)


class Events:
    """Reads and subscriptions of the event log: `client.events`."""

    def __init__(self, channel: grpc.aio.Channel, calls: Calls) -> None:
        self._stub = EventServiceStub(channel)
        self._calls = calls

    async def head(self, *, timeout: float | None = None) -> GetHeadResponse:  # noqa: ASYNC109 a gRPC deadline
        """Return the log's id, its last position, and the hash of the chain up to it."""
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
        """Follow the log after a position (0 = from the beginning), or from its end.

        An event must match one value of each filter that is given. An event type is a message class or its
        full name. A `LogPosition` also names its log: raises LogReplaced if the server has another.
        """
        request, start = subscribe_request(
            after,
            at_end=at_end,
            categories=categories,
            stream_prefixes=stream_prefixes,
            event_types=event_types,
            correlation_ids=correlation_ids,
        )
        retry = self._calls.policy.retry
        subscription = Subscription(lambda one: self._stub.Subscribe(one), request, start, retry)
        self._calls.opened(subscription)
        return subscription

    def read_all(
        self,
        *,
        from_position: int = 0,
        backwards: bool = False,
        max_count: int = 0,
        seen: LogPosition | None = None,
    ) -> AsyncGenerator[RecordedEvent, None]:
        """Read the events of the whole log, starting at a position; 0 = the first, or the last if backwards.

        At most `max_count` events; 0 = all up to the head at that moment. After a lost connection it
        reconnects and continues. With the token of what was `seen` before, it raises LogReplaced if the log
        now has another history, and, without a position, starts after what was seen. Raises BeyondHead.
        """
        cursor = Cursor(from_position, backwards, max_count, seen_token=token_of(seen))
        return self._read(lambda: self._stub.ReadAll(cursor.of_all), cursor)

    def read_stream(
        self,
        stream: str,
        *,
        from_version: int = 0,
        backwards: bool = False,
        max_count: int = 0,
        seen: LogPosition | None = None,
    ) -> AsyncGenerator[RecordedEvent, None]:
        """Read the events of one stream, starting at a version; 0 = the first, or the last if backwards.

        At most `max_count` events; 0 = all. After a lost connection it reconnects and continues. With the
        token of what was `seen` before, it raises LogReplaced if the log now has another history. Raises
        NotFound.
        """
        cursor = Cursor(from_version, backwards, max_count, stream, token_of(seen))
        return self._read(lambda: self._stub.ReadStream(cursor.of_stream), cursor)

    async def _read(
        self, opened: Callable[[], UnaryStreamCall[Q, R]], cursor: Cursor
    ) -> AsyncGenerator[RecordedEvent, None]:
        policy = self._calls.policy
        batches = ResumedStream(opened, policy.retry, patience=policy.timeout)
        self._calls.opened(batches)
        try:
            more = True
            while more and (batch := await batches.read()) is not None:
                batches.progressed()
                more = cursor.advance(batch.events, batch.tokens)
                for event in batch.events:
                    yield event
            if more and batches.closed:
                raise Cancelled("The client was closed before the read was complete.")
        except BeyondHead:
            if not cursor.moved:
                raise  # else the connection was lost between the last event and the end
        finally:
            await batches.aclose()
