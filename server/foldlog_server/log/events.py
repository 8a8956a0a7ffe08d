"""Events before and after they are stored, and the names of their streams."""

from typing import Any, Generic, TypeAlias, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from msgspec import Struct

from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage


def stream_name(category: str, id: str) -> str:
    """The name of the stream that holds one aggregate's events."""
    return f"{category}-{id}"


def category_of(stream: str) -> str:
    """The part of a stream's name before the first dash."""
    return stream.partition("-")[0]


def id_of(stream: str) -> str:
    """The part of a stream's name after the first dash: the aggregate's id."""
    return stream.partition("-")[2]


Payload_co = TypeVar("Payload_co", bound=Message, covariant=True)

ANY = 2**63 - 1
"""As an upper bound it means no bound: no version and no position is beyond it."""


class NewEvent(Struct, frozen=True, gc=False):
    """An event before it is stored; its payload is already encoded, so nothing can change it."""

    event_id: str
    type: str
    """The full name of the payload's message."""
    data: bytes
    """The encoded payload."""


class EncodedEvent(Struct, frozen=True, gc=False):
    """An event as it is stored; enough for everyone who passes its bytes on."""

    position: int
    record: bytes
    """An encoded `foldlog.v1.RecordedEvent` without its position."""


class RecordedEvent(Struct, Generic[Payload_co], frozen=True):
    """A stored event, decoded. Readers share it, so none of them may change it."""

    position: int
    stream: str
    id: str
    """The aggregate's id: the part of the stream's name after the first dash."""
    version: int
    type: str
    """The full name of the payload's message; if it was upcast, `envelope` has the name that was stored."""
    recorded_time: Timestamp
    payload: Payload_co
    envelope: RecordedEventMessage
    """The record as it was stored, with the event's id and metadata."""


AnyRecordedEvent: TypeAlias = RecordedEvent[Any]
"""A stored event with any payload: for runners, which never look into a payload."""
