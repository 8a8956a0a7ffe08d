"""Keeps snapshots in an SQLite file that may be deleted: one thread writes it, the loop's thread reads it.

A file that belongs to another log or is damaged is replaced by a new one, also while it is open. Failures are
logged, and states are folded from the log instead: no decision depends on a snapshot.
"""

import asyncio
import logging
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec.msgpack

from foldlog_server.commands.snapshots import NoSnapshots, Snapshot, Snapshots, Until, kind
from foldlog_server.domain import state_codec
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.lasting_problem import LastingProblem
from foldlog_server.stores.causes import Cause, cause_in, cause_of_reading
from foldlog_server.stores.files import private_files
from foldlog_server.stores.files.file_state import state_or_nothing
from foldlog_server.stores.files.log_files import untouched
from foldlog_server.stores.sqlite.connections import (
    DERIVED_PRAGMAS,
    connect_to_read,
    connect_to_write,
    remove_database,
    set_pragmas,
)
from foldlog_server.stores.sqlite.statements import statement
from foldlog_server.stores.views.view_damage import as_damage
from foldlog_server.stores.writer_thread import WriterThread

BYTES_PER_EVENT = 100
"""A snapshot may take so many bytes per event since the previous one, which is less than the events take."""

FORMAT = 2
"""Stored as `user_version`. Format 2 has checksums over stream and kind, too; other files are replaced."""

_CREATE = [statement("create_snapshots"), statement("create_snapshots_log")]
_INSERT_LOG = statement("insert_snapshots_log")
_DELETE_OTHERS = statement("delete_other_snapshots")
_SELECT_LOG = statement("select_log")
_SELECT = statement("select_snapshot")
_SELECT_NEWEST = statement("select_newest_snapshots")
_SELECT_VERSION = statement("select_snapshot_version")
_INSERT = statement("insert_snapshot")

_encode = msgspec.msgpack.Encoder().encode

_log = logging.getLogger("foldlog")


class SnapshotFile:
    """The snapshots of a data directory for reading; `keep` stores nothing."""

    def __init__(self, reader: sqlite3.Connection) -> None:
        self._reader = reader
        self._unreadable = LastingProblem(
            "Snapshots cannot be read, and the log is folded instead: %s", "Snapshots can be read again."
        )
        self.is_damaged = False
        """Whether damage was found."""

    def newest(self, stream: str, decider: AnyDecider, until: Until) -> Snapshot | None:
        try:
            row = self._reader.execute(_SELECT, (stream, kind(decider), *until)).fetchone()
            found = None if row is None else _read(row, stream, decider)
        except (sqlite3.Error, MemoryError, ValueError, TypeError) as error:
            self._unreadable.occurred(_reason(error, cause_of_reading(error)))
            self.is_damaged |= _is_damage(error)
            return None
        self._unreadable.ended()
        return found

    def keep(self, stream: str, decider: AnyDecider, snapshot: Snapshot) -> None:
        pass


@contextmanager
def snapshots_in(directory: Path, log_id: str) -> Iterator[Snapshots]:
    """The snapshots of a log; empty if the file is missing, belongs to another log, or cannot be read."""
    file = file_in(directory)
    with ExitStack() as opened:
        found: Snapshots = NoSnapshots()
        with suppress(OSError, sqlite3.Error):
            reader = opened.enter_context(untouched(directory, file))
            if _log_on(reader) == log_id:
                found = SnapshotFile(reader)
        yield found


