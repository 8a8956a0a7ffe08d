"""Where a data directory keeps its log, how it is created, and one line for everything that can be wrong.

CannotOpen
├── DataDirectoryUnusable   it cannot be created, read or written
├── DataDirectoryLocked     another server is using it
├── LogLinked               its log.db has more than one name
├── NoLog                   it has no log.db, and a reader needs one
├── WalAlone                it has a write-ahead log, but no log
├── NotALog                 its log.db is something else
├── FormatTooNew            a later release wrote it
├── LogDamaged              its bytes are not what was written
└── IndexWrong              an index does not fit its table
"""

import errno
import os
from pathlib import Path

from foldlog_server.stores.causes import Cause, cause_in
from foldlog_server.stores.files import durable


def log_file(directory: Path) -> Path:
    """Where a data directory has its log."""
    return directory / "log.db"


def make_directory(directory: Path) -> None:
    """Create a data directory that survives a power cut, for its owner alone; keep one that exists.

    Raises `OSError`.
    """
    if directory.is_dir():
        return
    if directory.exists() or directory.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory))
    make_directory(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)
    # SQLite syncs the directory of the files it creates, but no directory above it.
    durable.sync_directory(directory.parent)


class CannotOpen(Exception):
    """The log cannot be opened; the message is one line for people."""


_REMEDIES = {
    Cause.FULL: "Free some space there and start again",
    Cause.QUOTA: "Raise the quota or remove something, and start again",
    Cause.FILE_TOO_LARGE: "Raise the limit and start again",
    Cause.NO_DESCRIPTORS: "Raise the limit and start again",
    Cause.NO_MEMORY: "Free some memory and start again",
    Cause.READ_ONLY: "Make it writable, or choose another data directory",
    Cause.WRONG_KIND: "Move away what lies there, and start again, or choose another data directory",
    Cause.DAMAGED: "Copy it aside, and run foldlog verify on the copy: it names what is damaged",
    Cause.BUSY: "End that program's transaction and start again",
    Cause.IO_ERROR: "Read the system's log; copy the directory to another disk before anything else",
}


class DataDirectoryUnusable(CannotOpen):
    """The data directory cannot be created, read or written."""

    def __init__(self, directory: Path, reason: BaseException) -> None:
        cause = cause_in(directory, reason)
        self.cause = cause
        remedy = _REMEDIES.get(cause, "Choose another one, or give this user the right to read and write it")
        why = str(reason) if cause is Cause.OTHER else f"{cause.value} ({reason})"
        super().__init__(f"The data directory {directory} cannot be used: {why}. {remedy}.")


class DataDirectoryLocked(CannotOpen):
    """Another server is using the data directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"Another server is using the data directory {directory}. Stop it, or choose another directory."
        )


class LogLinked(CannotOpen):
    """The log's file has more than one name."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"{file} has a second name (a hard link), by which another program could write it. "
            "Remove that name; if it was meant as a copy, copy the file while no server runs."
        )


class IndexWrong(CannotOpen):
    """An index of the log does not fit its table."""

    def __init__(self, file: Path, where: str) -> None:
        super().__init__(
            f"{file} is damaged: {where}, by which a command could happen twice. Nothing was changed. "
            "foldlog verify names what is damaged; foldlog backup and restore rebuild all indexes."
        )


class NotALog(CannotOpen):
    """The file is not a log of Foldlog."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"{file} is not a Foldlog log. Choose another data directory, or move the file away if it is not "
            "needed there."
        )


class NoLog(CannotOpen):
    """There is no log in the data directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"There is no log.db in {directory}. Name the data directory of a server.")


class FormatTooNew(CannotOpen):
    """A later release wrote the log."""

    def __init__(self, file: Path, found: int, known: int) -> None:
        super().__init__(
            f"{file} has format {found}, and this release knows formats up to {known}. "
            "Run the release that wrote it, or a later one."
        )
        self.found = found
        self.known = known


class LogDamaged(CannotOpen):
    """The log's file is damaged."""

    def __init__(self, file: Path, where: str) -> None:
        super().__init__(
            f"{file} is damaged: {where}. Nothing was changed. Copy it aside and restore a backup into "
            "another data directory; foldlog verify names what is damaged."
        )

    @classmethod
    def at(cls, file: Path, where: str) -> "LogDamaged":
        return cls(file, f"{where.strip()}, its bytes do not fit their checksum or the chain")

    @classmethod
    def as_a_database(cls, file: Path, said: str) -> "LogDamaged":
        return cls(file, f"it is a Foldlog log, but cannot be read as one ({said})")


class WalAlone(CannotOpen):
    """There is a write-ahead log without the database that it was written for."""

    def __init__(self, file: Path, wal: Path) -> None:
        super().__init__(
            f"There is no log in {file.parent}, but {wal.name} holds what was stored in one. Put {file.name} "
            "back beside it, or restore a backup; for a new log, choose another data directory."
        )
