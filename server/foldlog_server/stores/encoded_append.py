"""Checks an append and encodes its events; the same for every engine."""

from msgspec import Struct

from foldlog_server.errors import EventTooLarge
from foldlog_server.log.event_store import Append, RequestKey, StreamRange
from foldlog_server.log.record import (
    MAX_EVENT_BYTES,
    encode_common,
    encode_header,
    encode_record,
)


class Record(Struct, frozen=True, gc=False):
    """An encoded event that has no position yet."""

    stream: str
    version: int
    type: str
    header: bytes
    data: bytes
    record: bytes


def admit(append: Append) -> bytes | None:
    """The key under which the append's request is recorded, if it has one.

    Raises `ValueError` for programming errors, before anything is tried.
    """
    if len(append.streams) > 1 and len({part.stream for part in append.streams}) < len(append.streams):
        raise ValueError("An append names a stream twice. Put all events of a stream into one StreamAppend.")
    return None if append.request is None else stored_key(append.request.key)


def stored_key(key: RequestKey) -> bytes:
    """The 16 bytes of the request id, a UUID, then the actor in UTF-8; all spellings of an id are one key."""
    request_id = bytes.fromhex(key.request_id.replace("-", ""))
    if len(request_id) != 16:
        raise ValueError(f"A request id is a UUID, and {key.request_id!r} is not one.")
    return request_id + key.actor.encode()


def encode(append: Append, recorded_ns: int) -> list[Record]:
    """The append's events in order, with the versions that follow the expected ones. Raises
    `EventTooLarge`."""
    records = []
    common = encode_common(recorded_ns, append.metadata)
    for part in append.streams:
        for version, event in enumerate(part.events, part.expected_version + 1):
            header = encode_header(part.stream, version, event, common)
            record = encode_record(header, event)
            if len(record) > MAX_EVENT_BYTES:
                raise EventTooLarge(event.type, len(record), MAX_EVENT_BYTES)
            records.append(Record(part.stream, version, event.type, header, event.data, record))
    return records


def ranges(append: Append) -> tuple[StreamRange, ...]:
    """The versions of the append's events in each of its streams."""
    return tuple(
        StreamRange(part.stream, part.expected_version + 1, part.expected_version + len(part.events))
        for part in append.streams
    )
