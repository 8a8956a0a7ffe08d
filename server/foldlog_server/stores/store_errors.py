"""Turns errors of SQLite and of the operating system into errors for clients: a shortage, or damage.

A write that failed is known to have stored nothing if it failed before its commit frame was complete in the
write-ahead log: only transactions that end in such a frame are ever read again, also after a crash. SQLite
writes the frames in order, the commit frame last, then syncs, then extends its index of them in memory and
publishes the commit (sqlite3WalFrames, in its wal.c). So if a frame could not be written, nothing was stored.
After a failed sync it stays unknown what was stored: the system may take the pages for clean, and the next
sync, which succeeds, has not written them. It is unknown, too, if a step after the sync fails, for lack of
memory or of its file: the commit is on disk, but SQLite proceeds as if it were not.
"""

import sqlite3
from pathlib import Path

from foldlog_server.errors import (
    DataDamaged,
    StoreError,
    StoreFull,
    StoreHindered,
    StoreUnavailable,
)
from foldlog_server.stores.causes import (
    DAMAGE,
    NO_ROOM,
    Cause,
    cause_in,
    cause_of,
    cause_of_reading,
    code_of,
)
from foldlog_server.views.read_model import ReadModelUnavailable

ERRORS = (sqlite3.Error, MemoryError)
"""What sqlite3 raises; for SQLITE_NOMEM that is Python's MemoryError."""


class NotCommitted(Exception):
    """A transaction failed before its commit began; `__cause__` says why."""


_SYNCS = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})

# A commit raises these while it reads or locks pages, before it writes any frame.
_BEFORE_FRAMES = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)
_UP_TO_FRAMES = frozenset(
    {
        sqlite3.SQLITE_IOERR_READ,
        sqlite3.SQLITE_IOERR_SHORT_READ,
        sqlite3.SQLITE_IOERR_LOCK,
        sqlite3.SQLITE_IOERR_RDLOCK,
        sqlite3.SQLITE_IOERR_SHMLOCK,
        sqlite3.SQLITE_IOERR_SHMOPEN,
        sqlite3.SQLITE_IOERR_ACCESS,
        sqlite3.SQLITE_IOERR_FSTAT,
        sqlite3.SQLITE_IOERR_CORRUPTFS,
        sqlite3.SQLITE_IOERR_WRITE,
    }
)


def for_cause(cause: Cause) -> StoreError:
    """The error for a client when nothing was stored for this cause."""
    if cause in NO_ROOM:
        return StoreFull(cause.word, cause.value)
    if cause in DAMAGE:
        return DataDamaged()
    return StoreHindered(cause.word, cause.value)


def for_read(error: Exception) -> StoreError:
    """The error for a client when reading failed; raises `error` itself if it is a defect."""
    if isinstance(error, sqlite3.ProgrammingError) and not code_of(error):
        return StoreUnavailable()  # sqlite3's way to say that the connection is closed
    cause = cause_of_reading(error)
    if cause is Cause.OTHER:
        raise error  # a defect
    # Reading needs no room, except to open a file.
    return StoreHindered(cause.word, cause.value) if cause in NO_ROOM else for_cause(cause)


def for_derived_read(error: Exception) -> Exception:
    """As `for_read`, for files that can be rebuilt: damage is returned as it is, for the code that
    rebuilds."""
    return error if cause_of(error) in DAMAGE else for_read(error)


def for_derived_write(error: Exception, growing: Path) -> ReadModelUnavailable | None:
    """The error when writing a read model failed; None if a retry cannot help."""
    cause = cause_in(growing.parent, error, growing=growing)
    if cause in DAMAGE or cause is Cause.OTHER:
        return None
    # Once SQLite has opened a file, or one beside it, read-only, it does so for the rest of the process.
    needs_another = cause in (Cause.READ_ONLY, Cause.NO_RIGHT)
    return ReadModelUnavailable(f"{cause.value} ({error})", for_cause(cause), needs_another=needs_another)


def is_failed_sync(error: BaseException) -> bool:
    """Whether a sync failed: the bytes may never reach the disk, however often it is retried."""
    return code_of(error) in _SYNCS


def cause_of_writing(error: Exception, growing: Path, *, is_committing: bool) -> Cause | None:
    """Why a write to the log stored nothing; None if it is unknown what was stored.

    `growing` is the write-ahead log. An error outside of the commit means that nothing was stored.
    """
    if isinstance(error, NotCommitted):
        assert isinstance(error.__cause__, Exception)
        return cause_of_writing(error.__cause__, growing, is_committing=False)
    if is_failed_sync(error):
        return None
    cause = cause_in(growing.parent, error, growing=growing)
    if cause is Cause.OTHER or (is_committing and not _has_stored_nothing(error)):
        return None
    return cause


def _has_stored_nothing(error: Exception) -> bool:
    """Whether a commit failed before its last frame was complete."""
    code = code_of(error)
    return code & 0xFF in _BEFORE_FRAMES or code in _UP_TO_FRAMES
