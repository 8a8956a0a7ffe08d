"""Encodes events to bytes and splits them again: record, checksum and chain, as docs/format.md specifies.

A record is an encoded `foldlog.v1.RecordedEvent` without its position. Its fields are in the order of their
numbers, so it consists of the header (all fields before the payload) and the payload field. Readers prepend
the position and get the message of the contract without decoding anything.
"""

import hashlib
import zlib
from collections.abc import Iterable
from functools import cache, lru_cache

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp

from foldlog.v1.events_pb2 import EventMetadata
from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage
from foldlog_server.log.events import EncodedEvent, NewEvent

NO_CHAIN = bytes(32)
"""The chain hash of an empty log."""

MAX_EVENT_BYTES = 1024 * 1024

_TYPE_URL_PREFIX = "type.googleapis.com/"
_POSITION_TAG = b"\x08"  # field 1, varint
_STREAM_TAG = b"\x12"  # field 2, length-delimited
_VERSION_TAG = b"\x18"  # field 3, varint
_EVENT_ID_TAG = b"\x22"  # field 4, length-delimited
_TYPE_TAG = b"\x2a"  # field 5, length-delimited
_TIME_TAG = b"\x32"  # field 6, length-delimited
_METADATA_TAG = b"\x3a"  # field 7, length-delimited
_PAYLOAD_TAG = b"\x42"  # field 8, length-delimited

_SHORT_VARINTS = tuple(bytes((number,)) for number in range(0x80))


def varint(number: int) -> bytes:
    """A non-negative number as a protobuf varint."""
    if number < 0x80:
        return _SHORT_VARINTS[number]
    if number < 0x4000:
        return bytes((number & 0x7F | 0x80, number >> 7))
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def tag_of(field: FieldDescriptor) -> bytes:
    """The tag of a length-delimited field."""
    return varint(field.number << 3 | 2)


def embedded(tag: bytes, data: bytes) -> bytes:
    """A length-delimited field: its tag, its length, its content."""
    size = len(data)  # mostly short: the table saves a call
    return tag + (_SHORT_VARINTS[size] if size < 0x80 else varint(size)) + data


def encode_header(stream: str, version: int, event: NewEvent, common: bytes) -> bytes:
    """All fields of a record before its payload; `common` is `encode_common`'s.

    Assembled by hand, because a protobuf message takes three times as long, and every event needs one.
    """
    return b"".join(
        (
            embedded(_STREAM_TAG, stream.encode()),
            _VERSION_TAG,
            varint(version),
            embedded(_EVENT_ID_TAG, event.event_id.encode()),
            _type_field(event.type),
            common,
        )
    )


def encode_common(recorded_ns: int, metadata: EventMetadata) -> bytes:
    """The header fields that all events of an append share; the time is in nanoseconds since the epoch."""
    return _time_field(recorded_ns) + embedded(_METADATA_TAG, metadata.SerializeToString())


def encode_record(header: bytes, event: NewEvent) -> bytes:
    """A record: the header, then the payload as a `google.protobuf.Any`."""
    payload = _type_url_field(event.type)
    if event.data:  # proto3 leaves empty bytes out
        payload += embedded(b"\x12", event.data)
    return header + embedded(_PAYLOAD_TAG, payload)


@lru_cache(2)  # all events of a batch have one time
def _time_field(recorded_ns: int) -> bytes:
    seconds, nanos = divmod(recorded_ns, 1_000_000_000)
    return embedded(_TIME_TAG, Timestamp(seconds=seconds, nanos=nanos).SerializeToString())


@cache
def _type_field(type_name: str) -> bytes:
    return embedded(_TYPE_TAG, type_name.encode())


@cache
def _type_url_field(type_name: str) -> bytes:
    return embedded(b"\x0a", (_TYPE_URL_PREFIX + type_name).encode())


def checksum(position: int, record: bytes) -> int:
    """CRC32 of the position (8 bytes, big-endian) and the record."""
    return zlib.crc32(record, zlib.crc32(position.to_bytes(8, "big")))


def chain_hash(previous: bytes, position: int, header: bytes, data: bytes) -> bytes:
    """SHA-256 of the previous hash, the position (8 bytes, big-endian), the header, and the SHA-256 of the
    payload's bytes. So a payload can be erased later without breaking the chain."""
    payload_hash = hashlib.sha256(data).digest()
    return hashlib.sha256(previous + position.to_bytes(8, "big") + header + payload_hash).digest()


def message(event: EncodedEvent) -> bytes:
    """The event as an encoded `foldlog.v1.RecordedEvent`, with its position."""
    return _POSITION_TAG + varint(event.position) + event.record


def repeated(tag: bytes, events: Iterable[EncodedEvent]) -> bytes:
    """The events as a repeated field of `RecordedEvent`, to be appended to an encoded message."""
    parts: list[bytes] = []
    for event in events:
        record = event.record
        head = _POSITION_TAG + varint(event.position)
        parts += (tag, varint(len(head) + len(record)), head, record)
    return b"".join(parts)


def repeated_text(tag: bytes, texts: Iterable[str]) -> bytes:
    """Texts of at most 127 ASCII characters as a repeated field, to be appended to an encoded message."""
    return b"".join([tag + _SHORT_VARINTS[len(text)] + text.encode() for text in texts])


def split_record(record: bytes) -> tuple[bytes, bytes]:
    """The header of a record, and the bytes of its payload (the value inside the `Any`)."""
    at = 0
    while record[at : at + 1] != _PAYLOAD_TAG:
        at = _skip_field(record, at)
    payload = RecordedEventMessage.FromString(record[at:]).payload
    return record[:at], payload.value


def _skip_field(record: bytes, at: int) -> int:
    tag, at = _read_varint(record, at)
    value, at = _read_varint(record, at)
    match tag & 7:
        case 2:
            return at + value
        case 0:
            return at
        case other:
            raise ValueError(f"a record cannot have a field of wire type {other}")


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return number, at
        shift += 7
