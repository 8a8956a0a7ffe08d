"""Reads a log while another thread or process writes it; needs no lock."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from foldlog_server.log.event_store import Head, RecordedRequest, RequestKey
from foldlog_server.log.events import EncodedEvent, category_of
from foldlog_server.log.record import NO_CHAIN
from foldlog_server.stores import store_errors
from foldlog_server.stores.causes import DAMAGE, cause_of
from foldlog_server.stores.encoded_append import stored_key
from foldlog_server.stores.files import wal_file
from foldlog_server.stores.files.data_directory import DataDirectoryUnusable, NoLog, NotALog, log_file
from foldlog_server.stores.sqlite import requests, rows
from foldlog_server.stores.sqlite.connections import connect_to_read
from foldlog_server.stores.sqlite.schema import recognise, set_up_reader, unreadable
from foldlog_server.stores.sqlite.statements import statement
from foldlog_server.stores.sqlite.stored_text import text_of

_SELECT_LOG = statement("select_log")
_SELECT_CHAIN = statement("select_chain")
_SELECT_TYPES = statement("select_types")
_SELECT_STREAM_BEYOND = statement("select_stream_beyond")


class SqliteLogReader:
    """Reads a log from its file: each call sees everything that is committed, and whole transactions only.

    Used in the thread that opened it. Raises `DataDamaged` for bytes that are not those that were written,
    `StoreHindered` if the log cannot be read now, and `StoreUnavailable` after `close`.
    """

    def __init__(self, connection: sqlite3.Connection, log_id: str) -> None:
        self._connection = connection
        self.log_id = log_id

    @classmethod
    def open(cls, directory: Path) -> "SqliteLogReader":
        """Open the log of a data directory; raises `CannotOpen`."""
        file = log_file(directory)
        if not file.is_file():
            wal_file.check_not_alone(file)
            raise NoLog(directory)
        wal_file.check_not_alone(file)
        with _raising_cannot_open(file):
            connection = connect_to_read(file)
        try:
            return cls.on(connection, file)
        except BaseException:
            connection.close()
            raise

    @classmethod
    def on(cls, connection: sqlite3.Connection, file: Path) -> "SqliteLogReader":
        """A reader on a connection to the file, which the reader owns from now on; raises `CannotOpen`."""
        with _raising_cannot_open(file):
            set_up_reader(connection)
            recognise(connection, file)
            return cls(connection, _log_id(connection, file))

    @property
    def head(self) -> Head:
        """The end of the log."""
        try:
            return rows.read_head(self._connection)
        except store_errors.ERRORS as error:
            raise store_errors.for_read(error) from error

    def chain_hash(self, position: int) -> bytes | None:
        """The chain hash at a position; None if there is no such event."""
        try:
            row = self._connection.execute(_SELECT_CHAIN, (position,)).fetchone()
        except store_errors.ERRORS as error:
            raise store_errors.for_read(error) from error
        return None if row is None else bytes(row[0])

    def find_request(self, key: RequestKey) -> RecordedRequest | None:
        """As `EventStore.find_request`."""
        try:
            return requests.find(self._connection, stored_key(key))
        except store_errors.ERRORS as error:
            raise store_errors.for_read(error) from error

    def types(self) -> Sequence[str]:
        """The type of every event that was ever stored. Raises `sqlite3.Error`."""
        return [text_of(name) for name, _ in self._connection.execute(_SELECT_TYPES)]

    def categories(self) -> Sequence[str]:
        """The category of every stream, with one index search each. Raises `sqlite3.Error`."""
        found: list[str] = []
        beyond = ""
        while row := self._connection.execute(_SELECT_STREAM_BEYOND, (beyond,)).fetchone():
            found.append(category_of(text_of(row[0])))
            beyond = found[-1] + "."  # "." follows "-": skips all streams of the category
        return found

    def read_all(
        self, *, from_position: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        """As `EventStore.read_all`."""
        return rows.read_all(self._connection, from_position, backwards, limit)

    def read_stream(
        self,
        stream: str,
        *,
        from_version: int = 0,
        backwards: bool = False,
        limit: int = 1000,
        known: int = 0,
    ) -> Sequence[EncodedEvent]:
        """As `EventStore.read_stream`; raises `IndexDamaged` if the index does not lead to version
        `known`."""
        return rows.read_stream(self._connection, stream, from_version, backwards, limit, known)

    def close(self) -> None:
        """Close the log's files."""
        self._connection.close()

    def __enter__(self) -> "SqliteLogReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ReadOnlyLog:
    """A `Log` that another process may be writing; every call blocks the event loop while it reads the
    disk."""

    def __init__(self, reader: SqliteLogReader) -> None:
        self.log_id = reader.log_id
        self._reader = reader

    @property
    def head(self) -> Head:
        return self._reader.head

    async def read_stream(
        self, stream: str, *, from_version: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        return self._reader.read_stream(stream, from_version=from_version, backwards=backwards, limit=limit)

    async def read_all(
        self, *, from_position: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        return self._reader.read_all(from_position=from_position, backwards=backwards, limit=limit)

    async def chain_hash_at(self, position: int) -> bytes | None:
        return NO_CHAIN if position == 0 else self._reader.chain_hash(position)


@contextmanager
def _raising_cannot_open(file: Path) -> Iterator[None]:
    """Raise `CannotOpen` in place of SQLite's errors."""
    try:
        yield
    except sqlite3.Error as error:
        if cause_of(error) in DAMAGE:
            raise unreadable(file, error) from error
        raise DataDirectoryUnusable(file.parent, error) from error


def _log_id(connection: sqlite3.Connection, file: Path) -> str:
    row = connection.execute(_SELECT_LOG).fetchone()
    if row is None:
        raise NotALog(file)
    return text_of(row[0])
