"""Many rows become few statements, and none is left out."""

import sqlite3

import pytest

from foldlog_server.stores.sqlite.statements import over


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
def test_a_statement_has_at_most_64_rows(count: int, sizes: list[int]) -> None:
    inserts = list(over([(number, "a") for number in range(count)], "INSERT INTO t VALUES {rows}"))

    assert [insert.sql.count("(?, ?)") for insert in inserts] == sizes
    assert [len(insert.values) for insert in inserts] == [2 * size for size in sizes]


@pytest.mark.parametrize("count", [0, 1, 7, 64, 531])
def test_all_rows_are_inserted_in_their_order(count: int) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a, b)")
    rows = [(number, f"row {number}") for number in range(count)]
    for insert in over(rows, "INSERT INTO t (a, b) VALUES {rows}"):
        connection.execute(*insert)

    assert connection.execute("SELECT a, b FROM t ORDER BY rowid").fetchall() == rows
    connection.close()


@pytest.mark.parametrize("count", [0, 1, 65])
def test_rows_of_one_value_are_a_list_to_look_for(count: int) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a TEXT PRIMARY KEY) WITHOUT ROWID")
    connection.executemany("INSERT INTO t VALUES (?)", [(str(number),) for number in range(1000)])
    wanted = {str(number) for number in range(count)}
    selects = list(over([(one,) for one in wanted], "SELECT a FROM t WHERE a IN ({rows})"))

    assert {found for select in selects for (found,) in connection.execute(*select)} == wanted
    plans = [connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall() for sql, values in selects]
    assert all("SEARCH" in plan[0][3] for plan in plans)
    connection.close()
