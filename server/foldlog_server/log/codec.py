"""Decodes stored events into payloads of current types, converting old messages on the way."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from google.protobuf.message import DecodeError, Message

from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage
from foldlog_server.errors import DataDamaged, EventUnreadable
from foldlog_server.log.events import AnyRecordedEvent, EncodedEvent, RecordedEvent, id_of
from foldlog_server.log.upcasting import Upcaster, chains, name_of, upcast


class _Reader(NamedTuple):
    """How a payload is read that was stored under a given name."""

    read: Callable[[bytes], Message]
    type: str
    """The full name of the message that `read` returns."""


class Codec:
    """Decodes the payloads that it is given, and old ones that upcasters convert to those."""

    def __init__(self, events: Iterable[type[Message]], upcasters: Iterable[Upcaster] = ()) -> None:
        """Raises `ValueError` for upcasters that fork or form a circle, and for an event that has an
        upcaster."""
        self._readers = {name_of(event): _Reader(event.FromString, name_of(event)) for event in events}
        upcast_readers: dict[str, _Reader] = {}
        for old, chain in chains(upcasters).items():
            if old in self._readers:
                raise ValueError(
                    f"{old} has an upcaster, so no fold ever sees it. Remove it from the events."
                )
            if name_of(chain[-1].new) in self._readers:
                upcast_readers[old] = _Reader(_upcasting(chain), name_of(chain[-1].new))
        self._readers |= upcast_readers

    @property
    def stored(self) -> frozenset[str]:
        """The full names under which the payloads that it decodes are stored."""
        return frozenset(self._readers)

    def decode(self, event: EncodedEvent) -> AnyRecordedEvent:
        """The event with its payload decoded.

        Raises what `decode_known` raises, and `EventUnreadable` for an unknown payload, so that `evolve`
        never sees one.
        """
        decoded = self.decode_known(event)
        if decoded is None:
            raise EventUnreadable.unknown(event.position, RecordedEventMessage.FromString(event.record).type)
        return decoded

    def decode_known(self, event: EncodedEvent) -> AnyRecordedEvent | None:
        """The event with its payload decoded; None if the payload is not one of those that it decodes.

        Raises `DataDamaged` if the record is not an event, `EventUnreadable` if the payload is not a message
        of its type, and whatever an upcaster raises.
        """
        try:
            envelope = RecordedEventMessage.FromString(event.record)
        except DecodeError:
            raise DataDamaged(event.position) from None
        try:
            reader = self._readers.get(envelope.type)
            if reader is None:
                return None
            read, type_name = reader
            payload = read(envelope.payload.value)
        except DecodeError:
            raise EventUnreadable.no_message(event.position, envelope.type) from None
        stream = envelope.stream
        return RecordedEvent(
            event.position,
            stream,
            id_of(stream),
            envelope.version,
            type_name,
            envelope.recorded_time,
            payload,
            envelope,
        )


def _upcasting(chain: Sequence[Upcaster]) -> Callable[[bytes], Message]:
    """Parses an old message and converts it to the current one."""
    parse = chain[0].old.FromString
    return lambda data: upcast(parse(data), chain)
