"""Snapshots in an SQLite file of their own, which can be deleted: written by one thread, read in the loop's.

A file that is of another log, or is damaged, is made anew, also while it is open. Whatever fails is logged,
and states are folded from the log instead: no decision hangs on a snapshot.
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
from foldlog_server.spell import Spell
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
"""A snapshot may take so much room for each event since the one before: less than the events do."""

FORMAT = 2
"""Kept as `user_version`; 2 has checksums over the stream and the kind, too. Others are made anew."""

_CREATE = [statement("create_snapshots"), statement("create_snapshots_log")]
_SELECT = statement("select_snapshot")
_SELECT_NEWEST = statement("select_newest_snapshots")
_SELECT_VERSION = statement("select_snapshot_version")
_INSERT = statement("insert_snapshot")

_encode = msgspec.msgpack.Encoder().encode

_log = logging.getLogger("foldlog")


class SnapshotFile:
    """The snapshots of a data directory as they are, for those who keep none."""

    def __init__(self, reader: sqlite3.Connection) -> None:
        self._reader = reader
        self._unreadable = Spell(
            "Snapshots cannot be read, and the log is folded instead: %s", "Snapshots can be read again."
        )
        self.is_damaged = False
        """Something was not as it was written."""

    def newest(self, stream: str, decider: AnyDecider, until: Until) -> Snapshot | None:
        try:
            row = self._reader.execute(_SELECT, (stream, kind(decider), *until)).fetchone()
            found = None if row is None else _read(row, stream, decider)
        except (sqlite3.Error, MemoryError, ValueError, TypeError) as error:
            self._unreadable.met(_said(error, cause_of_reading(error)))
            self.is_damaged |= _is_damage(error)
            return None
        self._unreadable.passed()
        return found

    def keep(self, stream: str, decider: AnyDecider, snapshot: Snapshot) -> None:
        pass


@contextmanager
def snapshots_in(directory: Path, log_id: str) -> Iterator[Snapshots]:
    """The snapshots of a log; none if there is no file, or it is another log's or cannot be read."""
    file = file_in(directory)
    with ExitStack() as opened:
        found: Snapshots = NoSnapshots()
        with suppress(OSError, sqlite3.Error):
            reader = opened.enter_context(untouched(directory, file))
            if _log_on(reader) == log_id:
                found = SnapshotFile(reader)
        yield found


