"""What an event says, as the message that it is."""

from google.protobuf import message_factory
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message

import foldlog.async_domains  # noqa: F401  makes every payload known
from foldlog.v1.events_pb2 import RecordedEvent


class UnknownPayload(LookupError):
    """The payload's message is not among the protos of this release."""


def unpack(event: RecordedEvent) -> Message:
    """The event's payload, such as an `ItemAdded`. Raises UnknownPayload for one that came later."""
    name = event.payload.TypeName()
    try:
        descriptor = Default().FindMessageTypeByName(name)
    except KeyError:
        raise UnknownPayload(f"No message {name!r} is known; use a newer release of the client.") from None
    return message_factory.GetMessageClass(descriptor).FromString(event.payload.value)