class SqliteSnapshots:
    """The snapshots of a data directory, for reading and writing."""

    def __init__(
        self,
        thread: WriterThread,
        writer: sqlite3.Connection,
        reader: sqlite3.Connection,
        directory: Path,
        make: Callable[[], sqlite3.Connection],
        is_detached: Callable[[], bool],
    ) -> None:
        """`make` replaces the file by a new one; it is called in the thread."""
        self._thread = thread
        self._directory = directory
        self._file = file_in(directory)
        self._identity = state_or_nothing(self._file).identity
        self._make = make
        self._is_detached = is_detached
        self._made: asyncio.Future[sqlite3.Connection] | None = None
        """The replacement of a damaged file, while it is being made."""
        self._writer = writer
        self._reader = reader
        self._snapshots = SnapshotFile(reader)
        self._unkept = LastingProblem("Snapshots cannot be kept: %s", "Snapshots are kept again.")

    @classmethod
    async def open(
        cls,
        directory: Path,
        log_id: str,
        deciders: Iterable[AnyDecider],
        thread: WriterThread,
        is_detached: Callable[[], bool] = lambda: False,
    ) -> "SqliteSnapshots":
        """Open the snapshots of a log; those that do not fit the deciders are deleted.

        While `is_detached` returns true, the data directory has been moved, and nothing is created at its
        path. Raises `OSError` or `sqlite3.Error` if no file can be opened or created.
        """
        file = file_in(directory)
        kinds = [kind(decider) for decider in deciders]
        writer = await thread.do(lambda: _open_writer(file, log_id, kinds))
        try:
            reader = connect_to_read(file)
            # This opens all files that it will read: later there may be no descriptor left.
            reader.execute(_SELECT_LOG).fetchone()
        except BaseException:
            await thread.do(writer.close)
            raise
        return cls(thread, writer, reader, directory, lambda: _recreate(file, log_id, kinds), is_detached)

    def newest(self, stream: str, decider: AnyDecider, until: Until) -> Snapshot | None:
        if self._made is not None:
            return None
        found = self._snapshots.newest(stream, decider, until)
        if self._snapshots.is_damaged:
            self._start_replacing()
        return found

    def keep(self, stream: str, decider: AnyDecider, snapshot: Snapshot) -> None:
        if self._snapshots.is_damaged or state_or_nothing(self._file).identity != self._identity:
            self._start_replacing()
        self._thread.do(lambda: self._write(stream, decider, snapshot)).add_done_callback(self._log_outcome)

    def _start_replacing(self) -> None:
        """Start to replace a damaged file by a new one; until that is done there are no snapshots."""
        if self._made is not None or self._is_detached():
            return
        self._reader.close()
        self._made = self._thread.do(self._replace)
        self._made.add_done_callback(self._use_replacement)

    def _replace(self) -> sqlite3.Connection:
        self._writer.close()
        self._writer = self._make()
        return self._writer

    def _use_replacement(self, made: "asyncio.Future[sqlite3.Connection]") -> None:
        self._made = None
        self._log_outcome(made)
        if not made.cancelled() and made.exception() is None:
            self._reader = connect_to_read(self._file)
            self._identity = state_or_nothing(self._file).identity
            self._snapshots = SnapshotFile(self._reader)
            _log.warning("The snapshots start again empty: %s was damaged, removed or replaced.", self._file)

    def _log_outcome(self, kept: "asyncio.Future[Any]") -> None:
        if kept.cancelled():
            return
        error = kept.exception()
        if error is None:
            self._unkept.ended()
        else:
            self._unkept.occurred(_reason(error, cause_in(self._directory, error)))
            if _is_damage(error):
                self._start_replacing()

    async def close(self) -> None:
        """Write the snapshots that are waiting, and close the file."""
        self._reader.close()
        await self._thread.do(self._writer.close)

    def _write(self, stream: str, decider: AnyDecider, snapshot: Snapshot) -> None:
        version, position, time, event_id, state = snapshot
        place = (stream, kind(decider), version)
        (before,) = self._writer.execute(_SELECT_VERSION, place).fetchone()
        encoded = state_codec.encode(state)
        if len(encoded) <= BYTES_PER_EVENT * (version - before):
            crc = checksum(*place, position, time, event_id, encoded)
            self._writer.execute(_INSERT, (*place, position, time, event_id, crc, encoded))


def file_in(directory: Path) -> Path:
    """Where a data directory has its snapshots."""
    return directory / "snapshots.db"


def newest_of_all(connection: sqlite3.Connection) -> tuple[str, int, str] | None:
    """Log id, position and event id of the newest snapshot; None if there is none.

    Raises SQLite's errors.
    """
    log = connection.execute(_SELECT_LOG).fetchone()
    for stream, its_kind, version, position, time, event_id, crc, encoded in connection.execute(
        _SELECT_NEWEST
    ):
        with suppress(TypeError):  # damage can change the types of values, too
            found = checksum(stream, its_kind, version, position, time, event_id, encoded)
            if log is not None and found == crc:
                return str(log[0]), position, event_id
    return None


def _is_damage(error: BaseException) -> bool:
    if isinstance(error, (ValueError, TypeError)):
        return True
    return isinstance(error, sqlite3.Error) and as_damage(error) is not None


def _read(row: tuple[Any, ...], stream: str, decider: AnyDecider) -> Snapshot:
    """The snapshot in a row; raises `ValueError` or `TypeError` if it is damaged."""
    version, position, time, event_id, crc, encoded = row
    if checksum(stream, kind(decider), version, position, time, event_id, encoded) != crc:
        raise ValueError(f"its bytes at version {version} are damaged")
    state = state_codec.decode(encoded, type(decider.initial))
    return Snapshot(version, position, time, event_id, state)


def checksum(
    stream: str, kind: str, version: int, position: int, time: int, event_id: str, encoded: bytes
) -> int:
    """The checksum over everything in a snapshot."""
    return zlib.crc32(encoded, zlib.crc32(_encode((stream, kind, version, position, time, event_id))))


def _reason(error: BaseException, cause: Cause) -> str:
    return str(error) if cause is Cause.OTHER else f"{cause.value} ({error})"


def _open_writer(file: Path, log_id: str, kinds: list[str]) -> sqlite3.Connection:
    with suppress(sqlite3.DatabaseError):  # a bad file is replaced: snapshots must not prevent a start
        if file.exists() and _log_of(file) == log_id:
            return _connect(file, log_id, kinds)
    return _recreate(file, log_id, kinds)


def _recreate(file: Path, log_id: str, kinds: list[str]) -> sqlite3.Connection:
    remove_database(file)
    return _connect(file, log_id, kinds)


def _log_of(file: Path) -> str | None:
    with closing(connect_to_read(file)) as connection:
        return _log_on(connection)


def _log_on(connection: sqlite3.Connection) -> str | None:
    """The id of the log whose snapshots a connection reads; None for a file of another format."""
    if connection.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
        return None
    row = connection.execute(_SELECT_LOG).fetchone()
    return None if row is None else str(row[0])


def _connect(file: Path, log_id: str, kinds: list[str]) -> sqlite3.Connection:
    private_files.make_file(file)
    connection = connect_to_write(file)
    try:
        set_pragmas(connection, DERIVED_PRAGMAS)
        connection.execute("BEGIN")
        for create in _CREATE:
            connection.execute(create)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute(_INSERT_LOG, (log_id,))
        connection.execute(_DELETE_OTHERS.format(kinds=", ".join("?" * len(kinds))), kinds)
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection
