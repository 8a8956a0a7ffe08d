"""Tracks how far a subscription is, and what to request next: no gap and no duplicate."""

from collections import deque

import grpc
from google.protobuf.empty_pb2 import Empty

from foldlog.v1.event_service_pb2 import Checkpoint, EventBatch, SubscribeRequest, SubscribeResponse
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog.v1.reasons import Reason
from foldlog_client.errors import LogReplaced
from foldlog_client.read_requests import begin_after
from foldlog_client.session import LogPosition


class SubscriptionState:
    """The position of one subscription, from message to message and from stream to stream."""

    def __init__(self, request: SubscribeRequest, start: LogPosition | None) -> None:
        """The request subscribes after the start; None = after the end of the log."""
        self._request = request
        self._log_id = request.log_id
        self._received = start
        self.token = self._received
        """Everything up to here was returned or excluded by the filter; None = the end of the log, not
        yet known."""
        self._pending: deque[tuple[RecordedEvent, str]] = deque()

    @property
    def position(self) -> int | None:
        """The position of the token."""
        return None if self.token is None else self.token.position

    @property
    def next_request(self) -> SubscribeRequest:
        """The request of the next stream."""
        request = SubscribeRequest()
        request.CopyFrom(self._request)
        request.log_id = self._log_id
        if self._received is None:
            request.end.CopyFrom(Empty())
        else:
            begin_after(request, self._received)
        return request

    def received(self, message: SubscribeResponse) -> SubscribeResponse:
        """Record a message, and return it without the events that were received before. Raises
        LogReplaced."""
        if message.HasField("confirmed"):
            self._confirm(message)
        known = None if self._received is None else self._received.position
        if message.HasField("events"):
            message = _after(known or 0, message)
        is_same = message.HasField("confirmed") and message.position == known
        if known is None or message.position > known or is_same:
            self._received = LogPosition(self._log_id, message.position, message.token)
        return message

    # A subscription hands out either the events or the messages.

    def keep(self, message: SubscribeResponse) -> None:
        """Keep the events of a message, for `next_event` to return one by one."""
        events, tokens = message.events.events, message.events.tokens
        self._pending.extend(zip(events, tokens or [""] * len(events), strict=True))

    def next_event(self) -> RecordedEvent | None:
        """Return the next event that was kept; None if there is none."""
        if not self._pending:
            self.token = self._received
            return None
        event, token = self._pending.popleft()
        self.token = LogPosition(self._log_id, event.position, token)
        return event

    def begin_messages(self) -> None:
        """Raise RuntimeError if events are being iterated over."""
        if self._pending:
            raise RuntimeError("Take either the events or the messages of one subscription, not both.")

    def hand_out(self, message: SubscribeResponse) -> SubscribeResponse:
        """Return a message, and move the token past it."""
        self.token = self._received
        return message

    def _confirm(self, message: SubscribeResponse) -> None:
        found = message.confirmed.log_id
        judged = (
            self._received is not None and self._received.token
        )  # the server accepted the token, so it has checked the history
        if self._log_id and found != self._log_id and not judged:
            raise LogReplaced(
                f"The subscription follows log {self._log_id}, but this server has log {found}. "
                "Forget the positions of the former log and begin again.",
                code=grpc.StatusCode.FAILED_PRECONDITION,
                reason=Reason.LOG_REPLACED,
                domain="foldlog.v1",
                metadata={"asked_log_id": self._log_id, "log_id": found},
            )
        self._log_id = found


def _after(position: int, message: SubscribeResponse) -> SubscribeResponse:
    """Return the message with only its events after a position; as a checkpoint if none is left."""
    batch = message.events
    fresh = [event for event in batch.events if event.position > position]
    if len(fresh) == len(batch.events):
        return message
    rest = SubscribeResponse(position=message.position, token=message.token)
    if fresh:
        rest.events.CopyFrom(EventBatch(events=fresh, tokens=batch.tokens[-len(fresh) :]))
    else:
        rest.checkpoint.CopyFrom(Checkpoint())
    return rest
