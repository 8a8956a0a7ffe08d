"""Writes the SQL of a read model: names come from the view's definition only, values are always bound.

A collection is a table whose indexed fields are columns before the document, so that a filter never reads
through the pages of a long document.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from google.protobuf.message import Message

from foldlog.v1.options_pb2 import COMPARISON_BEFORE, COMPARISON_FROM, COMPARISON_UNSPECIFIED
from foldlog_server.stores.sqlite.connections import DERIVED_PRAGMAS
from foldlog_server.stores.sqlite.statements import Blob, Statement, Value, over
from foldlog_server.stores.views import view_checksums
from foldlog_server.views.definition import IndexedColumn, indexed_columns
from foldlog_server.views.read_model import Change, ColumnFilter, ColumnMissing, Cursor

WRITER_PRAGMAS = (*DERIVED_PRAGMAS, "temp_store = MEMORY")

CREATE_CHECKPOINT = (
    "CREATE TABLE checkpoint (log_id TEXT NOT NULL, position INTEGER NOT NULL, chain_hash BLOB NOT NULL, "
    "edition TEXT NOT NULL, is_complete INTEGER NOT NULL, parked INTEGER NOT NULL, checksum INTEGER NOT NULL)"
)
BEGIN_CHECKPOINT = "INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?, ?, ?)"
READ_CHECKPOINT = (
    "SELECT log_id, position, chain_hash, edition, is_complete, parked, checksum FROM checkpoint"
)
COMPLETE = "UPDATE checkpoint SET is_complete = 1, checksum = ?"
MOVE_CHECKPOINT = (
    "UPDATE checkpoint SET position = ?, chain_hash = ?, edition = ?, parked = ?, checksum = ? "
    "WHERE position <= ?"
)
TABLES_OF_DOCUMENTS = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'documents of %'"
COUNT_PARKED = "SELECT count(*) FROM parked"
READ_POSITION = "SELECT position FROM checkpoint"

_OPERATORS = {COMPARISON_UNSPECIFIED: "=", COMPARISON_FROM: ">=", COMPARISON_BEFORE: "<"}


_FIELD = "field "


def quoted(name: str) -> str:
    """A name as an SQL identifier, whatever its characters are."""
    return '"' + name.replace('"', '""') + '"'


class Table:
    """The table of one collection."""

    def __init__(self, collection: str, columns: Sequence[IndexedColumn]) -> None:
        self._name = f"documents of {collection}"
        self._columns = {column.name: quoted(_FIELD + column.name) for column in columns}
        self._types = ["TEXT" if column.is_text else "INTEGER" for column in columns]
        table, names = quoted(self._name), list(self._columns.values())
        all_names = ", ".join(["id", "made", "made_checksum", *names, "document_checksum", "document"])
        sets = ", ".join(f"{name} = excluded.{name}" for name in [*names, "document_checksum", "document"])
        self._checked = ", ".join([*names, "document_checksum", "document"])
        self._put = f"INSERT OR REPLACE INTO {table} ({all_names}) VALUES {{rows}}"
        self._change = (
            f"INSERT INTO {table} ({all_names}) VALUES {{rows}} ON CONFLICT (id) DO UPDATE SET {sets}"
        )
        self._delete = f"DELETE FROM {table} WHERE id IN ({{rows}})"
        self._load = f"SELECT id, {self._checked} FROM {table} WHERE id IN ({{rows}})"
        # Without the columns: SQLite takes a quoted name that it does not know for a text, and raises no
        # error.
        self.probe = f"SELECT id, made, made_checksum, document_checksum, document FROM {table} LIMIT 0"
        self.greatest = f"SELECT ifnull(max(id), '') FROM {table}"
        self.all = f"SELECT {all_names} FROM {table} ORDER BY id"
        self.get = f"SELECT position, {self._checked} FROM checkpoint LEFT JOIN {table} ON id = ?"

    @classmethod
    def of(cls, collection: str, document: type[Message]) -> "Table":
        """The table of a collection of these documents; raises `TypeError` like `indexed_columns`."""
        return cls(collection, indexed_columns(document))

    @classmethod
    def stored(cls, collection: str, columns: Sequence[Sequence[Any]]) -> "Table":
        """The table in a file of another definition; `columns` are the rows that `columns_of` returns."""
        fields = [
            IndexedColumn(name.removeprefix(_FIELD), kind == "TEXT", _no_value)
            for _, name, kind, *_ in columns
            if name.startswith(_FIELD)
        ]
        return cls(collection, fields)

    @property
    def columns_of(self) -> str:
        """The statement that returns the columns of the table in a file."""
        return f"PRAGMA table_info({quoted(self._name)})"

    def create(self) -> Iterator[str]:
        """The table and its indexes."""
        table = quoted(self._name)
        columns = [f"{name} {kind}" for name, kind in zip(self._columns.values(), self._types, strict=True)]
        place = ["id TEXT NOT NULL PRIMARY KEY", "made INTEGER NOT NULL", "made_checksum INTEGER NOT NULL"]
        fields = [*place, *columns, "document_checksum INTEGER NOT NULL", "document BLOB NOT NULL"]
        yield f"CREATE TABLE {table} ({', '.join(fields)})"
        yield f"CREATE INDEX {quoted(f'{self._name} by made')} ON {table} (made)"
        for column, name in self._columns.items():
            yield f"CREATE INDEX {quoted(f'{self._name} by {column}')} ON {table} ({name}, made)"

    def load(self, ids: Sequence[str]) -> Iterator[Statement]:
        """Statements that return (id, columns…, checksum, document) of the documents that exist."""
        return over([(id,) for id in ids], self._load)

    def write(self, changes: Iterable[Change]) -> Iterator[Statement]:
        """Statements that make the changes; each document occurs once, so their order does not matter."""
        put: list[Sequence[Value]] = []
        changed: list[Sequence[Value]] = []
        gone: list[Sequence[Value]] = []
        for change in changes:
            id, document = change.key.id, change.document
            if document is None:
                gone.append((id,))
            elif change.made is None:
                changed.append((id, 0, 0, *_checked(change, document)))
            else:
                place = view_checksums.of_place(id, change.made)
                put.append((id, change.made, place, *_checked(change, document)))
        yield from over(put, self._put)
        yield from over(changed, self._change)
        yield from over(gone, self._delete)

    def matching(self, ids: Collection[str], filters: Sequence[ColumnFilter]) -> Iterator[Statement]:
        """Like `load`, but only for documents that match all filters.

        Raises `ColumnMissing`.
        """
        conditions, values = self._conditions(filters)
        # The plus keeps SQLite from using the index of a filter's column instead of the ids.
        where = "".join(f" AND +{condition}" for condition in conditions)
        for sql, some_ids in over([(id,) for id in ids], self._load):
            yield Statement(sql + where, [*some_ids, *values])

    def _conditions(self, filters: Sequence[ColumnFilter]) -> tuple[list[str], list[Value]]:
        for filter in filters:
            if filter.column not in self._columns:
                raise ColumnMissing(filter.column)
        conditions = [f"{self._columns[f.column]} {_OPERATORS[f.comparison]} ?" for f in filters]
        return conditions, [f.value for f in filters]

    def page(
        self,
        filters: Sequence[ColumnFilter],
        *,
        by_id: bool,
        descending: bool,
        after: Cursor | None,
        limit: int,
    ) -> Statement:
        """A page (id, made, checksum of these, columns…, checksum, document) of documents after a cursor.

        Raises `ColumnMissing`.
        """
        conditions, values = self._conditions(filters)
        order = ["id"] if by_id else ["made", "id"]
        if after is not None:
            marks = ", ".join("?" * len(order))
            conditions.append(f"({', '.join(order)}) {'<' if descending else '>'} ({marks})")
            values += [after.id] if by_id else [after.made, after.id]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        by = ", ".join(f"{name} {'DESC' if descending else 'ASC'}" for name in order)
        sql = (
            f"SELECT id, made, made_checksum, {self._checked} FROM {quoted(self._name)}{where} "
            f"ORDER BY {by} LIMIT ?"
        )
        return Statement(sql, [*values, limit])


def _checked(change: Change, document: bytes) -> Sequence[Value]:
    checksum = view_checksums.of_document(change.key.id, change.columns, document)
    return *change.columns, checksum, Blob(document)


def _no_value(_: Message) -> None:
    return None
