"""Every matching event once, in order, across lost connections: no gap, no duplicate."""

from collections.abc import Callable, Iterator
from typing import Self

from foldlog.v1.event_service_pb2 import SubscribeRequest, SubscribeResponse
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_client.errors import LogReplaced
from foldlog_client.retry import Retry
from foldlog_client.session import LogPosition
from foldlog_client.subscription_state import Following
from foldlog_client.sync.streams import ResumedStream, StreamCall

Open = Callable[[SubscribeRequest], StreamCall[SubscribeResponse]]


class Subscription:
    """An endless iterator of events: use it in `with`, so that its stream ends with the block.

    A lost connection is made again, and the subscription goes on behind the last position received.
    What cannot be mended is raised, and ends it.
    """

    def __init__(
        self, open: Open, request: SubscribeRequest, start: LogPosition | None, retry: Retry
    ) -> None:
        self._following = Following(request, start)
        self._stream = ResumedStream(lambda: open(self._following.next_request), retry, patience=None)

    @property
    def position(self) -> int | None:
        """Everything up to here was handed out or left out by the filter: resume after it.

        Inside `for` it is the position of the event at hand. None = at the end of the log, wherever
        that is: the first connection was not made yet.
        """
        return self._following.position

    @property
    def token(self) -> LogPosition | None:
        """The position and its log, to resume after; None as long as there is no position."""
        return self._following.token

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the subscription, from any thread; an iteration in progress ends with it."""
        self._stream.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> RecordedEvent:
        while (event := self._following.next_event()) is None:
            message = self._receive()
            if message is None:
                raise StopIteration
            self._following.keep(message)
        return event

    def messages(self) -> Iterator[SubscribeResponse]:
        """The messages instead of the events alone: progress, caught up, fell behind.

        After a lost connection `confirmed` comes again. `position` moves with each message.
        """
        self._following.begin_messages()
        while (message := self._receive()) is not None:
            yield self._following.hand_out(message)

    def _receive(self) -> SubscribeResponse | None:
        """The next message, without the events that were received before."""
        message = self._stream.read()
        if message is None:
            return None
        if not message.HasField("confirmed"):
            self._stream.progressed()
        try:
            return self._following.received(message)
        except LogReplaced:
            self.close()
            raise
