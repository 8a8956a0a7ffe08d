"""Finds the cause of an error of SQLite or of the operating system.

SQLite returns one code for many causes and, for one cause, many codes: a disk without room is FULL while it
writes, but CANTOPEN or IOERR_SHMSIZE while it opens. Where the code is ambiguous, the file system is probed.
"""

import errno
import os
import sqlite3
import sys
from contextlib import ExitStack
from enum import Enum
from pathlib import Path

if sys.platform != "win32":
    import resource  # here and not where it is used: there may be no descriptor left to load it then


class Cause(Enum):
    """Why something could not be read or written; the value is the text for people."""

    FULL = "there is no room left on the disk"
    QUOTA = "the disk quota is used up"
    FILE_TOO_LARGE = "a file may not grow any further (see `ulimit -f`)"
    NO_DESCRIPTORS = "no more files can be opened (see `ulimit -n`)"
    NO_MEMORY = "there is no memory left"
    NO_RIGHT = "this user may not read or write it"
    READ_ONLY = "it is read-only"
    BUSY = "another program holds it locked"
    DAMAGED = "its bytes are damaged"
    NOT_A_DATABASE = "it is not a database"
    IO_ERROR = "the disk failed"
    WRONG_KIND = "something else lies where a file or directory belongs"
    MISSING = "it does not exist"
    CANNOT_OPEN = "it cannot be opened"
    OTHER = "an unexpected error occurred"

    @property
    def word(self) -> str:
        """Its name for programs."""
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

# By the primary code, which is the last byte of an extended code.
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

# Extended codes that mean something else than their primary code.
_BY_EXTENDED_CODE = {
    sqlite3.SQLITE_IOERR_NOMEM: Cause.NO_MEMORY,
    # The write-ahead log is shorter than what was written to it.
    sqlite3.SQLITE_IOERR_SHORT_READ: Cause.DAMAGED,
}

NO_ROOM = frozenset({Cause.FULL, Cause.QUOTA, Cause.FILE_TOO_LARGE})
"""There is no room to write; reading still works."""

DAMAGE = frozenset({Cause.DAMAGED, Cause.NOT_A_DATABASE})
"""The bytes are not those that were written, and stay so until somebody repairs them."""

_AMBIGUOUS = (Cause.IO_ERROR, Cause.READ_ONLY, Cause.CANNOT_OPEN, Cause.OTHER)
"""Causes for which a probe of the file system may find a more exact one."""

_DESCRIPTORS_TO_OPEN = 16
"""At most so many descriptors are needed to open a database and the files beside it, for all connections."""

_PROBE_BYTES = 64 * 1024


def cause_of(error: BaseException) -> Cause:
    """The cause that the error itself names."""
    if isinstance(error, MemoryError):  # also what sqlite3 raises for SQLITE_NOMEM
        return Cause.NO_MEMORY
    if isinstance(error, OSError):
        return _BY_ERRNO.get(error.errno or 0, Cause.OTHER)
    code = code_of(error)
    return _BY_EXTENDED_CODE.get(code) or _BY_CODE.get(code & 0xFF, Cause.OTHER)


def code_of(error: BaseException) -> int:
    """SQLite's extended error code; 0 for errors that Python's own code raises, which have none."""
    return getattr(error, "sqlite_errorcode", 0)


def cause_in(directory: Path, error: BaseException, *, growing: Path | None = None) -> Cause:
    """The cause of an error in a directory; if the error is ambiguous, the directory is probed.

    `growing` is the file that was being written, if that is known.
    """
    named = cause_of(error)
    if named not in _AMBIGUOUS:
        return named
    if growing is not None and _is_at_its_limit(growing):
        return Cause.FILE_TOO_LARGE
    try:
        if named is Cause.CANNOT_OPEN:  # the failed attempt has closed its other files by now
            try_to_open(_DESCRIPTORS_TO_OPEN)
        try_to_write(directory)
    except OSError as shortage:
        found = cause_of(shortage)
        return named if found in (Cause.OTHER, Cause.MISSING, Cause.WRONG_KIND) else found
    return named


def cause_of_reading(error: BaseException) -> Cause:
    """The cause of an error while reading; if it is ambiguous, another file is opened as a probe."""
    named = cause_of(error)
    if named not in _AMBIGUOUS:
        return named
    try:
        try_to_open()
    except OSError as shortage:
        return cause_of(shortage)
    return named


def _is_at_its_limit(file: Path) -> bool:
    """Whether the file may not grow by another page: SQLite reports EFBIG as an I/O error."""
    if sys.platform == "win32":
        return False
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        return limit != resource.RLIM_INFINITY and file.stat().st_size + _PROBE_BYTES > limit
    except OSError:
        return False


def try_to_open(times: int = 1) -> None:
    """Open a file that always exists, so many times at once; raises `OSError`."""
    with ExitStack() as opened:
        for _ in range(times):
            opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))


def try_to_write(directory: Path) -> None:
    """Write some pages into a directory, sync them and remove them again; raises `OSError`."""
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
