"""Decodes an event once for all views that are shown it; what none of them looks at stays bytes."""

from collections.abc import Iterable

from google.protobuf.message import DecodeError, Message

from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage
from foldlog_server.core.errors import DataDamaged
from foldlog_server.core.events import EncodedEvent, RecordedEvent


class Decoding:
    """Decodes the payloads of some messages and no others."""

    def __init__(self, payloads: Iterable[type[Message]]) -> None:
        self._parsers = {payload.DESCRIPTOR.full_name: payload.FromString for payload in payloads}

    def decode(self, event: EncodedEvent) -> RecordedEvent | None:
        """The event with its payload, or None if that is of another type; then it was not looked at.

        Raises `DataDamaged` if the bytes cannot be read.
        """
        try:
            message = RecordedEventMessage.FromString(event.record)
            type_name = message.type
            parse = self._parsers.get(type_name)
            if parse is None:
                return None
            payload = parse(message.payload.value)
        except DecodeError:
            raise DataDamaged(event.position) from None
        return RecordedEvent(
            event.position,
            message.stream,
            message.version,
            message.event_id,
            type_name,
            message.recorded_time,
            message.metadata,
            payload,
        )
