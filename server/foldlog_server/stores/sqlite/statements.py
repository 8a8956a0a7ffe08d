"""The SQL of the stores: a statement a file, in `sql/`; and many rows with few statements.

At every statement, and with `executemany` at every row, sqlite3 lets go of the interpreter and has to get it
back from a busy event loop: a batch is a few statements, whatever it holds.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import chain
from typing import NamedTuple, TypeAlias

Value: TypeAlias = str | int | bytes | bytearray | None

Blob = bytearray
"""What bytes are bound as where there are many of them: sqlite3 binds a bytearray as it is, and looks for an
adapter first for `bytes` and for None, which takes five times as long as to bind them."""

MOST_ROWS = 64
"""Of one statement: SQLite takes at least 999 values in it, in whatever way it was built."""

REMEMBERED = 4 * MOST_ROWS
"""Statements that a connection keeps compiled: one for each number of rows, of each table."""


class Statement(NamedTuple):
    """A statement with what is bound to it."""

    sql: str
    values: Sequence[Value]


def statement(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return files("foldlog_server.stores").joinpath("sql", f"{name}.sql").read_text("utf-8").strip()


def over(rows: Sequence[Sequence[Value]], sql: str) -> Iterator[Statement]:
    """As many statements as it takes for all rows, in their order; each has some of them for `{rows}`."""
    for start in range(0, len(rows), MOST_ROWS):
        some = rows[start : start + MOST_ROWS]
        yield Statement(_for(len(some), len(some[0]), sql), tuple(chain.from_iterable(some)))


@lru_cache(REMEMBERED)
def _for(rows: int, columns: int, sql: str) -> str:
    row = f"({', '.join('?' * columns)})"
    return sql.replace("{rows}", ", ".join([row] * rows))
