"""Decodes an event once for all views that read the same part of the log."""

from collections import deque
from collections.abc import Container

from google.protobuf.message import DecodeError

from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage
from foldlog_server.core.codec import Codec
from foldlog_server.core.errors import DataDamaged
from foldlog_server.core.events import EncodedEvent, RecordedEvent

REMEMBERED_BYTES = 4 * 1024 * 1024


class SharedDecoding:
    """A codec that remembers the events it decoded last, in a bounded number of bytes."""

    def __init__(self, codec: Codec, remembered_bytes: int = REMEMBERED_BYTES) -> None:
        """`remembered_bytes` counts the records; decoded they take some times as much."""
        self._codec = codec
        self._room = remembered_bytes
        self._decoded: dict[EncodedEvent, RecordedEvent] = {}
        self._order: deque[EncodedEvent] = deque()

    def decode(self, event: EncodedEvent, wanted: Container[str]) -> RecordedEvent | None:
        """The event with its payload if that is of a wanted type; the payload of another is not looked at.

        `wanted` are full names of messages. Raises what `Codec.decode` does.
        """
        decoded = self._decoded.get(event)
        if decoded is not None:
            return decoded if decoded.type in wanted else None
        if _type_of(event) not in wanted:
            return None
        decoded = self._codec.decode(event)
        self._remember(event, decoded)
        return decoded

    def _remember(self, event: EncodedEvent, decoded: RecordedEvent) -> None:
        self._decoded[event] = decoded
        self._order.append(event)
        self._room -= len(event.record)
        while self._room < 0:
            oldest = self._order.popleft()
            del self._decoded[oldest]
            self._room += len(oldest.record)


def _type_of(event: EncodedEvent) -> str:
    try:
        return RecordedEventMessage.FromString(event.record).type
    except DecodeError:
        raise DataDamaged(event.position) from None
