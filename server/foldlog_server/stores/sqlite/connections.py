"""Opens connections to SQLite databases, and removes a database with the files that SQLite keeps beside it.

Everything that is the same for the log, the views and the snapshots is here once.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

import aiosqlite

T = TypeVar("T")

BESIDE = ("-wal", "-shm", "-journal")
"""Suffixes of the files that SQLite keeps beside a database."""

DERIVED_PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "journal_size_limit = 16777216")
"""For files that can be built again from the log: a power cut may cost the last commits, but never mixes
up their order. The limit bounds what the write-ahead log keeps on disk after a large transaction."""

CACHED_STATEMENTS = 128
"""How many compiled statements sqlite3 keeps for a connection if nothing else is asked for."""


def read_only_uri(file: Path) -> str:
    """A connection opened with this can neither write nor checkpoint."""
    return f"{file.absolute().as_uri()}?mode=ro"


def at_rest_uri(file: Path) -> str:
    """A connection opened with this assumes that nobody changes the file, and creates none beside it."""
    return f"{read_only_uri(file)}&immutable=1"


def connect(uri: str, *, cached_statements: int = CACHED_STATEMENTS) -> sqlite3.Connection:
    """A connection on which transactions begin only where a statement says so."""
    return sqlite3.connect(uri, uri=True, isolation_level=None, cached_statements=cached_statements)


def connect_to_read(file: Path, *, cached_statements: int = CACHED_STATEMENTS) -> sqlite3.Connection:
    """A connection that can neither write nor checkpoint; raises `sqlite3.Error` if the file is missing."""
    return connect(read_only_uri(file), cached_statements=cached_statements)


def connect_to_write(file: Path, *, cached_statements: int = CACHED_STATEMENTS) -> sqlite3.Connection:
    """A connection to a file that exists; raises `sqlite3.Error` if it is missing, and does not create it."""
    return connect(f"{file.absolute().as_uri()}?mode=rw", cached_statements=cached_statements)


def set_pragmas(connection: sqlite3.Connection, pragmas: Iterable[str]) -> None:
    """Set each of the pragmas, which are given as `name = value`."""
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}").fetchall()


def remove_database(file: Path) -> None:
    """Remove a database and everything that SQLite keeps beside it; missing files are fine."""
    for suffix in ("", *BESIDE):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


async def in_thread(connection: aiosqlite.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Run a function in a connection's own thread: one hop, whatever the function does there.

    aiosqlite's public methods cost a hop per statement, which takes four fifths of the append rate.
    """
    execute: Callable[..., Awaitable[T]] = connection._execute
    return await execute(work, connection._conn)
