"""Reads a log for a copy of it, page by page, in transactions so short that the writer is not delayed."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import closing
from functools import partial
from typing import Protocol, TypeVar

from foldlog_server.errors import DataDamaged, RequestDamaged
from foldlog_server.log.event_store import MAX_BATCH_BYTES
from foldlog_server.log.events import EncodedEvent
from foldlog_server.log.lineage import Ancestor, Opening
from foldlog_server.log.record import NO_CHAIN, chain_hash, checksum, split_record
from foldlog_server.log.source import Origin, StoredRequest
from foldlog_server.stores import store_errors
from foldlog_server.stores.sqlite import requests, schema
from foldlog_server.stores.sqlite.rows import read_head
from foldlog_server.stores.sqlite.statements import statement
from foldlog_server.stores.sqlite.stored_text import text_of

T = TypeVar("T")

PAGE = 1_000
"""At most so many rows are read in one transaction."""

_SELECT_ORIGIN = statement("select_origin")
_SELECT_ANCESTORS = statement("select_ancestors")
_SELECT_OPENINGS = statement("select_openings")
_SELECT_SERVED = statement("select_served")
_SELECT_COPIED = statement("select_copied")
_SELECT_PARTITIONS = statement("select_partitions")
_SELECT_REQUESTS = statement("select_requests")
_SELECT_REQUESTS_OF_1 = statement("select_requests_of_1")


class Read(Protocol):
    """Runs a function on a connection that was set up to read, in the thread that owns it."""

    def __call__(self, function: Callable[[sqlite3.Connection], T], /) -> Awaitable[T]: ...


def on(connection: sqlite3.Connection) -> Read:
    """Runs functions on a connection of this thread, which blocks meanwhile."""

    async def read(function: Callable[[sqlite3.Connection], T]) -> T:
        return raising_store_errors(function)(connection)

    return read


def raising_store_errors(
    function: Callable[[sqlite3.Connection], T],
) -> Callable[[sqlite3.Connection], T]:
    """The function, but it raises a `StoreError` in place of SQLite's errors."""

    def run(connection: sqlite3.Connection) -> T:
        try:
            return function(connection)
        except store_errors.ERRORS as error:
            raise store_errors.for_read(error) from error

    return run


class SqliteLogSource:
    """A `LogSource` that reads each page in a transaction of its own."""

    def __init__(self, read: Read, origin: Origin) -> None:
        self.origin = origin
        self._read = read

    @classmethod
    async def open(cls, read: Read) -> "SqliteLogSource":
        """A source with the log as it is now."""
        return cls(read, await read(_in_a_transaction(read_origin)))

    async def events(self, until: int) -> AsyncIterator[Sequence[EncodedEvent]]:
        position, chain = 0, NO_CHAIN
        while position < until:
            page, chain = await self._read(partial(read_page, after=position, chain=chain, until=until))
            position = page[-1].position
            yield page

    async def requests(self) -> AsyncIterator[Sequence[StoredRequest]]:
        for partition in await self._read(_partitions):
            behind: int | bytes | None = None
            while True:
                page, behind = await self._read(partial(_read_requests, partition=partition, behind=behind))
                if not page:
                    break
                yield page


def _in_a_transaction(function: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
    def run(connection: sqlite3.Connection) -> T:
        connection.execute("BEGIN")
        try:
            return function(connection)
        finally:
            connection.execute("COMMIT")

    return run


def read_origin(connection: sqlite3.Connection) -> Origin:
    """Which log this is; format 1 has no ancestors, no openings and no time served."""
    log_id, made_time = connection.execute(_SELECT_ORIGIN).fetchone()
    head = read_head(connection)
    if connection.execute("PRAGMA user_version").fetchone()[0] < 2:
        connection.text_factory = str
        served = schema.served_before_2(connection)
        connection.text_factory = bytes
        opening = schema.opening_before_2(connection)
        return Origin(text_of(log_id), made_time, head, served, 0, (), (opening,))
    served, settled = connection.execute(_SELECT_SERVED).fetchone()
    return Origin(
        text_of(log_id),
        made_time,
        head,
        served,
        settled,
        tuple(
            Ancestor(text_of(ancestor), position, chain, left_time, text_of(cause))
            for ancestor, position, chain, left_time, cause in connection.execute(_SELECT_ANCESTORS)
        ),
        tuple(Opening(*row) for row in connection.execute(_SELECT_OPENINGS)),
    )


def read_page(
    connection: sqlite3.Connection, after: int, chain: bytes, until: int
) -> tuple[list[EncodedEvent], bytes]:
    """The next events after a position, and the chain hash at the last one; raises `DataDamaged`."""
    events: list[EncodedEvent] = []
    room = MAX_BATCH_BYTES
    with closing(connection.execute(_SELECT_COPIED, (after + 1, until, PAGE))) as rows:
        for position, record, crc, hashed in rows:
            expected = after + 1 + len(events)
            if position != expected or not isinstance(record, bytes) or crc != checksum(position, record):
                raise DataDamaged(expected)
            room -= len(record)
            if room < 0 and events:
                break
            chain = chain_hash(chain, position, *split_record(record))
            if hashed != chain:
                raise DataDamaged(position)
            events.append(EncodedEvent(position, record))
    if not events:
        raise DataDamaged(after + 1)
    return events, chain


def _partitions(connection: sqlite3.Connection) -> list[str]:
    return [text_of(name) for (name,) in connection.execute(_SELECT_PARTITIONS)]


def _read_requests(
    connection: sqlite3.Connection, partition: str, behind: int | bytes | None
) -> tuple[list[StoredRequest], int | bytes | None]:
    """The next records after a number (in format 1 after a key), and the last one's; raises
    `RequestDamaged`."""
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] < 2:
            former = _SELECT_REQUESTS_OF_1.format(partition=partition)
            rows = connection.execute(former, (behind or b"", PAGE)).fetchall()
            records = [StoredRequest(partition, key, given, text_of(outcome)) for key, given, outcome in rows]
            return records, rows[-1][0] if rows else behind
        rows = connection.execute(
            _SELECT_REQUESTS.format(partition=partition), (behind or 0, PAGE)
        ).fetchall()
    except sqlite3.OperationalError:
        if partition in _partitions(connection):
            raise
        return [], behind  # the partition has been dropped meanwhile: its records have expired
    return [_record(partition, *row) for row in rows], rows[-1][0] if rows else behind


def _record(
    partition: str, number: int, key: bytes, fingerprint: bytes, outcome: bytes, crc: int
) -> StoredRequest:
    if not requests.is_sound(key, fingerprint, outcome, crc):
        raise RequestDamaged(key[:16] if isinstance(key, bytes) else b"")
    return StoredRequest(partition, key, fingerprint, text_of(outcome))
