"""Creates the database of a log, recognises one, and upgrades it; docs/format.md describes it."""

import secrets
import sqlite3
from collections.abc import Callable
from pathlib import Path

from foldlog_server.log.lineage import Opening, opening_of_former_releases
from foldlog_server.stores.causes import DAMAGE, cause_of
from foldlog_server.stores.files.data_directory import CannotOpen, FormatTooNew, LogDamaged, NotALog
from foldlog_server.stores.sqlite import index_sums, requests
from foldlog_server.stores.sqlite.connections import set_pragmas
from foldlog_server.stores.sqlite.rows import read_head
from foldlog_server.stores.sqlite.statements import statement

FORMAT = 2
APPLICATION_ID = 0x466F6C64  # "Fold"
_APPLICATION_ID_AT = 68  # sqlite.org/fileformat2.html, 1.3

_TABLES = [
    statement(name)
    for name in ("create_log", "create_streams", "create_types", "create_events", "create_events_by_stream")
]
TABLES_OF_2 = ("ancestors", "openings", "served", "sums")
"""The tables that a log of format 1 does not have."""

_TABLES_OF_2 = [statement(f"create_{name}") for name in TABLES_OF_2]
_INSERT_LOG = statement("insert_log")
_INSERT_OPENING = statement("insert_opening")
_INSERT_SERVED = statement("insert_served")
_INSERT_SUM = statement("insert_sum")
_DROP_REQUESTS = statement("drop_requests")

_RUN_BYTES = 8

# Sorts and rollback data stay in memory: a temporary file would need a descriptor and disk space.
_WRITER_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "fullfsync = 1",
    "checkpoint_fullfsync = 1",
    "wal_autocheckpoint = 0",
    "journal_size_limit = 67108864",
    "cache_size = -65536",
    "busy_timeout = 10000",
    "temp_store = MEMORY",
    "foreign_keys = 0",
)
# No memory map: a page that cannot be read through one, because the disk fails or the file was cut, ends the
# process with a signal. A map is not faster either: reading a stream took twice as long after a commit,
# and 1.4 times as long at rest.
_READER_PRAGMAS = (
    "query_only = 1",
    "cache_size = -4096",
    "mmap_size = 0",
    "busy_timeout = 10000",
    "temp_store = MEMORY",
)


def set_up_writer(
    connection: sqlite3.Connection, file: Path, new_id: Callable[[], str], now: int, window_ns: int
) -> None:
    """Create the log if the file is new, else recognise it; then set the connection up to write.

    Raises `NotALog` and `FormatTooNew` without changing the file.
    """
    if _is_empty(connection, file):
        set_pragmas(connection, _WRITER_PRAGMAS)
        _create(connection, new_id(), now, window_ns)
    else:
        set_up_existing(connection, file)


def set_up_existing(connection: sqlite3.Connection, file: Path) -> None:
    """As `set_up_writer`, for a log that exists."""
    recognise(connection, file)
    set_pragmas(connection, _WRITER_PRAGMAS)
    _upgrade(connection, file)


def record_opening(connection: sqlite3.Connection, position: int, now: int) -> bytes:
    """Store that a run of the writer begins after a position; returns the run's random id.

    It is the first write: a log that cannot be written is found before anybody is served.
    """
    run = secrets.token_bytes(_RUN_BYTES)
    connection.execute(_INSERT_OPENING, (position, run, now))
    return run


def set_up_reader(connection: sqlite3.Connection) -> None:
    """Set up a connection that was opened with `read_only_uri`.

    This opens all files that it will read: later there may be no descriptor left.
    """
    # Text is read as bytes: a flipped bit in a value's type must fail the checksum, not a decoder.
    connection.text_factory = bytes
    set_pragmas(connection, _READER_PRAGMAS)


def recognise(connection: sqlite3.Connection, file: Path) -> None:
    """Raise `NotALog`, `LogDamaged` or `FormatTooNew` if this release cannot read the file."""
    if _number(connection, file, "PRAGMA application_id") != APPLICATION_ID:
        raise NotALog(file)
    found = _number(connection, file, "PRAGMA user_version")
    if found > FORMAT:
        raise FormatTooNew(file, found, FORMAT)


def unreadable(file: Path, error: sqlite3.Error) -> CannotOpen:
    """The error for a file that SQLite cannot read: `LogDamaged` if its first page says that it is a log.

    Only for a file that this process does not have open: closing it drops the locks of all connections.
    """
    return LogDamaged.as_a_database(file, str(error)) if calls_itself_a_log(file) else NotALog(file)


def calls_itself_a_log(file: Path) -> bool:
    """Whether the first page of a file says that it is a log; like `unreadable` only while it is not open."""
    with file.open("rb") as opened:
        opened.seek(_APPLICATION_ID_AT)
        return opened.read(4) == APPLICATION_ID.to_bytes(4, "big")


def _is_empty(connection: sqlite3.Connection, file: Path) -> bool:
    return not any(
        _number(connection, file, sql)
        for sql in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
    )


def _number(connection: sqlite3.Connection, file: Path, sql: str) -> int:
    try:
        (number,) = connection.execute(sql).fetchone()
    except sqlite3.DatabaseError as error:
        if cause_of(error) in DAMAGE:
            raise unreadable(file, error) from None
        raise
    return int(number)


def create_tables(connection: sqlite3.Connection, log_id: str, made_time: int, served: int) -> None:
    """Create the tables of an empty log, without a partition of requests."""
    for table in (*_TABLES, *_TABLES_OF_2):
        connection.execute(table)
    connection.execute(_INSERT_SERVED, (served,))
    connection.execute(_INSERT_SUM, (index_sums.EVENTS, 0, 0))
    connection.execute(_INSERT_LOG, (log_id, made_time))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def _create(connection: sqlite3.Connection, log_id: str, now: int, window_ns: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    create_tables(connection, log_id, now, 0)
    requests.create(connection, 0, window_ns)
    connection.execute("COMMIT")
    # Now the file says that it is a log, whatever happens to the files beside it.
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _upgrade(connection: sqlite3.Connection, file: Path) -> None:
    """Add the tables of format 2 to a log of format 1, and checksums to its request records.

    Nothing else changes; all events are read once.
    """
    if _number(connection, file, "PRAGMA user_version") == FORMAT:
        return
    connection.execute("BEGIN IMMEDIATE")
    for table in _TABLES_OF_2:
        connection.execute(table)
    connection.execute(_INSERT_SERVED, (served_before_2(connection),))
    connection.execute(_INSERT_OPENING, opening_before_2(connection))
    last, added = index_sums.of_rows(connection, 0, index_sums.ALL)
    connection.execute(_INSERT_SUM, (index_sums.EVENTS, last, added))
    connection.execute(_DROP_REQUESTS)  # the view would not fit its tables meanwhile
    names = requests.names(connection)
    for name in names:
        requests.upgrade_partition(connection, name)
    requests.make_view(connection, names)
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")


def opening_before_2(connection: sqlite3.Connection) -> Opening:
    """The opening that stands for the runs that format 1 did not record."""
    [made_time] = connection.execute("SELECT made_time FROM log").fetchone()
    return opening_of_former_releases(read_head(connection).chain_hash, made_time)


def served_before_2(connection: sqlite3.Connection) -> int:
    """The time served with which format 2 begins: at most the clock when the newest partition was created.

    Format 1 named partitions by the clock. So no request id expires too early, whatever the window was.
    """
    [made_time] = connection.execute("SELECT made_time FROM log").fetchone()
    return int(max([made_time, *requests.ends_of_former(connection)]))
