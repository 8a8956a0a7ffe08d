"""The files of an open log, locked against a second writer and compared with what lies at their paths.

SQLite goes on writing to files that were removed, moved or replaced: everything seems well until the
process ends. The paths are looked at with `stat`, after each sync and while nothing happens, and never
opened: closing any descriptor of a database drops the POSIX locks by which SQLite protects it
(sqlite.org/howtocorrupt.html, 2.2).

The lock on `log.db` itself keeps away who comes by another path (a link, a bind mount) or after `lock` was
removed. Its descriptor is opened before SQLite opens the database and closed after SQLite has closed it.
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
    """The files at the paths of an open log are not the ones that are open."""

    def __init__(self, changes: Sequence[str]) -> None:
        super().__init__("; ".join(changes))


class HeldFiles:
    """The files of one log, from before SQLite opens it until after it is closed."""

    def __init__(self, directory: Path, log_file: Path) -> None:
        """Take both locks; the log's file is made if it is missing.

        Raises `DataDirectoryLocked`, `LogLinked` if the file has another name, and `OSError`.
        """
        self._held: dict[Path, tuple[int, int]] = {}
        """The identity of what lies at each path."""
        self._log_file = log_file
        self._left: tuple[int, int] | None = None
        """The content of the database; None while it is written, and not known."""
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
        """Whether the database itself is still what its path leads to, and as it was left."""
        return not self._change(self._log_file)

    def hold_beside(self) -> None:
        """Hold what SQLite has put beside the database, which stays there while a connection is open."""
        real = self._log_file.resolve()  # SQLite follows a link before it names the others
        for suffix in ("-wal", "-shm"):
            self._hold(real.with_name(real.name + suffix))
        self._left = state_of(self._log_file).content

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While the database itself is written, which otherwise only others can have done.

        Raises `FilesChanged` instead of writing into a file that is not as it was left.
        """
        self.check()
        self._left = None
        try:
            yield
        finally:
            with suppress(OSError):  # then the next check finds that it is gone
                self._left = state_of(self._log_file).content

    def check(self) -> None:
        """Raise `FilesChanged` if something else lies at the paths than was left there; some microseconds."""
        changes = [change for path in self._held if (change := self._change(path))]
        if changes:
            raise FilesChanged(changes)

    def close(self) -> None:
        """Let go of the locks."""
        self._resources.close()

    def _hold(self, path: Path) -> None:
        found = _look_at(path)
        self._held[path] = found.st_dev, found.st_ino

    def _change(self, path: Path) -> str:
        """What has become of a path, for people; empty if nothing."""
        left = self._left
        try:
            found = _look_at(path)
        except FileNotFoundError:
            return f"{path} is gone"
        except OSError as error:
            return f"{path} cannot be looked at ({error.strerror})"
        if (found.st_dev, found.st_ino) != self._held[path]:
            return f"{path} is another file"
        if path is not self._log_file:
            return ""
        if found.st_nlink > 1:
            return f"{path} has a second name (a hard link), by which another program could write it"
        # What is written by us right now, in another thread, says nothing; `_left` is another one then.
        is_as_left = left is None or (found.st_size, found.st_mtime_ns) == left or self._left is not left
        return "" if is_as_left else f"{path} was written by another program"


def _look_at(path: Path) -> os.stat_result:
    """What a path leads to; of what is beside the database, where SQLite follows no link, what is there."""
    return os.stat(path, follow_symlinks=not path.name.endswith(("-wal", "-shm")))


def lock(directory: Path) -> FileLock:
    """The lock that keeps writers away from a data directory, taken; whether there is a log, or not.

    Raises `DataDirectoryLocked` and `OSError`.
    """
    held = FileLock(directory / "lock", mode=private_files.MODE, thread_local=False)
    try:
        held.acquire(blocking=False)
    except Timeout:
        raise DataDirectoryLocked(directory) from None
    return held


def _lock_exclusively(descriptor: int, directory: Path) -> None:
    """With `flock`, which knows nothing of the POSIX locks that SQLite takes on the same file."""
    if sys.platform == "win32":
        return  # a lock there would keep SQLite away, and nothing that is open can be removed or replaced
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataDirectoryLocked(directory) from None
