"""How values that may be damaged are read and shown: each function takes whatever SQLite returns."""

import sqlite3
import uuid
from collections.abc import Sequence
from typing import Any


def only_value(connection: sqlite3.Connection, sql: str) -> Any:
    """The first value of the first row; None if there is no row."""
    row = connection.execute(sql).fetchone()
    return None if row is None else row[0]


def table_shape(connection: sqlite3.Connection, table: str) -> object:
    """The columns and indexes of a table, to be compared with those of another database."""
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    indexes = connection.execute(f"PRAGMA index_list({table})").fetchall()
    described = [(texts(index[1:5]), index_columns(connection, text(index[1]))) for index in indexes]
    return [texts(column) for column in columns], described


def index_columns(connection: sqlite3.Connection, index: str) -> list[list[Any]]:
    """The columns of an index."""
    return [texts(row) for row in connection.execute(f"PRAGMA index_info({index})")]


def texts(row: Sequence[Any]) -> list[Any]:
    """A row with its bytes as text."""
    return [text(value) if isinstance(value, bytes) else value for value in row]


def text(value: Any) -> str:
    """Any value as text; bytes that are not UTF-8 are shown by their numbers."""
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


def hexadecimal(value: Any) -> str:
    """Bytes as hexadecimal digits; any other value as Python shows it."""
    return value.hex() if isinstance(value, bytes) else repr(value)


def is_uuid(value: Any) -> bool:
    """Whether a value is a UUID in its canonical form."""
    try:
        return str(uuid.UUID(text(value))) == text(value)
    except ValueError:
        return False


def positions(first: int, last: int) -> str:
    """A range of positions, as findings name it."""
    return f"position {first}" if first == last else f"positions {first} to {last}"
