"""What is told of an error of SQLite or of the operating system: a shortage that can pass, or damage.

Whether a write that failed has stored something is known where it failed before its commit frame was whole
in the write-ahead log: only what ends in such a frame is ever read again, also after a crash. SQLite writes
the frames in order, the commit frame last, then syncs, then enlarges its index of them in memory and tells
others of the commit (sqlite3WalFrames, in its wal.c). So a frame that could not be written has stored
nothing. A sync that failed is unknown for good: the system may hold the pages for clean, and the next sync,
which succeeds, has not written them. What fails behind the sync, which memory or its file can, is unknown,
too: the commit is on the disk, and SQLite goes by its being not.
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
"""What sqlite3 raises: for SQLITE_NOMEM, Python's own."""


class NotCommitted(Exception):
    """A transaction failed before it was committed; its cause says why."""


_SYNCS = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})

# Of a commit: raised while pages are read or locked for it.
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


def of(cause: Cause) -> StoreError:
    """What a client is told of a cause that has stored nothing."""
    if cause in NO_ROOM:
        return StoreFull(cause.word, cause.value)
    if cause in DAMAGE:
        return DataDamaged()
    return StoreHindered(cause.word, cause.value)


def of_reading(error: Exception) -> StoreError:
    """What a client is told of an error while something was read; raises one that is a defect."""
    if isinstance(error, sqlite3.ProgrammingError) and not code_of(error):
        return StoreUnavailable()  # sqlite3's way to say that the connection is closed
    cause = cause_of_reading(error)
    if cause is Cause.OTHER:
        raise error  # a defect
    # Whoever reads needs no room, but for a file that is opened to read.
    return StoreHindered(cause.word, cause.value) if cause in NO_ROOM else of(cause)


def of_reading_derived(error: Exception) -> Exception:
    """As `of_reading`, of what can be made anew: its damage is left to who does that."""
    return error if cause_of(error) in DAMAGE else of_reading(error)


def of_writing_derived(error: Exception, growing: Path) -> ReadModelUnavailable | None:
    """What is told of an error while a read model was written; None if it is of no use to try again."""
    cause = cause_in(growing.parent, error, growing=growing)
    if cause in DAMAGE or cause is Cause.OTHER:
        return None
    # SQLite keeps to it in a whole process that a file, or what lies beside it, was opened to read only.
    needs_another = cause in (Cause.READ_ONLY, Cause.NO_RIGHT)
    return ReadModelUnavailable(f"{cause.value} ({error})", of(cause), needs_another=needs_another)


def is_failed_sync(error: BaseException) -> bool:
    """Whether what was to be on the disk may never come there, however often it is tried."""
    return code_of(error) in _SYNCS


def cause_of_writing(error: Exception, growing: Path, *, is_committing: bool) -> Cause | None:
    """Why nothing was stored when the log was written; None if it is unknown what was.

    `growing` is the write-ahead log. When it was not being committed, nothing was stored.
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
    """Whether a commit failed before its last frame was whole."""
    code = code_of(error)
    return code & 0xFF in _BEFORE_FRAMES or code in _UP_TO_FRAMES
