"""Opens the log of a data directory to read it, and leaves every byte as it is, even while a server runs."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from foldlog_server.stores.files.data_directory import NoLog, log_file
from foldlog_server.stores.files.log_files import untouched
from foldlog_server.stores.files.wal_file import WalState
from foldlog_server.stores.opening import loss


class StoredLog(NamedTuple):
    """A log that is open for reading."""

    file: Path
    connection: sqlite3.Connection
    """Not yet set up: the file may not be a log."""
    wal: WalState
    """The write-ahead log that a former server left; empty while a server is writing."""


@contextmanager
def stored_log(directory: Path, scratch: Path | None = None) -> Iterator[StoredLog]:
    """Open the log of a directory; a copy, if one is needed, is made in `scratch`.

    Raises `CannotOpen`, and what `untouched` raises.
    """
    file = log_file(directory)
    loss.check_that_there_is_a_log(directory)
    if not file.is_file():
        raise NoLog(directory)
    wal = loss.wal_left_in(directory)
    with untouched(directory, file, scratch) as connection:
        yield StoredLog(file, connection, wal)
