"""Many rows are few statements, and not one of them is left out."""

import sqlite3

import pytest

from foldlog_server.stores.statements import in_few, insert_rows


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (0, []),
        (1, [1]),
        (64, [64]),
        (65, [64, 1]),
        (200, [64, 64, 64, 8]),
    ],
)
def test_pieces_have_at_most_64(count: int, sizes: list[int]) -> None:
    pieces = list(in_few(list(range(count))))

    assert [len(piece) for piece in pieces] == sizes
    assert [item for piece in pieces for item in piece] == list(range(count))


@pytest.mark.parametrize("count", [0, 1, 7, 64, 531])
def test_all_rows_are_inserted_in_their_order(count: int) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a, b)")
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    rows = [(number, f"row {number}") for number in range(count)]
    insert_rows(connection, "INSERT INTO t (a, b) VALUES (?, ?)", rows)
    connection.set_trace_callback(None)

    assert connection.execute("SELECT a, b FROM t ORDER BY rowid").fetchall() == rows
    assert len([sql for sql in statements if sql.startswith("INSERT")]) == len(list(in_few(rows)))
    connection.close()
