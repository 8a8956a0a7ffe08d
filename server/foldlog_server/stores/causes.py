"""What stands behind an error of SQLite or of the operating system, so that none is taken for another.

SQLite gives one code for many causes and, for one cause, many codes: a disk without room is FULL while it
writes, CANTOPEN or IOERR_SHMSIZE while it opens. What the code leaves open, the directory's file system
can say.
"""

import errno
import os
import sqlite3
from enum import Enum
from pathlib import Path


class Cause(Enum):
    """Why something could not be read or written; the value says it to people."""

    FULL = "there is no room left on the disk"
    QUOTA = "the disk quota is used up"
    FILE_TOO_LARGE = "a file may not grow any further (see `ulimit -f`)"
    NO_DESCRIPTORS = "no more files can be opened (see `ulimit -n`)"
    NO_MEMORY = "there is no memory left"
    NO_RIGHT = "this user may not read or write it"
    READ_ONLY = "it is read-only"
    BUSY = "another program holds it locked"
    DAMAGED = "its bytes are damaged"
    NOT_A_DATABASE = "it is no database"
    IO_ERROR = "the disk failed"
    MISSING = "it is not there"
    OTHER = "of an error that is not foreseen"


_BY_ERRNO = {
    errno.ENOSPC: Cause.FULL,
    errno.EDQUOT: Cause.QUOTA,
    errno.EFBIG: Cause.FILE_TOO_LARGE,
    errno.EMFILE: Cause.NO_DESCRIPTORS,
    errno.ENFILE: Cause.NO_DESCRIPTORS,
    errno.ENOMEM: Cause.NO_MEMORY,
    errno.EACCES: Cause.NO_RIGHT,
    errno.EPERM: Cause.NO_RIGHT,
    errno.EROFS: Cause.READ_ONLY,
    errno.EAGAIN: Cause.BUSY,
    errno.EBUSY: Cause.BUSY,
    errno.EIO: Cause.IO_ERROR,
    errno.ENOENT: Cause.MISSING,
    errno.ENOTDIR: Cause.MISSING,
}

# By the primary code, which is the last byte of an extended one.
_BY_CODE = {
    sqlite3.SQLITE_FULL: Cause.FULL,
    sqlite3.SQLITE_NOMEM: Cause.NO_MEMORY,
    sqlite3.SQLITE_PERM: Cause.NO_RIGHT,
    sqlite3.SQLITE_READONLY: Cause.READ_ONLY,
    sqlite3.SQLITE_BUSY: Cause.BUSY,
    sqlite3.SQLITE_LOCKED: Cause.BUSY,
    sqlite3.SQLITE_CORRUPT: Cause.DAMAGED,
    sqlite3.SQLITE_NOTADB: Cause.NOT_A_DATABASE,
    sqlite3.SQLITE_IOERR: Cause.IO_ERROR,
}

PASSING = frozenset(
    {
        Cause.FULL,
        Cause.QUOTA,
        Cause.FILE_TOO_LARGE,
        Cause.NO_DESCRIPTORS,
        Cause.NO_MEMORY,
        Cause.NO_RIGHT,
        Cause.READ_ONLY,
        Cause.BUSY,
    }
)
"""Shortages that can pass, without a restart."""

_PROBE_BYTES = 64 * 1024


def cause_of(error: BaseException) -> Cause:
    """What an error says of itself."""
    if isinstance(error, MemoryError):
        return Cause.NO_MEMORY
    if isinstance(error, OSError):
        return _BY_ERRNO.get(error.errno or 0, Cause.OTHER)
    # Errors that Python's own code raises carry no code of SQLite's.
    return _BY_CODE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, Cause.OTHER)


def cause_in(directory: Path, error: BaseException) -> Cause:
    """What an error means where its file is: what its own code leaves open is tried."""
    said = cause_of(error)
    if said not in (Cause.IO_ERROR, Cause.READ_ONLY, Cause.OTHER):
        return said
    try:
        try_to_write(directory)
    except OSError as shortage:
        found = cause_of(shortage)
        return said if found in (Cause.OTHER, Cause.MISSING) else found
    return said


def try_to_write(directory: Path) -> None:
    """Write some pages into a directory, onto the disk, and remove them again; raises `OSError`."""
    probe = directory / f".probe-{os.getpid()}"
    descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.unlink(probe)
        written = 0
        while written < _PROBE_BYTES:
            written += os.write(descriptor, bytes(_PROBE_BYTES - written))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
