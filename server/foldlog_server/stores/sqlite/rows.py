"""Reads events from a log's database, and returns none that has not been checked."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from typing import NamedTuple

from foldlog_server.errors import DataDamaged, IndexDamaged
from foldlog_server.log.event_store import MAX_BATCH_BYTES, Head
from foldlog_server.log.events import EncodedEvent
from foldlog_server.log.record import NO_CHAIN, chain_hash, checksum, split_record, varint
from foldlog_server.stores import store_errors
from foldlog_server.stores.sqlite.statements import statement

_END = 2**63 - 1
_SELECT_ALL = {False: statement("select_all_forwards"), True: statement("select_all_backwards")}
_SELECT_STREAM = {False: statement("select_stream_forwards"), True: statement("select_stream_backwards")}
_SELECT_HEAD = statement("select_head")
_SELECT_NEWEST = statement("select_newest_events")

_STREAM_TAG = b"\x12"  # field 2, length-delimited
_VERSION_TAG = b"\x18"  # field 3, varint


def read_all(
    connection: sqlite3.Connection, from_position: int, backwards: bool, limit: int
) -> list[EncodedEvent]:
    """As `EventStore.read_all`; also raises `DataDamaged` for a missing position."""
    first = from_position or (_END if backwards else 1)
    try:
        with closing(connection.execute(_SELECT_ALL[backwards], (first, max(limit, 0)))) as rows:
            return _in_log_order(rows, 0 if backwards else first, -1 if backwards else 1)
    except store_errors.ERRORS as error:
        raise store_errors.for_read(error) from error


def read_stream(
    connection: sqlite3.Connection,
    stream: str,
    from_version: int,
    backwards: bool,
    limit: int,
    known: int = 0,
) -> list[EncodedEvent]:
    """As `EventStore.read_stream`; also raises `DataDamaged` for a missing event or one of another stream.

    The stream is known to have at least the version `known`: `IndexDamaged` is raised if the index does not
    lead to it.
    """
    first = from_version or (_END if backwards else 1)
    try:
        with closing(connection.execute(_SELECT_STREAM[backwards], (stream, first, max(limit, 0)))) as rows:
            run = _in_stream_order(rows, stream, 0 if backwards else first, -1 if backwards else 1)
    except store_errors.ERRORS as error:
        raise store_errors.for_read(error) from error
    is_whole = run.is_whole and len(run.events) < limit
    if backwards and limit > 0:
        is_missing = run.begins < min(first, known) or (is_whole and run.behind > 0)
    else:
        is_missing = is_whole and run.behind <= known
    if is_missing:
        raise IndexDamaged(stream)
    return run.events


def read_head(connection: sqlite3.Connection) -> Head:
    """The end of the log."""
    return Head(*(connection.execute(_SELECT_HEAD).fetchone() or (0, NO_CHAIN)))


def read_newest(connection: sqlite3.Connection, count: int) -> list[EncodedEvent]:
    """The newest events, at most `count`, checked against checksum, order and chain; raises `DataDamaged`."""
    rows = connection.execute(_SELECT_NEWEST, (count + 1,)).fetchall()
    if not rows:
        return []
    if rows[0][0] == 1:
        rows.insert(0, (0, b"", 0, NO_CHAIN))
    expected, _, _, chain = rows[0]
    for position, record, crc, hashed in rows[1:]:
        expected += 1
        _check(position, record, crc, expected)
        chain = chain_hash(chain, position, *split_record(record))
        if hashed != chain:
            raise DataDamaged(position)
    return [EncodedEvent(position, record) for position, record, _, _ in rows[1:]]


def _check(position: int, record: object, crc: object, expected: int) -> None:
    """Raise `DataDamaged` unless position and checksum fit; damage can change the types of values, too."""
    if position != expected or not isinstance(record, bytes) or crc != checksum(position, record):
        raise DataDamaged(expected)


def _in_log_order(rows: Iterable[tuple[int, bytes, int]], expected: int, step: int) -> list[EncodedEvent]:
    events: list[EncodedEvent] = []
    room = MAX_BATCH_BYTES
    for position, record, crc in rows:
        _check(position, record, crc, expected or position)
        room -= len(record)
        if room < 0 and events:
            break
        events.append(EncodedEvent(position, record))
        expected = position + step
    return events


class _Run(NamedTuple):
    """Consecutive events of a stream."""

    events: list[EncodedEvent]
    begins: int
    """The version of the first; 0 if there is none."""
    behind: int
    """The version that would come next."""
    is_whole: bool
    """Whether all rows fitted into one batch."""


def _in_stream_order(
    rows: Iterable[tuple[int, int, bytes, int]], stream: str, expected: int, step: int
) -> _Run:
    name = stream.encode()
    header = _STREAM_TAG + varint(len(name)) + name + _VERSION_TAG
    events: list[EncodedEvent] = []
    room = MAX_BATCH_BYTES
    begins = 0
    for position, version, record, crc in rows:
        _check(position, record, crc, position)
        if version != (expected or version) or not record.startswith(header + varint(version)):
            raise DataDamaged(position)
        room -= len(record)
        if room < 0 and events:
            return _Run(events, begins, expected, is_whole=False)
        events.append(EncodedEvent(position, record))
        begins, expected = begins or version, version + step
    return _Run(events, begins, expected, is_whole=True)
