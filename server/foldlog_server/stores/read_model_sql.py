"""The SQL of a read model: names come from the view's definition alone, values are always bound.

A collection is a table with the indexed fields as columns before the document, so that a filter never
walks through the pages of a long document.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from foldlog.v1.options_pb2 import COMPARISON_BEFORE, COMPARISON_FROM, COMPARISON_UNSPECIFIED
from foldlog_server.core.paging import Cursor
from foldlog_server.core.read_model import Change, ColumnFilter, IndexedColumn

Value: TypeAlias = str | int | bytes | None

# Bounds what the write-ahead log keeps on disk after a large transaction.
WRITER_PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "journal_size_limit = 16777216")

CREATE_CHECKPOINT = (
    "CREATE TABLE checkpoint (log_id TEXT NOT NULL, position INTEGER NOT NULL, chain_hash BLOB NOT NULL)"
)
BEGIN_CHECKPOINT = "INSERT INTO checkpoint VALUES (?, 0, ?)"
READ_CHECKPOINT = "SELECT log_id, position, chain_hash FROM checkpoint"
MOVE_CHECKPOINT = "UPDATE checkpoint SET position = ?, chain_hash = ? WHERE position <= ?"
READ_POSITION = "SELECT position FROM checkpoint"

_OPERATORS = {COMPARISON_UNSPECIFIED: "=", COMPARISON_FROM: ">=", COMPARISON_BEFORE: "<"}


class Statement(NamedTuple):
    """A statement with what is bound to it."""

    sql: str
    values: Sequence[Value]


class ManyStatements(NamedTuple):
    """One statement, carried out once a row."""

    sql: str
    rows: Sequence[Sequence[Value]]


def quoted(name: str) -> str:
    """A name as an SQL identifier, whatever it is made of."""
    return '"' + name.replace('"', '""') + '"'


class Table:
    """The table of one collection."""

    def __init__(self, collection: str, columns: Sequence[IndexedColumn]) -> None:
        self._name = f"documents of {collection}"
        self._columns = {column.name: quoted(f"field {column.name}") for column in columns}
        self._types = ["TEXT" if column.is_text else "INTEGER" for column in columns]
        table, names = quoted(self._name), list(self._columns.values())
        marks = ", ".join("?" * (len(names) + 3))
        sets = ", ".join(f"{name} = ?" for name in [*names, "document"])
        all_names = ", ".join(["id", "made", *names, "document"])
        self._insert = f"INSERT OR REPLACE INTO {table} ({all_names}) VALUES ({marks})"
        self._update = f"UPDATE {table} SET {sets} WHERE id = ?"
        self._delete = f"DELETE FROM {table} WHERE id = ?"
        self.load = f"SELECT document FROM {table} WHERE id = ?"
        self.get = f"SELECT position, (SELECT document FROM {table} WHERE id = ?) FROM checkpoint"

    def create(self) -> Iterator[str]:
        """The table and its indexes."""
        table = quoted(self._name)
        columns = [f"{name} {kind}" for name, kind in zip(self._columns.values(), self._types, strict=True)]
        fields = ["id TEXT NOT NULL PRIMARY KEY", "made INTEGER NOT NULL", *columns, "document BLOB NOT NULL"]
        yield f"CREATE TABLE {table} ({', '.join(fields)})"
        yield f"CREATE INDEX {quoted(f'{self._name} by made')} ON {table} (made)"
        for column, name in self._columns.items():
            yield f"CREATE INDEX {quoted(f'{self._name} by {column}')} ON {table} ({name}, made)"

    def write(self, changes: Iterable[Change]) -> list[ManyStatements]:
        """Statements that make the changes; each names its document once, so their order is free."""
        made: list[Sequence[Value]] = []
        changed: list[Sequence[Value]] = []
        gone: list[Sequence[Value]] = []
        for change in changes:
            if change.document is None:
                gone.append((change.key.id,))
            elif change.made is None:
                changed.append((*change.columns, change.document, change.key.id))
            else:
                made.append((change.key.id, change.made, *change.columns, change.document))
        statements = ((self._insert, made), (self._update, changed), (self._delete, gone))
        return [ManyStatements(sql, rows) for sql, rows in statements if rows]

    def page(
        self,
        filters: Sequence[ColumnFilter],
        *,
        by_id: bool,
        descending: bool,
        after: Cursor | None,
        limit: int,
    ) -> Statement:
        """A page of documents behind a cursor; raises `KeyError` for a column that there is not."""
        conditions = [f"{self._columns[f.column]} {_OPERATORS[f.comparison]} ?" for f in filters]
        values: list[Value] = [f.value for f in filters]
        order = ["id"] if by_id else ["made", "id"]
        if after is not None:
            marks = ", ".join("?" * len(order))
            conditions.append(f"({', '.join(order)}) {'<' if descending else '>'} ({marks})")
            values += [after.id] if by_id else [after.made, after.id]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        by = ", ".join(f"{name} {'DESC' if descending else 'ASC'}" for name in order)
        sql = f"SELECT id, made, document FROM {quoted(self._name)}{where} ORDER BY {by} LIMIT ?"
        return Statement(sql, [*values, limit])
