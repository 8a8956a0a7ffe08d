"""Checks the paths of a data directory before SQLite opens any of them.

These are the cases that SQLite would report as something else, or would mistake for something else. Nothing
is written, and only plain files are opened: opening a pipe may block forever.
"""

import errno
import itertools
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

from foldlog_server.errors import StoreError
from foldlog_server.stores.files import wal_file
from foldlog_server.stores.files.data_directory import CannotOpen, log_file
from foldlog_server.stores.sqlite import rows, schema
from foldlog_server.stores.sqlite.connections import BESIDE, at_rest_uri, connect
from foldlog_server.stores.sqlite.reader import SqliteLogReader

_BEGUN_BYTES = 65_536
"""The largest page size of SQLite: a file that was only begun has one page."""


class InTheWay(CannotOpen):
    """Something else is where a file or a directory of a log belongs."""

    def __init__(self, path: Path, found: str, expected: str) -> None:
        super().__init__(
            f"{path} is {found}, where {expected} belongs. Move it away and start again, or choose another "
            "data directory."
        )


class LeadsNowhere(CannotOpen):
    """A symbolic link leads to a path that does not exist."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is a symbolic link to {os.readlink(path)}, and nothing is there. Mount or put back what "
            "it leads to, or choose another data directory."
        )


class JournalLeft(CannotOpen):
    """There is a rollback journal beside a log, which never has one."""

    def __init__(self, journal: Path) -> None:
        super().__init__(
            f"{journal} lies beside a log, which has no such file: another program made it, and SQLite would "
            "change log.db by it. Move it away and start again; foldlog verify checks the log."
        )


class ForeignWal(CannotOpen):
    """The write-ahead log was written for another database."""

    def __init__(self, wal: Path, position: int) -> None:
        super().__init__(
            f"{wal} belongs to another log.db than the one beside it: through it, the event at position "
            f"{position:,} is another. Nothing was changed. Put the right one of the two back; if log.db was "
            "stopped in order, it needs none: move the other away."
        )


def check_kinds(directory: Path) -> None:
    """Raise `CannotOpen` if something else is where a file or directory of a log belongs."""
    log = log_file(directory)
    for link in (directory, log, directory / "views"):
        if link.is_symlink() and not link.exists():
            raise LeadsNowhere(link)
    for path in (directory, directory / "views"):
        _check(path, stat.S_ISDIR, "a directory")
    if (lock := directory / "lock").is_symlink():
        raise InTheWay(lock, "a symbolic link", "a file")
    databases = (log, directory / "snapshots.db", *directory.glob("views/*.db"))
    for path in (*databases, lock):
        _check(path, stat.S_ISREG, "a file")
    for path in itertools.chain.from_iterable(map(_beside, databases)):
        if path.is_symlink():  # SQLite does not open links
            raise InTheWay(path, "a symbolic link", "a file of SQLite's own")
        _check(path, stat.S_ISREG, "a file of SQLite's own")
    for path in directory.glob("views/*.db*"):  # seals and locks, and what was beside a file that is gone
        _check(path, stat.S_ISREG, "a file")


def check_rights(directory: Path) -> None:
    """Raise `PermissionError` for a file of the log, or of a view, that this user may not use.

    A view's file needs only to be readable: if it cannot be written, it is rebuilt.
    """
    log = log_file(directory)
    for path in (log, *_beside(log)):
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    views = directory / "views"
    if views.exists() and not os.access(views, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(views))
    for path in directory.glob("views/*.db*"):
        if path.exists() and not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def _beside(database: Path) -> Iterator[Path]:
    real = database.resolve()  # SQLite resolves a link before it names the files beside
    return (real.with_name(real.name + suffix) for suffix in BESIDE)


def _check(path: Path, is_right: Callable[[int], bool], expected: str) -> None:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if not is_right(mode):
        kinds = {stat.S_IFDIR: "a directory", stat.S_IFREG: "a file", stat.S_IFIFO: "a pipe"}
        raise InTheWay(path, kinds.get(stat.S_IFMT(mode), "neither a file nor a directory"), expected)


def check_journal(log: Path) -> None:
    """Raise `JournalLeft` if SQLite would roll back a log by a journal that is not its own.

    A log has a journal only while it is being created, before its first page says that it is a log.
    """
    real = log.resolve()
    journal = real.with_name(f"{real.name}-journal")
    if journal.exists() and journal.stat().st_size and schema.calls_itself_a_log(real):
        raise JournalLeft(journal)


def is_begun(log: Path) -> bool:
    """Whether the log's file was only begun: a start was killed before anything was stored in it."""
    real = log.resolve()
    if not real.stat().st_size:
        return True
    if wal_file.state_of(wal_file.wal_of(log)).transactions:
        return False
    with suppress(sqlite3.Error), closing(_at_rest(log)) as connection:
        [application] = connection.execute("PRAGMA application_id").fetchone()
        [tables] = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return not application and not tables and real.stat().st_size <= _BEGUN_BYTES
    return False


def check_wal_belongs(log: Path, through: SqliteLogReader) -> None:
    """Raise `ForeignWal` if an event of the database differs when it is read through its write-ahead log.

    Events never change. So whatever has been copied into the database, even if a process was killed while
    copying, must be the same with the write-ahead log and without it.
    """
    wal = wal_file.wal_of(log)
    if not wal_file.state_of(wal).transactions:
        return
    with suppress(sqlite3.Error, StoreError), closing(_at_rest(log)) as alone:
        for event in rows.read_all(alone, 0, backwards=True, limit=1):
            if _record_at(through, event.position) != event.record:
                raise ForeignWal(wal, event.position)


def _record_at(reader: SqliteLogReader, position: int) -> bytes:
    try:
        return bytes(reader.read_all(from_position=position, limit=1)[0].record)
    except (StoreError, IndexError):
        return b""


def _at_rest(log: Path) -> sqlite3.Connection:
    """Reads the database without the files beside it; only if this process has no other connection to it."""
    return connect(at_rest_uri(log.resolve()))
