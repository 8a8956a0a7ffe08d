"""Facts before and after they are stored."""

from typing import Any, Generic, TypeAlias, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from msgspec import Struct

from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage


def stream_name(category: str, id: str) -> str:
    """The name of the stream that is the home of one aggregate's events."""
    return f"{category}-{id}"


def category_of(stream: str) -> str:
    """What stands before the first dash of a stream's name."""
    return stream.partition("-")[0]


def id_of(stream: str) -> str:
    """What stands behind the first dash of a stream's name."""
    return stream.partition("-")[2]


Payload_co = TypeVar("Payload_co", bound=Message, covariant=True)

ANY = 2**63 - 1
"""No bound: no version and no position is beyond it."""


class NewEvent(Struct, frozen=True, gc=False):
    """A fact before it is stored: its payload is encoded already, so nothing can change it."""

    event_id: str
    type: str
    """The full name of the payload's message."""
    data: bytes
    """The encoded payload."""


class EncodedEvent(Struct, frozen=True, gc=False):
    """A fact as it is stored: readers of bytes need no more."""

    position: int
    record: bytes
    """An encoded `foldlog.v1.RecordedEvent` without its position."""


class RecordedEvent(Struct, Generic[Payload_co], frozen=True):
    """A stored event, decoded. Readers share it, so nobody may change it."""

    position: int
    stream: str
    id: str
    """Of the aggregate: what stands behind the first dash of the stream's name."""
    version: int
    type: str
    """The full name of the payload's message; `envelope` has the one that was stored, if that was upcast."""
    recorded_time: Timestamp
    payload: Payload_co
    envelope: RecordedEventMessage
    """What was stored with the payload: the event's id and metadata, too."""


AnyRecordedEvent: TypeAlias = RecordedEvent[Any]
"""A stored event of some payload: what runners work with, which look into no payload."""
