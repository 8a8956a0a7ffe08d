"""Opens a database of a data directory without changing anything of it, whether or not a server has it.

Beside a server that runs, there is all that it takes to read. Without one, SQLite would make files of its
own, or move what a killed server has left in the write-ahead log into the database: so the database is read
as a file that does not change, or, with what is left beside it, from a copy.
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
"""What holds committed rows beside a database."""


class Changed(Exception):
    """A server has begun to write what was taken to be at rest; the message is one line for people."""


@contextmanager
def untouched(directory: Path, file: Path, scratch: Path | None = None) -> Iterator[sqlite3.Connection]:
    """A connection that reads a database of a data directory, and leaves every byte of it as it is.

    A copy, if one has to be made, goes to `scratch`, or where the system keeps temporary files.
    Raises `OSError` and `sqlite3.Error`; at the end `Changed` if the file was at rest and no
    longer is.
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
    """A copy of a database that nobody has open, with what is left beside it."""
    copy = directory / file.name
    for suffix in ("", *_LEFT):
        source = file.with_name(file.name + suffix)
        if source.exists():
            shutil.copyfile(source, copy.with_name(copy.name + suffix))
    return copy


def is_served(directory: Path) -> bool:
    """Whether a server has the data directory: its lock is tried, shared with others who try it."""
    if sys.platform == "win32":  # there nobody can write behind the back of who has the file open
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
    return Changed(f"A server has begun to write {file} while it was read. Run the command again.")


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
