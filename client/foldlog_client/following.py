"""How far a subscription is, and what it asks for next: whatever happens, no gap and no duplicate."""

from collections import deque

import grpc
from google.protobuf.empty_pb2 import Empty

from foldlog.v1.event_service_pb2 import Checkpoint, EventBatch, SubscribeRequest, SubscribeResponse
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_client.errors import LogReplaced
from foldlog_client.session import LogPosition


class Following:
    """A place in a log, from message to message and from stream to stream."""

    def __init__(self, request: SubscribeRequest) -> None:
        self._request = request
        at_end = request.WhichOneof("start") == "end"
        self._received = None if at_end else request.after_position
        self.position = self._received
        """Everything up to here was handed out or left out by the filter; None = not yet at the end."""
        self._log_id = request.log_id
        self._pending: deque[RecordedEvent] = deque()

    @property
    def token(self) -> LogPosition | None:
        """The position and its log; None as long as there is no position."""
        return None if self.position is None else LogPosition(self._log_id, self.position)

    @property
    def next_request(self) -> SubscribeRequest:
        """What the next stream is asked for."""
        request = SubscribeRequest()
        request.CopyFrom(self._request)
        request.log_id = self._log_id
        if self._received is None:
            request.end.CopyFrom(Empty())
        else:
            request.after_position = self._received
        return request

    def received(self, message: SubscribeResponse) -> SubscribeResponse:
        """The next message, without the events that were received before. Raises LogReplaced."""
        if message.HasField("confirmed"):
            self._confirm(message)
        known = message.position if self._received is None else self._received
        if message.HasField("events"):
            message = _after(0 if self._received is None else self._received, message)
        self._received = max(known, message.position)
        return message

    # A subscription hands out either the events or the messages.

    def keep(self, message: SubscribeResponse) -> None:
        """Keep the events of a message, to be handed out one by one."""
        self._pending.extend(message.events.events)

    def next_event(self) -> RecordedEvent | None:
        """Hand out the next event; None if all are handed out."""
        if not self._pending:
            self.position = self._received
            return None
        event = self._pending.popleft()
        self.position = event.position
        return event

    def begin_messages(self) -> None:
        """Raises RuntimeError if events are being handed out."""
        if self._pending:
            raise RuntimeError("Take either the events or the messages of one subscription, not both.")

    def hand_out(self, message: SubscribeResponse) -> SubscribeResponse:
        """Hand out a message."""
        self.position = self._received
        return message

    def _confirm(self, message: SubscribeResponse) -> None:
        found = message.confirmed.log_id
        if self._log_id and found != self._log_id:
            raise LogReplaced(
                f"The subscription follows log {self._log_id}, and this is log {found}. "
                "Forget the positions of the former log and begin again.",
                code=grpc.StatusCode.FAILED_PRECONDITION,
                reason="LOG_REPLACED",
                domain="foldlog.v1",
                metadata={"asked_log_id": self._log_id, "log_id": found},
            )
        self._log_id = found


def _after(position: int, message: SubscribeResponse) -> SubscribeResponse:
    """The message with its events behind a position; a checkpoint if none is left."""
    fresh = [event for event in message.events.events if event.position > position]
    if len(fresh) == len(message.events.events):
        return message
    if not fresh:
        return SubscribeResponse(position=message.position, checkpoint=Checkpoint())
    return SubscribeResponse(position=message.position, events=EventBatch(events=fresh))
