"""Loads the SQL of the stores, one statement per file in `sql/`, and puts many rows into few statements.

At every statement, and with `executemany` at every row, sqlite3 releases the interpreter and has to get it
back from a busy event loop. So a batch is a few statements, however many rows it has.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import chain
from typing import NamedTuple, TypeAlias

Value: TypeAlias = str | int | bytes | bytearray | None

Blob = bytearray
"""The type as which many byte strings are bound. sqlite3 binds a bytearray directly; for `bytes` and None it
looks for an adapter first, which takes five times as long as binding."""

MOST_ROWS = 64
"""At most so many rows go into one statement: every build of SQLite accepts at least 999 values in one."""

REMEMBERED = 4 * MOST_ROWS
"""How many compiled statements a connection keeps: one for each number of rows and each table."""


class Statement(NamedTuple):
    """A statement with the values that are bound to it."""

    sql: str
    values: Sequence[Value]


def statement(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return files("foldlog_server.stores").joinpath("sql", f"{name}.sql").read_text("utf-8").strip()


def over(rows: Sequence[Sequence[Value]], sql: str) -> Iterator[Statement]:
    """Statements that cover all rows in order; `{rows}` stands for those of each statement."""
    for start in range(0, len(rows), MOST_ROWS):
        some = rows[start : start + MOST_ROWS]
        yield Statement(_for(len(some), len(some[0]), sql), tuple(chain.from_iterable(some)))


@lru_cache(REMEMBERED)
def _for(rows: int, columns: int, sql: str) -> str:
    row = f"({', '.join('?' * columns)})"
    return sql.replace("{rows}", ", ".join([row] * rows))
