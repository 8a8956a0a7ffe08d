"""Delivers every matching event once, in order, across lost connections: no gap, no duplicate."""

from collections.abc import AsyncIterator, Callable
from typing import Self

from grpc.aio import UnaryStreamCall

from foldlog.v1.event_service_pb2 import SubscribeRequest, SubscribeResponse
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_client.aio.streams import ResumedStream
from foldlog_client.errors import LogReplaced
from foldlog_client.retry import Retry
from foldlog_client.session import LogPosition
from foldlog_client.subscription_state import SubscriptionState

Open = Callable[[SubscribeRequest], UnaryStreamCall[SubscribeRequest, SubscribeResponse]]


class Subscription:
    """An endless iterator of events: use it in `async with`, so that its stream ends with the block.

    After a lost connection it reconnects and resumes after the last position received. An error that a retry
    cannot fix is raised, and ends it.
    """

    def __init__(
        self, open: Open, request: SubscribeRequest, start: LogPosition | None, retry: Retry
    ) -> None:
        self._state = SubscriptionState(request, start)
        self._stream = ResumedStream(lambda: open(self._state.next_request), retry, patience=None)

    @property
    def position(self) -> int | None:
        """The position to resume after: everything up to it was returned or excluded by the filter.

        Inside `async for` it is the position of the current event.

        None = the end of the log, not known yet: there was no connection.
        """
        return self._state.position

    @property
    def token(self) -> LogPosition | None:
        """The position to resume after, with its log; None while there is no position."""
        return self._state.token

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
        while (event := self._state.next_event()) is None:
            message = await self._receive()
            if message is None:
                raise StopAsyncIteration
            self._state.keep(message)
        return event

    async def messages(self) -> AsyncIterator[SubscribeResponse]:
        """Iterate over all messages instead of only events: progress, caught up, fell behind.

        After a lost connection, `confirmed` is received again. `position` moves with each message.
        """
        self._state.begin_messages()
        while (message := await self._receive()) is not None:
            yield self._state.hand_out(message)

    async def _receive(self) -> SubscribeResponse | None:
        """Return the next message, without the events that were received before."""
        message = await self._stream.read()
        if message is None:
            return None
        if not message.HasField("confirmed"):
            self._stream.progressed()
        try:
            return self._state.received(message)
        except LogReplaced:
            await self.aclose()
            raise
