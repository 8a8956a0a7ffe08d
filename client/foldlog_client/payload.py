"""Unpacks the payload of an event into its message."""

from google.protobuf import message_factory
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message

import foldlog.async_domains  # noqa: F401  registers every payload's message
from foldlog.v1.events_pb2 import RecordedEvent


class UnknownPayload(LookupError):
    """The protos of this release do not have the payload's message."""


def unpack(event: RecordedEvent) -> Message:
    """Return the event's payload, such as an `ItemAdded`. Raises UnknownPayload if it is of a newer
    release."""
    name = event.payload.TypeName()
    try:
        descriptor = Default().FindMessageTypeByName(name)
    except KeyError:
        raise UnknownPayload(f"No message {name!r} is known; use a newer release of the client.") from None
    return message_factory.GetMessageClass(descriptor).FromString(event.payload.value)
