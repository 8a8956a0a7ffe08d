"""Opens a database of a data directory without changing any byte of it, whether or not a server uses it.

While a server runs, everything that a reader needs is there. Without a server, SQLite would create files of
its own, or move what a killed server left in the write-ahead log into the database. So the database is then
read as a file that does not change, or from a copy if something is left beside it.
"""

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from foldlog_server.stores.files.file_state import state_of
from foldlog_server.stores.sqlite.connections import at_rest_uri, connect, read_only_uri

_LEFT = ("-wal", "-journal")
"""Suffixes of the files beside a database that may hold committed rows."""


class Changed(Exception):
    """A server began to write a file that was at rest; the message is one line for people."""


@contextmanager
def untouched(directory: Path, file: Path, scratch: Path | None = None) -> Iterator[sqlite3.Connection]:
    """A connection that reads a database of a data directory and leaves every byte of it as it is.

    A copy, if one is needed, is made in `scratch`, or where the system keeps temporary files. Raises
    `OSError` and `sqlite3.Error`, and at the end `Changed` if the file was at rest and has changed.
    """
    if is_served(directory):
        with closing(connect(read_only_uri(file))) as connection:
            yield connection
        return
    before = state_of(file)
    if any(_size(file.with_name(file.name + suffix)) for suffix in _LEFT):
        with TemporaryDirectory(prefix="foldlog-", dir=scratch) as copies:
            copy = copied(file, Path(copies))
            if state_of(file) != before:
                raise _changed(file)
            with closing(connect(copy.absolute().as_uri())) as connection:
                yield connection
        return
    with closing(connect(at_rest_uri(file))) as connection:
        try:
            yield connection
        finally:
            if state_of(file) != before:
                raise _changed(file)


def copied(file: Path, directory: Path) -> Path:
    """Copy a database that nobody has open, with the files beside it; returns the path of the copy."""
    copy = directory / file.name
    for suffix in ("", *_LEFT):
        source = file.with_name(file.name + suffix)
        if source.exists():
            shutil.copyfile(source, copy.with_name(copy.name + suffix))
    return copy


def is_served(directory: Path) -> bool:
    """Whether a server uses the data directory: tries its lock, in shared mode so that tries do not
    collide."""
    if sys.platform == "win32":  # there nobody can change a file that somebody else has open
        return True
    import fcntl

    try:
        lock = (directory / "lock").open("rb")
    except FileNotFoundError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _changed(file: Path) -> Changed:
    return Changed(f"A server began to write {file} while it was being read. Run the command again.")


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
