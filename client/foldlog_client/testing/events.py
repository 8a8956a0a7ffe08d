"""Makes events and subscription messages as a server sends them."""

from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.message import Message

from foldlog.v1.event_service_pb2 import Confirmed, EventBatch, SubscribeResponse
from foldlog.v1.events_pb2 import RecordedEvent


def recorded(payload: Message, position: int, *, stream: str = "", version: int = 0) -> RecordedEvent:
    """Return an event with this payload, such as an `OrderCreated`, at a position of the log."""
    packed = Packed()
    packed.Pack(payload)
    return RecordedEvent(
        position=position,
        stream=stream,
        version=version,
        event_id=f"event-{position}",
        type=payload.DESCRIPTOR.full_name,
        payload=packed,
    )


def subscribed(*events: RecordedEvent, after: int = 0, log_id: str = "log") -> list[SubscribeResponse]:
    """Return the messages of a subscription that starts after a position and delivers these events."""
    head = max((event.position for event in events), default=after)
    messages = [SubscribeResponse(position=after, confirmed=Confirmed(log_id=log_id, head=head))]
    if events:
        messages.append(SubscribeResponse(position=head, events=EventBatch(events=events)))
    return messages
