"""Locks the files of an open log against a second writer, and checks that their paths still lead to them.

SQLite continues to write to files that were removed, moved or replaced: everything seems fine until the
process ends. So the paths are checked with `stat`, after each sync and while the log is idle. They are never
opened: closing any descriptor of a database drops the POSIX locks with which SQLite protects it
(sqlite.org/howtocorrupt.html, 2.2).

The lock on `log.db` itself excludes a server that uses another path (a link, a bind mount), or starts after
`lock` was removed. Its descriptor is opened before SQLite opens the database, and closed after SQLite has
closed it.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from foldlog_server.stores.files import private_files
from foldlog_server.stores.files.data_directory import DataDirectoryLocked, LogLinked
from foldlog_server.stores.files.file_state import state_of

if sys.platform != "win32":
    import fcntl


class FilesChanged(Exception):
    """The paths of an open log no longer lead to the files that are open."""

    def __init__(self, changes: Sequence[str]) -> None:
        super().__init__("; ".join(changes))


class HeldFiles:
    """The files of one log, from before SQLite opens it until after it is closed."""

    def __init__(self, directory: Path, log_file: Path) -> None:
        """Take both locks, and create the log's file if it is missing.

        Raises `DataDirectoryLocked`, `LogLinked` if the file has a second name, and `OSError`.
        """
        self._held: dict[Path, tuple[int, int]] = {}
        """The identity of the file at each path."""
        self._log_file = log_file
        self._left: tuple[int, int] | None = None
        """Size and time of the database as it was left; None while it is being written."""
        with ExitStack() as resources:
            lock_file = directory / "lock"
            resources.callback(lock(directory).release)
            descriptor = os.open(log_file, os.O_RDWR | os.O_CREAT, private_files.MODE)
            resources.callback(os.close, descriptor)
            _lock_exclusively(descriptor, directory)
            if os.fstat(descriptor).st_nlink > 1:
                raise LogLinked(log_file)
            self._hold(lock_file)
            self._hold(log_file)
            self._resources = resources.pop_all()

    @property
    def log_is_in_place(self) -> bool:
        """Whether the path of the database still leads to it, and nobody else has written it."""
        return not self._change(self._log_file)

    def hold_beside(self) -> None:
        """Also watch the files that SQLite keeps beside the database while a connection is open."""
        real = self._log_file.resolve()  # SQLite resolves a link before it names the files beside
        for suffix in ("-wal", "-shm"):
            self._hold(real.with_name(real.name + suffix))
        self._left = state_of(self._log_file).content

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Surrounds each write to the database itself; any other change of it comes from another program.

        Raises `FilesChanged`, and writes nothing, if the file is not as it was left.
        """
        self.check()
        self._left = None
        try:
            yield
        finally:
            with suppress(OSError):  # the next check reports that it is gone
                self._left = state_of(self._log_file).content

    def check(self) -> None:
        """Raise `FilesChanged` if a path leads to another file than it did; takes some microseconds."""
        changes = [change for path in self._held if (change := self._change(path))]
        if changes:
            raise FilesChanged(changes)

    def close(self) -> None:
        """Release the locks."""
        self._resources.close()

    def _hold(self, path: Path) -> None:
        found = _stat(path)
        self._held[path] = found.st_dev, found.st_ino

    def _change(self, path: Path) -> str:
        """How a path has changed, for people; empty if it has not."""
        left = self._left
        try:
            found = _stat(path)
        except FileNotFoundError:
            return f"{path} is gone"
        except OSError as error:
            return f"{path} cannot be checked ({error.strerror})"
        if (found.st_dev, found.st_ino) != self._held[path]:
            return f"{path} is another file"
        if path is not self._log_file:
            return ""
        if found.st_nlink > 1:
            return f"{path} has a second name (a hard link), by which another program could write it"
        # If our own writer thread is writing right now, `_left` has changed, and the difference means
        # nothing.
        is_as_left = left is None or (found.st_size, found.st_mtime_ns) == left or self._left is not left
        return "" if is_as_left else f"{path} was written by another program"


def _stat(path: Path) -> os.stat_result:
    """The state of the file that a path leads to; links are followed except beside the database, where
    SQLite does not follow them either."""
    return os.stat(path, follow_symlinks=not path.name.endswith(("-wal", "-shm")))


def lock(directory: Path) -> FileLock:
    """Take the lock that excludes other writers from a data directory, with or without a log in it.

    Raises `DataDirectoryLocked` and `OSError`.
    """
    held = FileLock(directory / "lock", mode=private_files.MODE, thread_local=False)
    try:
        held.acquire(blocking=False)
    except Timeout:
        raise DataDirectoryLocked(directory) from None
    return held


def _lock_exclusively(descriptor: int, directory: Path) -> None:
    """Lock with `flock`, which is independent of the POSIX locks that SQLite takes on the same file."""
    if sys.platform == "win32":
        return  # a lock would exclude SQLite, too, and open files cannot be removed or replaced there
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataDirectoryLocked(directory) from None
