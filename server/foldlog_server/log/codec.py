"""Decodes stored events into payloads of current types, converting old messages on the way."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from google.protobuf.message import DecodeError, Message

from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage
from foldlog_server.errors import DataDamaged, EventUnreadable
from foldlog_server.log.events import AnyRecordedEvent, EncodedEvent, RecordedEvent, id_of
from foldlog_server.log.upcasting import Upcaster, chains, name_of, upcast


class _Reader(NamedTuple):
    """How a payload is read that was stored under some name."""

    read: Callable[[bytes], Message]
    type: str
    """The full name of the message that is read."""


class Codec:
    """Decodes the payloads it was told of, and those that become such by way of upcasters."""

    def __init__(self, events: Iterable[type[Message]], upcasters: Iterable[Upcaster] = ()) -> None:
        """Raises `ValueError` for two ways or a circle, and for an event that is told of and upcast."""
        self._readers = {name_of(event): _Reader(event.FromString, name_of(event)) for event in events}
        by_way: dict[str, _Reader] = {}
        for old, chain in chains(upcasters).items():
            if old in self._readers:
                raise ValueError(f"{old} has an upcaster: no fold gets to see it, so none may ask for it.")
            if name_of(chain[-1].new) in self._readers:
                by_way[old] = _Reader(_by_way_of(chain), name_of(chain[-1].new))
        self._readers |= by_way

    @property
    def stored(self) -> frozenset[str]:
        """The full names of the payloads that it decodes, as they are stored."""
        return frozenset(self._readers)

    def decode(self, event: EncodedEvent) -> AnyRecordedEvent:
        """The event with its payload decoded.

        Raises what `decode_known` does, and `EventUnreadable` for a payload that no code here knows, too, so
        that `evolve` never sees one.
        """
        decoded = self.decode_known(event)
        if decoded is None:
            raise EventUnreadable.unknown(event.position, RecordedEventMessage.FromString(event.record).type)
        return decoded

    def decode_known(self, event: EncodedEvent) -> AnyRecordedEvent | None:
        """The event with its payload decoded, or None if it was told of no such payload; it stays bytes.

        Raises `DataDamaged` if it is no event, `EventUnreadable` if its payload is not the message that it is
        said to be, and what an upcaster raises.
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


def _by_way_of(chain: Sequence[Upcaster]) -> Callable[[bytes], Message]:
    parse = chain[0].old.FromString
    return lambda data: upcast(parse(data), chain)
