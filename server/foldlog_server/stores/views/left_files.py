"""The files of one view as its writer left them: whatever others do to them is seen by `stat`, in
microseconds.

Checksums tell a wrong document from a right one; they cannot tell that one is missing, or that an index leads
past it. But nobody else writes these files. So whoever has read something looks whether they are still the
ones that were opened, of the size and time that the writer left behind.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from foldlog_server.stores.files.file_state import NOTHING, FileState, state_of, state_or_nothing
from foldlog_server.views.read_model import ReadModelDamaged


class _Left(NamedTuple):
    database: FileState
    wal: FileState


class LeftFiles:
    """What lies at the paths of an open database and of its write-ahead log.

    Written by one thread, in `writing`; checked by any.
    """

    def __init__(self, database: Path, is_detached: Callable[[], bool]) -> None:
        """The database is open. `is_detached` says whether the data directory itself is elsewhere by now:
        that files are not at their paths is then told by the log, and they are good all the same.

        Raises `OSError`.
        """
        self._path = database
        self._database = str(database)
        self._wal, self._shm = f"{database}-wal", f"{database}-shm"
        self._is_detached = is_detached
        self._shared = state_of(self._shm).identity
        self._left = self._now()
        self._is_writing = False

    def check(self) -> None:
        """Raise `ReadModelDamaged` if somebody else has been at the files."""
        left = self._left
        (device, inode, size, mtime), wal = left
        try:  # each read does this: the comparison is written out
            found = os.stat(self._database)
            is_same = found.st_size == size and found.st_mtime_ns == mtime
            if is_same and found.st_ino == inode and found.st_dev == device and state_of(self._wal) == wal:
                return
        except OSError:
            pass
        if self._is_writing or self._left is not left:
            return
        self._tell_change(left)

    def check_all(self) -> None:
        """As `check`; the shared memory, which only new connections look for, too."""
        self.check()
        if state_or_nothing(self._shm).identity != self._shared and not self._is_detached():
            raise ReadModelDamaged(f"{self._shm} is gone or another file")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While the writer changes the files; raises `ReadModelDamaged` if somebody else has before."""
        self.check()
        self._is_writing = True
        try:
            yield
        finally:
            with suppress(OSError):  # then the next check finds that it is gone
                found = self._now()
                if _same_files(found, self._left):
                    self._left = found
            self._is_writing = False

    @property
    def database(self) -> tuple[int, int]:
        """Changes when the database itself is written, and not only its write-ahead log."""
        return self._left.database.content

    @property
    def is_in_place(self) -> bool:
        """Whether the database is still what its path leads to."""
        return state_or_nothing(self._database).identity == self._left.database.identity

    def _now(self) -> _Left:
        return _Left(state_of(self._database), state_of(self._wal))

    def _tell_change(self, left: _Left) -> None:
        for path, before in ((self._database, left.database), (self._wal, left.wal)):
            now = state_or_nothing(path)
            if now.identity != before.identity:
                if not self._is_detached():
                    raise ReadModelDamaged(f"{path} is {'gone' if now is NOTHING else 'another file'}")
            elif now != before:
                raise ReadModelDamaged(f"{path} was written by another program")


def _same_files(one: _Left, other: _Left) -> bool:
    return one.database.identity == other.database.identity and one.wal.identity == other.wal.identity
