"""The log of a data directory, for who only looks at it: every byte stays as it is, whoever else has it."""

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
    """A log that is looked at."""

    file: Path
    connection: sqlite3.Connection
    """Not yet set up: what the file holds may be no log."""
    wal: WalState
    """What a server has left beside it; nothing of what one is writing."""


@contextmanager
def stored_log(directory: Path, scratch: Path | None = None) -> Iterator[StoredLog]:
    """The log, if there is one; a copy, if one has to be made, goes to `scratch`.

    Raises `CannotOpen`, and what `untouched` raises.
    """
    file = log_file(directory)
    loss.check_that_there_is_a_log(directory)
    if not file.is_file():
        raise NoLog(directory)
    wal = loss.wal_left_in(directory)
    with untouched(directory, file, scratch) as connection:
        yield StoredLog(file, connection, wal)
