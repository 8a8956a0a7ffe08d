"""A write-ahead log that a reader keeps from being emptied is told of as it grows, and shrinks afterwards.

What a transaction reads must stay where it is: while one is open that began before the last checkpoint, what
was stored since cannot all be copied into the database, nor written over. The file grows without a bound.
"""

import logging
import sqlite3
from pathlib import Path

from foldlog_server.stores.files.wal_file import wal_of

TOLD_BYTES = 256 * 1024 * 1024
"""Of the file, when a reader keeps it; told again at each doubling."""

KEPT_BYTES = 64 * 1024 * 1024
"""A file that is larger is made empty when nobody needs it; to write over it is cheaper than to extend it."""

_log = logging.getLogger("foldlog")


class WalGrowth:
    """Checkpoints a database, and watches its write-ahead log; belongs to the writer's thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.database = Path(connection.execute("PRAGMA database_list").fetchone()[2])
        self.file = wal_of(self.database)
        self._told_at = TOLD_BYTES
        self.is_kept = False
        """Whether the file is large, and would be made empty if no reader kept it."""

    def checkpoint(self) -> bool:
        """Copy what can be copied into the database; gives whether that is all. Raises `sqlite3.Error`."""
        _, frames, moved = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        size = self._size()
        is_all = bool(frames == moved)
        self.is_kept = size > KEPT_BYTES and not (is_all and self._make_empty())
        if not is_all:
            self._tell(size)
        elif not self.is_kept and self._told_at > TOLD_BYTES:
            self._told_at = TOLD_BYTES
            _log.info("%s is empty again: the transaction that kept it has ended.", self.file)
        return is_all

    def _make_empty(self) -> bool:
        """Whether nobody reads from the file; does not wait for it."""
        waits = self._connection.execute("PRAGMA busy_timeout").fetchone()[0]
        self._connection.execute("PRAGMA busy_timeout = 0")
        try:
            is_busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {waits}")
        return not is_busy

    def _tell(self, size: int) -> None:
        if size < self._told_at:
            return
        while self._told_at <= size:
            self._told_at *= 2
        _log.warning(
            "%s has grown to %d MiB and goes on growing: some program keeps a transaction open in which it "
            "reads log.db, and until that ends nothing can be written over. See who has the file open, by "
            "`fuser -v` or `lsof`, and let it end its transaction; readers are to use short ones.",
            self.file,
            size // (1024 * 1024),
        )

    def _size(self) -> int:
        try:
            return self.file.stat().st_size
        except OSError:  # it is not there, which others notice
            return 0
