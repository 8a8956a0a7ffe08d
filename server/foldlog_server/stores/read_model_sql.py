"""The SQL of a read model: names come from the view's definition alone, values are always bound.

A collection is a table with the indexed fields as columns before the document, so that a filter never
walks through the pages of a long document.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
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


def quoted(name: str) -> str:
    """A name as an SQL identifier, whatever it is made of."""
    return '"' + name.replace('"', '""') + '"'


_ROWS = (256, 64, 16, 4, 1)


class _Rows:
    """A statement over any number of rows, cut into few of a few lengths.

    sqlite3 lets go of the interpreter's lock once a row that a statement gives or is carried out for, and has
    to get it back from a busy loop; a statement over many rows costs that once. Few lengths, so that each is
    compiled once.
    """

    def __init__(self, before: str, row: str, after: str = "") -> None:
        self._sql = {length: before + ", ".join([row] * length) + after for length in _ROWS}

    def padded(self, values: Sequence[Value]) -> Iterator[Statement]:
        """All values as rows of one; some more than once, so that few statements hold them all."""
        longest = _ROWS[0]
        for start in range(0, len(values), longest):
            some = values[start : start + longest]
            length = min(length for length in _ROWS if length >= len(some))
            yield Statement(self._sql[length], [*some, *[some[-1]] * (length - len(some))])

    def statements(self, rows: Sequence[Sequence[Value]]) -> Iterator[Statement]:
        """All rows, once and in their order."""
        start = 0
        for length in _ROWS:
            while len(rows) - start >= length:
                values = list(chain.from_iterable(rows[start : start + length]))
                yield Statement(self._sql[length], values)
                start += length


class Table:
    """The table of one collection."""

    def __init__(self, collection: str, columns: Sequence[IndexedColumn]) -> None:
        self._name = f"documents of {collection}"
        self._columns = {column.name: quoted(f"field {column.name}") for column in columns}
        self._types = ["TEXT" if column.is_text else "INTEGER" for column in columns]
        table, names = quoted(self._name), list(self._columns.values())
        all_names = ", ".join(["id", "made", *names, "document"])
        marks = f"({', '.join('?' * (len(names) + 3))})"
        sets = ", ".join(f"{name} = excluded.{name}" for name in [*names, "document"])
        self._put = _Rows(f"INSERT OR REPLACE INTO {table} ({all_names}) VALUES ", marks)
        self._change = _Rows(
            f"INSERT INTO {table} ({all_names}) VALUES ", marks, f" ON CONFLICT (id) DO UPDATE SET {sets}"
        )
        self._delete = _Rows(f"DELETE FROM {table} WHERE id IN (", "?", ")")
        self._load = _Rows(f"SELECT id, document FROM {table} WHERE id IN (", "?", ")")
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

    def load(self, ids: Sequence[str]) -> Iterator[Statement]:
        """Statements that give (id, document) of those documents that there are."""
        return self._load.padded(ids)

    def write(self, changes: Iterable[Change]) -> Iterator[Statement]:
        """Statements that make the changes; each names its document once, so their order is free."""
        put: list[Sequence[Value]] = []
        changed: list[Sequence[Value]] = []
        gone: list[Value] = []
        for (_, id), document, columns, made in changes:
            if document is None:
                gone.append(id)
            elif made is None:
                changed.append((id, 0, *columns, document))
            else:
                put.append((id, made, *columns, document))
        yield from self._put.statements(put)
        yield from self._change.statements(changed)
        yield from self._delete.padded(gone)

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
