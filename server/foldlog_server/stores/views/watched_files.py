"""Detects by `stat`, in microseconds, that somebody else has changed the files of a view.

Checksums detect a wrong document; they cannot detect that a document is missing, or that an index leads past
it. But only one writer changes these files. So after every read it is checked that the files are still those
that were opened, with the size and time with which the writer left them.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from foldlog_server.stores.files.file_state import NOTHING, FileState, state_of, state_or_nothing
from foldlog_server.views.read_model import ReadModelDamaged


class _State(NamedTuple):
    database: FileState
    wal: FileState


class WatchedFiles:
    """The state in which the writer left an open database and its write-ahead log.

    One thread changes the files, within `writing`; any thread may check them.
    """

    def __init__(self, database: Path, is_detached: Callable[[], bool]) -> None:
        """The database is open. `is_detached` returns whether the data directory itself has been moved: the
        log reports that, and the open files are still good then.

        Raises `OSError`.
        """
        self._path = database
        self._database = str(database)
        self._wal, self._shm = f"{database}-wal", f"{database}-shm"
        self._is_detached = is_detached
        self._shared = state_of(self._shm).identity
        self._state = self._now()
        self._is_writing = False

    def check(self) -> None:
        """Raise `ReadModelDamaged` if somebody else has changed the files."""
        expected = self._state
        (device, inode, size, mtime), wal = expected
        try:  # every read does this, so the comparison is inlined
            found = os.stat(self._database)
            is_same = found.st_size == size and found.st_mtime_ns == mtime
            if is_same and found.st_ino == inode and found.st_dev == device and state_of(self._wal) == wal:
                return
        except OSError:
            pass
        if self._is_writing or self._state is not expected:
            return
        self._raise_change(expected)

    def check_all(self) -> None:
        """As `check`, and also checks the shared memory, which only new connections open by its path."""
        self.check()
        if state_or_nothing(self._shm).identity != self._shared and not self._is_detached():
            raise ReadModelDamaged(f"{self._shm} is gone or another file")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Surrounds each change of the files; raises `ReadModelDamaged` if somebody else has changed them."""
        self.check()
        self._is_writing = True
        try:
            yield
        finally:
            with suppress(OSError):  # the next check reports that it is gone
                found = self._now()
                if _same_files(found, self._state):
                    self._state = found
            self._is_writing = False

    @property
    def database(self) -> tuple[int, int]:
        """Size and time of the database itself: they change when more than its write-ahead log is written."""
        return self._state.database.content

    @property
    def is_in_place(self) -> bool:
        """Whether the path still leads to the database."""
        return state_or_nothing(self._database).identity == self._state.database.identity

    def _now(self) -> _State:
        return _State(state_of(self._database), state_of(self._wal))

    def _raise_change(self, expected: _State) -> None:
        for path, before in ((self._database, expected.database), (self._wal, expected.wal)):
            now = state_or_nothing(path)
            if now.identity != before.identity:
                if not self._is_detached():
                    raise ReadModelDamaged(f"{path} is {'gone' if now is NOTHING else 'another file'}")
            elif now != before:
                raise ReadModelDamaged(f"{path} was written by another program")


def _same_files(one: _State, other: _State) -> bool:
    return one.database.identity == other.database.identity and one.wal.identity == other.wal.identity