class SqliteSnapshots:
    """The snapshots of a data directory, and those that are kept from now on."""

    def __init__(
        self,
        thread: WriterThread,
        writer: sqlite3.Connection,
        reader: sqlite3.Connection,
        directory: Path,
        make: Callable[[], sqlite3.Connection],
        is_detached: Callable[[], bool],
    ) -> None:
        """`make` makes another file in place of the one that is there, in the thread."""
        self._thread = thread
        self._directory = directory
        self._file = file_in(directory)
        self._identity = state_or_nothing(self._file).identity
        self._make = make
        self._is_detached = is_detached
        self._made: asyncio.Future[sqlite3.Connection] | None = None
        """Another file on its way to take the place of a damaged one."""
        self._writer = writer
        self._reader = reader
        self._kept = SnapshotFile(reader)
        self._unkept = Spell("Snapshots cannot be kept: %s", "Snapshots are kept again.")

    @classmethod
    async def open(
        cls,
        directory: Path,
        log_id: str,
        deciders: Iterable[AnyDecider],
        thread: WriterThread,
        is_detached: Callable[[], bool] = lambda: False,
    ) -> "SqliteSnapshots":
        """The snapshots of a log that fit the deciders; others are deleted.

        While `is_detached`, the data directory is elsewhere, and nothing is made at its path. Raises
        `OSError` or `sqlite3.Error` if there is no way to have any.
        """
        file = file_in(directory)
        kinds = [kind(decider) for decider in deciders]
        writer = await thread.do(lambda: _open_writer(file, log_id, kinds))
        try:
            reader = connect_to_read(file)
            # It has opened all that it reads from now on: later there may be no descriptor left.
            reader.execute("SELECT log_id FROM log").fetchone()
        except BaseException:
            await thread.do(writer.close)
            raise
        return cls(thread, writer, reader, directory, lambda: _make_anew(file, log_id, kinds), is_detached)

    def newest(self, stream: str, decider: AnyDecider, until: Until) -> Snapshot | None:
        if self._made is not None:
            return None
        found = self._kept.newest(stream, decider, until)
        if self._kept.is_damaged:
            self._begin_anew()
        return found

    def keep(self, stream: str, decider: AnyDecider, snapshot: Snapshot) -> None:
        if self._kept.is_damaged or state_or_nothing(self._file).identity != self._identity:
            self._begin_anew()
        self._thread.do(lambda: self._write(stream, decider, snapshot)).add_done_callback(self._tell)

    def _begin_anew(self) -> None:
        """Have another file take the place of a damaged one; until then there are no snapshots."""
        if self._made is not None or self._is_detached():
            return
        self._reader.close()
        self._made = self._thread.do(self._replace)
        self._made.add_done_callback(self._go_on)

    def _replace(self) -> sqlite3.Connection:
        self._writer.close()
        self._writer = self._make()
        return self._writer

    def _go_on(self, made: "asyncio.Future[sqlite3.Connection]") -> None:
        self._made = None
        self._tell(made)
        if not made.cancelled() and made.exception() is None:
            self._reader = connect_to_read(self._file)
            self._identity = state_or_nothing(self._file).identity
            self._kept = SnapshotFile(self._reader)
            _log.warning("The snapshots are made anew: %s was damaged, removed or replaced.", self._file)

    def _tell(self, kept: "asyncio.Future[Any]") -> None:
        if kept.cancelled():
            return
        error = kept.exception()
        if error is None:
            self._unkept.passed()
        else:
            self._unkept.met(_said(error, cause_in(self._directory, error)))
            if _is_damage(error):
                self._begin_anew()

    async def close(self) -> None:
        """Write what is to be kept, and let go of the file."""
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
    """The log, the position and the event's id of the snapshot that has seen most; None if there is none.

    Raises what SQLite raises.
    """
    log = connection.execute("SELECT log_id FROM log").fetchone()
    for stream, its_kind, version, position, time, event_id, crc, encoded in connection.execute(
        _SELECT_NEWEST
    ):
        with suppress(TypeError):  # damage can change the type of what is stored, too
            found = checksum(stream, its_kind, version, position, time, event_id, encoded)
            if log is not None and found == crc:
                return str(log[0]), position, event_id
    return None


def _is_damage(error: BaseException) -> bool:
    if isinstance(error, (ValueError, TypeError)):
        return True
    return isinstance(error, sqlite3.Error) and as_damage(error) is not None


def _read(row: tuple[Any, ...], stream: str, decider: AnyDecider) -> Snapshot:
    """Raises `ValueError` or `TypeError` for what is not as it was written."""
    version, position, time, event_id, crc, encoded = row
    if checksum(stream, kind(decider), version, position, time, event_id, encoded) != crc:
        raise ValueError(f"its bytes at version {version} are damaged")
    state = state_codec.decode(encoded, type(decider.initial))
    return Snapshot(version, position, time, event_id, state)


def checksum(
    stream: str, kind: str, version: int, position: int, time: int, event_id: str, encoded: bytes
) -> int:
    """What is kept with a snapshot, over all that it says."""
    return zlib.crc32(encoded, zlib.crc32(_encode((stream, kind, version, position, time, event_id))))


def _said(error: BaseException, cause: Cause) -> str:
    return str(error) if cause is Cause.OTHER else f"{cause.value} ({error})"


def _open_writer(file: Path, log_id: str, kinds: list[str]) -> sqlite3.Connection:
    with suppress(sqlite3.DatabaseError):  # whatever it is: they are made anew, and keep nobody from serving
        if file.exists() and _log_of(file) == log_id:
            return _connect(file, log_id, kinds)
    return _make_anew(file, log_id, kinds)


def _make_anew(file: Path, log_id: str, kinds: list[str]) -> sqlite3.Connection:
    remove_database(file)
    return _connect(file, log_id, kinds)


def _log_of(file: Path) -> str | None:
    with closing(connect_to_read(file)) as connection:
        return _log_on(connection)


def _log_on(connection: sqlite3.Connection) -> str | None:
    """Which log's snapshots a connection reads; None for a file of another format."""
    if connection.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
        return None
    row = connection.execute("SELECT log_id FROM log").fetchone()
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
        connection.execute("INSERT INTO log SELECT ? WHERE NOT EXISTS (SELECT 1 FROM log)", (log_id,))
        fitting = ", ".join("?" * len(kinds))
        connection.execute(f"DELETE FROM snapshots WHERE kind NOT IN ({fitting})", kinds)
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection
