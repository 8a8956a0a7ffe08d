"""Every matching event once, in order, across lost connections: no gap, no duplicate."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Self

import grpc
from google.protobuf.empty_pb2 import Empty
from grpc.aio import UnaryStreamCall

from foldlog.v1.event_service_pb2 import Checkpoint, EventBatch, SubscribeRequest, SubscribeResponse
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_client.errors import LogReplaced
from foldlog_client.retries import Retry
from foldlog_client.session import LogPosition
from foldlog_client.streams import ResumedStream

Open = Callable[[SubscribeRequest], UnaryStreamCall[SubscribeRequest, SubscribeResponse]]


class Subscription:
    """An endless iterator of events: use it in `async with`, so that its stream ends with the block.

    A lost connection is made again, and the subscription goes on behind the last position received.
    What cannot be mended is raised, and ends it.
    """

    def __init__(self, open: Open, request: SubscribeRequest, retry: Retry) -> None:
        self._open = open
        self._request = request
        self._stream = ResumedStream(self._opened, retry, patience=None)
        at_end = request.WhichOneof("start") == "end"
        self._received = None if at_end else request.after_position
        self._position = self._received
        self._log_id = request.log_id
        self._pending: deque[RecordedEvent] = deque()

    @property
    def position(self) -> int | None:
        """Everything up to here was handed out or left out by the filter: resume after it.

        Inside `async for` it is the position of the event at hand. None = at the end of the log, wherever
        that is: the first connection was not made yet.
        """
        return self._position

    @property
    def token(self) -> LogPosition | None:
        """The position and its log, to resume after; None as long as there is no position."""
        return None if self._position is None else LogPosition(self._log_id, self._position)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the subscription; an iteration in progress ends with it."""
        await self._stream.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RecordedEvent:
        while not self._pending:
            self._position = self._received
            message = await self._receive()
            if message is None:
                raise StopAsyncIteration
            self._pending.extend(message.events.events)
        event = self._pending.popleft()
        self._position = event.position
        return event

    async def messages(self) -> AsyncIterator[SubscribeResponse]:
        """The messages instead of the events alone: progress, caught up, fell behind.

        After a lost connection `confirmed` comes again. `position` moves with each message.
        """
        if self._pending:
            raise RuntimeError("Take either the events or the messages of one subscription, not both.")
        while (message := await self._receive()) is not None:
            self._position = self._received
            yield message

    async def _receive(self) -> SubscribeResponse | None:
        """The next message, without the events that were received before."""
        message = await self._stream.read()
        if message is None:
            return None
        if message.HasField("confirmed"):
            await self._confirm(message)
        else:
            self._stream.progressed()
        known = message.position if self._received is None else self._received
        if message.HasField("events"):
            message = _after(0 if self._received is None else self._received, message)
        self._received = max(known, message.position)
        return message

    async def _confirm(self, message: SubscribeResponse) -> None:
        found = message.confirmed.log_id
        if self._log_id and found != self._log_id:
            await self.aclose()
            raise LogReplaced(
                f"The subscription follows log {self._log_id}, and this is log {found}. "
                "Forget the positions of the former log and begin again.",
                code=grpc.StatusCode.FAILED_PRECONDITION,
                reason="LOG_REPLACED",
                domain="foldlog.v1",
                metadata={"asked_log_id": self._log_id, "log_id": found},
            )
        self._log_id = found

    def _opened(self) -> UnaryStreamCall[SubscribeRequest, SubscribeResponse]:
        request = SubscribeRequest()
        request.CopyFrom(self._request)
        request.log_id = self._log_id
        if self._received is None:
            request.end.CopyFrom(Empty())
        else:
            request.after_position = self._received
        return self._open(request)


def _after(position: int, message: SubscribeResponse) -> SubscribeResponse:
    """The message with its events behind a position; a checkpoint if none is left."""
    fresh = [event for event in message.events.events if event.position > position]
    if len(fresh) == len(message.events.events):
        return message
    if not fresh:
        return SubscribeResponse(position=message.position, checkpoint=Checkpoint())
    return SubscribeResponse(position=message.position, events=EventBatch(events=fresh))
