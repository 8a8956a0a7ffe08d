"""A batch is stored whole or not at all, in one statement or in many."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from foldlog_server.stores.sqlite import schema
from foldlog_server.stores.sqlite.batch_insert import (
    EventRow,
    RequestRow,
    commit,
    insert_requests_into,
    set_up,
)
from foldlog_server.stores.sqlite.statements import MOST_ROWS

SIZES = [1, 2, MOST_ROWS // 2, MOST_ROWS // 2 + 1, 3 * MOST_ROWS]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    schema.set_up_writer(connection, tmp_path / "log.db", lambda: "log", 0, 1000)
    set_up(connection)
    connection.execute("CREATE TABLE others (number, key, fingerprint, outcome, checksum)")
    insert_requests_into(connection, "others")
    yield connection
    connection.close()


def events(count: int) -> list[EventRow]:
    """Events of one type, two in each stream."""
    return [
        (
            position,
            (position + 1) // 2,
            2 - position % 2,
            1,
            bytearray(b"record %d" % position),
            position,
            bytearray(b"chain"),
            f"order-{position}" if position % 2 else 0,
            "Type" if position == 1 else 0,
        )
        for position in range(1, count + 1)
    ]


def requests(count: int) -> list[RequestRow]:
    return [
        (number, bytearray(b"key %d" % number), bytearray(b"fingerprint"), "[]", number + 7)
        for number in range(1, count + 1)
    ]


def stored(log: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: log.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
        for table in ("events", "streams", "types", "others")
    }


@pytest.mark.parametrize("count", SIZES)
def test_every_part_of_a_row_goes_where_it_belongs(log: sqlite3.Connection, count: int) -> None:
    commit(log, events(count), requests(count))

    assert not log.in_transaction
    assert stored(log) == {
        "events": [row[:7] for row in events(count)],
        "streams": [(row[1], row[7]) for row in events(count) if row[7]],
        "types": [(1, "Type")],
        "others": sorted(requests(count)),
    }


@pytest.mark.parametrize("count", SIZES)
def test_one_row_that_cannot_be_stored_leaves_none(log: sqlite3.Connection, count: int) -> None:
    before = stored(log)
    with pytest.raises(sqlite3.IntegrityError):
        commit(log, [*events(count), events(count)[-1]], requests(count))
    if log.in_transaction:
        log.execute("ROLLBACK")

    assert stored(log) == before


def test_nothing_to_store_is_no_transaction(log: sqlite3.Connection) -> None:
    log.execute("BEGIN")
    commit(log, [], [])

    assert log.in_transaction
