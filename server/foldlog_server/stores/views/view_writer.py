"""Writes a view's file, on its only writing connection, and seals it; used in one thread."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from foldlog_server.stores.sqlite.connections import connect_to_write, set_pragmas
from foldlog_server.stores.sqlite.statements import REMEMBERED
from foldlog_server.stores.store_errors import ERRORS
from foldlog_server.stores.views import read_model_table as sql
from foldlog_server.stores.views import view_seal
from foldlog_server.stores.views.watched_files import WatchedFiles
from foldlog_server.views.read_model import ReadModelDamaged

_CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"

_log = logging.getLogger("foldlog.views")


class ViewWriter:
    """Writes one existing file, records how it left it, and seals it whenever the database has changed."""

    def __init__(self, path: Path, is_detached: Callable[[], bool]) -> None:
        """Raises `OSError` and `sqlite3.Error`; for `is_detached` see `WatchedFiles`."""
        self._path = path
        self._connection = _connect(path)
        self.is_sound = True
        """Whether no damage was found; a damaged file is not sealed, so it is not opened again."""
        try:
            self.files = WatchedFiles(path, is_detached)
        except BaseException:
            self._connection.close()
            raise
        self._sealed = self.files.database

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection for one transaction; raises `ReadModelDamaged` if somebody else has written."""
        with self.files.writing():
            yield self._connection
        if self.files.database != self._sealed:
            self._seal()

    def make_room(self) -> None:
        """Copy the write-ahead log into the file, so that its room can be used again."""
        with suppress(ReadModelDamaged), self.files.writing():
            self._checkpoint()

    def close(self) -> None:
        """Close the file, and seal it if its path still leads to it."""
        self._check_files()
        in_place = self.files.is_in_place
        frames = self._checkpoint() if in_place else 0
        self._connection.close()
        if in_place and self.is_sound:
            self._put_seal(frames)
        elif in_place:
            view_seal.seal_of(self._path).unlink(missing_ok=True)

    def _check_files(self) -> None:
        try:
            self.files.check()
        except ReadModelDamaged:
            self.is_sound = False

    def _seal(self) -> None:
        """Seal the database after a commit has copied frames into it."""
        with self.files.writing():
            frames = self._checkpoint()
        self._put_seal(frames)
        self._sealed = self.files.database

    def _checkpoint(self) -> int:
        """Copy frames into the database; returns how many of them are in it."""
        try:
            with closing(self._connection.execute(_CHECKPOINT)) as found:
                return max(0, int(found.fetchone()[2]))
        except ERRORS:  # then the seal only counts no frames
            return 0

    def _put_seal(self, frames: int) -> None:
        try:
            view_seal.put(self._path, frames)
        except OSError as error:
            _log.warning(
                "The view's file %s could not be sealed, and may be rebuilt at the next start: %s",
                self._path,
                error,
            )


def _connect(path: Path) -> sqlite3.Connection:
    connection = connect_to_write(path, cached_statements=REMEMBERED)
    try:
        set_pragmas(connection, sql.WRITER_PRAGMAS)
        connection.execute(sql.READ_POSITION).fetchone()  # opens the files beside it
    except BaseException:
        connection.close()
        raise
    return connection
