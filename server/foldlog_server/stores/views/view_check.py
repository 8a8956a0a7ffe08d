"""Checks the whole file of a view for damage.

This is needed only if the seal does not vouch for the file: after it was copied or written by others, or when
the process that wrote it was killed just before it wrote the seal.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from foldlog_server.stores.sqlite.connections import connect_to_read
from foldlog_server.stores.views import parked, view_checksums, view_seal
from foldlog_server.stores.views import read_model_table as sql
from foldlog_server.stores.views.view_checksums import CheckpointRow
from foldlog_server.stores.views.view_damage import as_damage
from foldlog_server.stores.views.view_seal import Trust
from foldlog_server.views.read_model import ReadModelDamaged

_SCHEMA = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"


def damage_of(path: Path, tables: Mapping[str, sql.Table] | None) -> str:
    """The damage of a file that nobody is writing; empty if there is none.

    `tables` are those that it must have, or None for a file of another definition. Raises `OSError` and
    `sqlite3.Error` for errors that are not damage.
    """
    trust = view_seal.judge(path)
    if trust is not Trust.DOUBTFUL:
        return "" if trust is Trust.WHOLE else "its last writer did not leave it like this"
    try:
        with closing(connect_to_read(path)) as connection:
            look_through(connection, tables)
    except (sqlite3.Error, ReadModelDamaged) as error:
        damage = as_damage(error)
        if damage is None:
            raise
        return str(damage)
    return ""


def look_through(connection: sqlite3.Connection, tables: Mapping[str, sql.Table] | None) -> None:
    """Raise `ReadModelDamaged` for any damage."""
    schema = {text for (text,) in connection.execute(_SCHEMA)}
    if tables is not None and schema != expected_schema(tables):
        raise ReadModelDamaged("its tables are not those that it was made with")
    for (line,) in connection.execute("PRAGMA integrity_check(1)").fetchall():
        if line != "ok":
            raise ReadModelDamaged(f"SQLite says: {line}")
    check_rows(connection, view_checksums.checkpoint_row(connection.execute(sql.READ_CHECKPOINT).fetchone()))


def check_rows(connection: sqlite3.Connection, checkpoint: CheckpointRow) -> None:
    """Raise `ReadModelDamaged` for a document, a place or a parked event that does not fit its checksum."""
    rows = connection.execute(parked.LOAD).fetchall()
    for row in rows:
        view_checksums.check_parked(*row)
    if len(rows) != checkpoint.parked:
        raise ReadModelDamaged(f"{len(rows)} events are parked in it, and {checkpoint.parked} were")
    for (name,) in connection.execute(sql.TABLES_OF_DOCUMENTS).fetchall():
        for row in connection.execute(f"SELECT * FROM {sql.quoted(name)}"):
            view_checksums.check_place(row[0], row[1], row[2])
            view_checksums.checked_document(row[0], row, 3)


def expected_schema(tables: Mapping[str, sql.Table]) -> set[str]:
    """All statements that create a file with these tables."""
    made = {statement for table in tables.values() for statement in table.create()}
    return {*made, parked.CREATE, sql.CREATE_CHECKPOINT}
