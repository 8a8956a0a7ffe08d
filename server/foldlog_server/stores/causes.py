"""What stands behind an error of SQLite or of the operating system, so that none is taken for another.

SQLite gives one code for many causes and, for one cause, many codes: a disk without room is FULL while it
writes, CANTOPEN or IOERR_SHMSIZE while it opens. What the code leaves open, the directory's file system
can say.
"""

import errno
import os
import sqlite3
import sys
from contextlib import ExitStack
from enum import Enum
from pathlib import Path

if sys.platform != "win32":
    import resource  # not where it is needed: there may be no descriptor left to load it


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
    WRONG_KIND = "something else lies where a file or directory belongs"
    MISSING = "it is not there"
    CANNOT_OPEN = "it cannot be opened"
    OTHER = "of an error that is not foreseen"

    @property
    def word(self) -> str:
        """How it is named to programs."""
        return self.name.lower()


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
    errno.ENOTDIR: Cause.WRONG_KIND,
    errno.EISDIR: Cause.WRONG_KIND,
    errno.EEXIST: Cause.WRONG_KIND,
    errno.ELOOP: Cause.WRONG_KIND,
}

# By the primary code, which is the last byte of an extended one.
_BY_CODE = {
    sqlite3.SQLITE_FULL: Cause.FULL,
    sqlite3.SQLITE_NOMEM: Cause.NO_MEMORY,
    sqlite3.SQLITE_PERM: Cause.NO_RIGHT,
    sqlite3.SQLITE_READONLY: Cause.READ_ONLY,
    sqlite3.SQLITE_BUSY: Cause.BUSY,
    sqlite3.SQLITE_LOCKED: Cause.BUSY,
    sqlite3.SQLITE_PROTOCOL: Cause.BUSY,
    sqlite3.SQLITE_CORRUPT: Cause.DAMAGED,
    sqlite3.SQLITE_NOTADB: Cause.NOT_A_DATABASE,
    sqlite3.SQLITE_IOERR: Cause.IO_ERROR,
    sqlite3.SQLITE_CANTOPEN: Cause.CANNOT_OPEN,
}

# Where an extended code says something else than its primary one.
_BY_EXTENDED_CODE = {
    sqlite3.SQLITE_IOERR_NOMEM: Cause.NO_MEMORY,
    # A write-ahead log that is shorter than what was written to it.
    sqlite3.SQLITE_IOERR_SHORT_READ: Cause.DAMAGED,
}

NO_ROOM = frozenset({Cause.FULL, Cause.QUOTA, Cause.FILE_TOO_LARGE})
"""There is no room for what is to be written; what is there can be read."""

DAMAGE = frozenset({Cause.DAMAGED, Cause.NOT_A_DATABASE})
"""What is there is not what was written, and is so until somebody puts it right."""

_LEFT_OPEN = (Cause.IO_ERROR, Cause.READ_ONLY, Cause.CANNOT_OPEN, Cause.OTHER)
"""What the file system may say more of."""

_AT_ONCE = 16
"""Descriptors; so many are taken at most to open a database, with what is beside it, by all who use it."""

_PROBE_BYTES = 64 * 1024


def cause_of(error: BaseException) -> Cause:
    """What an error says of itself."""
    if isinstance(error, MemoryError):  # also what sqlite3 raises for SQLITE_NOMEM
        return Cause.NO_MEMORY
    if isinstance(error, OSError):
        return _BY_ERRNO.get(error.errno or 0, Cause.OTHER)
    code = code_of(error)
    return _BY_EXTENDED_CODE.get(code) or _BY_CODE.get(code & 0xFF, Cause.OTHER)


def code_of(error: BaseException) -> int:
    """SQLite's extended code; 0 for errors that Python's own code raises, which carry none."""
    return getattr(error, "sqlite_errorcode", 0)


def cause_in(directory: Path, error: BaseException, *, growing: Path | None = None) -> Cause:
    """What an error means where its file is: what its own code leaves open is tried.

    `growing` is the file that was written, if that is known.
    """
    said = cause_of(error)
    if said not in _LEFT_OPEN:
        return said
    if growing is not None and _is_at_its_limit(growing):
        return Cause.FILE_TOO_LARGE
    try:
        if said is Cause.CANNOT_OPEN:  # by who has let go of others by now
            try_to_open(_AT_ONCE)
        try_to_write(directory)
    except OSError as shortage:
        found = cause_of(shortage)
        return said if found in (Cause.OTHER, Cause.MISSING, Cause.WRONG_KIND) else found
    return said


def cause_of_reading(error: BaseException) -> Cause:
    """What an error of who only reads means: whether another file can be opened is tried."""
    said = cause_of(error)
    if said not in _LEFT_OPEN:
        return said
    try:
        try_to_open()
    except OSError as shortage:
        return cause_of(shortage)
    return said


def _is_at_its_limit(file: Path) -> bool:
    """Whether the next page may not be written to a file: SQLite tells EFBIG as an I/O error."""
    if sys.platform == "win32":
        return False
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        return limit != resource.RLIM_INFINITY and file.stat().st_size + _PROBE_BYTES > limit
    except OSError:
        return False


def try_to_open(times: int = 1) -> None:
    """Open a file that is always there, so often at once; raises `OSError`."""
    with ExitStack() as opened:
        for _ in range(times):
            opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))


def try_to_write(directory: Path) -> None:
    """Write some pages into a directory, onto the disk, and remove them again; raises `OSError`."""
    probe = directory / f".probe-{os.getpid()}"
    descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.unlink(probe)
        written = 0
        while written < _PROBE_BYTES:
            written += os.pwrite(descriptor, bytes(_PROBE_BYTES - written), written)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
