"""Reading and following the log."""

from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from foldlog.v1.event_service_pb2 import (
    GetHeadRequest,
    GetHeadResponse,
    ReadAllResponse,
    ReadStreamResponse,
)
from foldlog.v1.event_service_pb2_grpc import EventServiceStub
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_client.errors import BeyondHead, Cancelled
from foldlog_client.read_requests import Cursor, subscribe_request, token_of
from foldlog_client.session import LogPosition
from foldlog_client.sync.calls import Calls
from foldlog_client.sync.streams import ResumedStream, StreamCall
from foldlog_client.sync.subscription import Subscription

R = TypeVar("R", ReadAllResponse, ReadStreamResponse)


class Events:
    """The event log: `client.events`."""

    def __init__(self, channel: grpc.Channel, calls: Calls) -> None:
        self._stub = EventServiceStub(channel)
        self._calls = calls

    def head(self, *, timeout: float | None = None) -> GetHeadResponse:
        """Where the log ends: its id, the last position, the hash of the chain up to it."""
        path = "/foldlog.v1.EventService/GetHead"
        return self._calls.unary(path, GetHeadRequest(), GetHeadResponse, within=timeout)

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
        request, start = subscribe_request(
            after,
            at_end=at_end,
            categories=categories,
            stream_prefixes=stream_prefixes,
            event_types=event_types,
            correlation_ids=correlation_ids,
        )
        retry = self._calls.conduct.retry
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
    ) -> Generator[RecordedEvent, None, None]:
        """The events of the whole log from a position on; 0 = the first, or backwards the last.

        At most `max_count`, 0 = all up to the head of the moment; a lost connection is made again. With the
        token of what was `seen` before, LogReplaced says that the log has another history by now; without a
        position the read goes on behind that. Raises BeyondHead.
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
    ) -> Generator[RecordedEvent, None, None]:
        """The events of one stream from a version on; 0 = the first, or backwards the last.

        At most `max_count`, 0 = all; a lost connection is made again. With the token of what was `seen`
        before, LogReplaced says that the log has another history by now. Raises NotFound.
        """
        cursor = Cursor(from_version, backwards, max_count, stream, token_of(seen))
        return self._read(lambda: self._stub.ReadStream(cursor.of_stream), cursor)

    def _read(
        self, opened: Callable[[], StreamCall[R]], cursor: Cursor
    ) -> Generator[RecordedEvent, None, None]:
        conduct = self._calls.conduct
        batches = ResumedStream(opened, conduct.retry, patience=conduct.timeout)
        self._calls.opened(batches)
        try:
            more = True
            while more and (batch := batches.read()) is not None:
                batches.progressed()
                more = cursor.advance(batch.events, batch.tokens)
                yield from batch.events
            if more and batches.closed:
                raise Cancelled("The client was closed before the read had come to its end.")
        except BeyondHead:
            if not cursor.moved:
                raise  # else the connection was lost between the last event and the end
        finally:
            batches.close()
