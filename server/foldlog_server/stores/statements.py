"""The SQL of the stores: a statement a file, in `sql/`; and many rows with few statements.

At every statement, and with `executemany` at every row, sqlite3 lets go of the interpreter and has to get it
back from a busy event loop: a batch is a few statements, whatever it holds.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import chain
from typing import TypeVar

Item = TypeVar("Item")

_MOST_ROWS = 64
"""Of one statement: SQLite takes at least 999 values in it, in whatever way it was built."""

REMEMBERED = 4 * _MOST_ROWS
"""Statements that the writer's connection keeps compiled: one for each number of rows, of each table."""


def statement(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return files("foldlog_server.stores").joinpath("sql", f"{name}.sql").read_text("utf-8").strip()


def insert_rows(connection: sqlite3.Connection, sql: str, rows: Sequence[Sequence[object]]) -> None:
    """Insert rows by a statement that ends in `VALUES (…)` for one of them."""
    for some in in_few(rows):
        connection.execute(_for_rows(sql, len(some)), tuple(chain.from_iterable(some)))


def in_few(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """All of it in pieces that a statement can hold."""
    for start in range(0, len(items), _MOST_ROWS):
        yield items[start : start + _MOST_ROWS]


@lru_cache(REMEMBERED)
def _for_rows(sql: str, count: int) -> str:
    head, values, one = sql.rpartition(" VALUES ")
    return head + values + ", ".join([one] * count)
