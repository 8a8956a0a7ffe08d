"""Checkpoints a database, and warns when a reader keeps the write-ahead log from being emptied.

The pages that an open transaction reads must stay in place. While a transaction is open that began before the
last checkpoint, the write-ahead log can neither be copied completely nor overwritten: it grows without limit.
"""

import logging
import sqlite3
from pathlib import Path

from foldlog_server.stores.files.wal_file import wal_of

WARN_BYTES = 256 * 1024 * 1024
"""The size from which growth is logged, and again at each doubling."""

KEPT_BYTES = 64 * 1024 * 1024
"""A larger file is truncated when nobody reads it; up to here, overwriting is cheaper than extending
again."""

_log = logging.getLogger("foldlog")


class WalGrowth:
    """Checkpoints a database and watches its write-ahead log; used in the writer's thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.database = Path(connection.execute("PRAGMA database_list").fetchone()[2])
        self.file = wal_of(self.database)
        self._warn_at = WARN_BYTES
        self.is_kept = False
        """Whether the file is large, and a reader keeps it from being truncated."""

    def checkpoint(self) -> bool:
        """Copy what can be copied into the database; returns whether that is everything. Raises
        `sqlite3.Error`."""
        _, frames, moved = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        size = self._size()
        is_all = bool(frames == moved)
        self.is_kept = size > KEPT_BYTES and not (is_all and self._truncate())
        if not is_all:
            self._warn(size)
        elif not self.is_kept and self._warn_at > WARN_BYTES:
            self._warn_at = WARN_BYTES
            _log.info("%s is empty again: the transaction that kept it has ended.", self.file)
        return is_all

    def _truncate(self) -> bool:
        """Truncate the file unless somebody reads from it; returns whether it was done, without waiting."""
        waits = self._connection.execute("PRAGMA busy_timeout").fetchone()[0]
        self._connection.execute("PRAGMA busy_timeout = 0")
        try:
            is_busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {waits}")
        return not is_busy

    def _warn(self, size: int) -> None:
        if size < self._warn_at:
            return
        while self._warn_at <= size:
            self._warn_at *= 2
        _log.warning(
            "%s has grown to %d MiB and keeps growing: a program has a transaction open that reads log.db, "
            "and until it ends, nothing can be overwritten. Find out with `fuser -v` or `lsof` which program "
            "has the file open, and end its transaction; readers should use short ones.",
            self.file,
            size // (1024 * 1024),
        )

    def _size(self) -> int:
        try:
            return self.file.stat().st_size
        except OSError:  # it is missing, which the check of the files reports
            return 0
