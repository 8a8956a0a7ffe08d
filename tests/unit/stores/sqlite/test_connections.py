"""How a database is opened is decided in one module, and each way does what it is named for."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from foldlog_server.stores.sqlite.connections import (
    BESIDE,
    DERIVED_PRAGMAS,
    connect_to_read,
    connect_to_write,
    remove_database,
    set_pragmas,
)

SERVER = Path(__file__).parents[4] / "server" / "foldlog_server"
ONCE = re.compile(r"mode=r[ow]\b|immutable=1|synchronous = NORMAL|connection\._conn\b")
"""What no other module writes by itself."""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "some.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE numbers (number)")
    return file


def test_a_connection_to_read_cannot_write(database: Path) -> None:
    with (
        closing(connect_to_read(database)) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("INSERT INTO numbers VALUES (1)")


@pytest.mark.parametrize("connect", [connect_to_read, connect_to_write])
def test_a_missing_file_is_an_error_and_is_not_created(
    tmp_path: Path, connect: Callable[[Path], sqlite3.Connection]
) -> None:
    with pytest.raises(sqlite3.OperationalError):
        connect(tmp_path / "missing.db")
    assert not (tmp_path / "missing.db").exists()


def test_a_transaction_begins_only_where_a_statement_says_so(database: Path) -> None:
    with closing(connect_to_write(database)) as connection:
        connection.execute("INSERT INTO numbers VALUES (1)")
        assert not connection.in_transaction


def test_a_database_is_removed_with_the_files_beside_it(database: Path) -> None:
    with closing(connect_to_write(database)) as connection:
        set_pragmas(connection, DERIVED_PRAGMAS)
        connection.execute("INSERT INTO numbers VALUES (1)")
        (database.parent / "some.db-journal").touch()
        other = database.parent / "other.db"
        other.touch()

        remove_database(database)

    assert list(database.parent.iterdir()) == [other]
    remove_database(database)
    assert BESIDE == ("-wal", "-shm", "-journal")


def test_modes_and_pragmas_of_rebuildable_files_are_written_once() -> None:
    found = {file.name for file in SERVER.rglob("*.py") if ONCE.search(file.read_text())}
    assert found == {"connections.py"}
