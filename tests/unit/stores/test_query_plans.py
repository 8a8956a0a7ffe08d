"""Every read finds its rows through an index; none walks the events."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from foldlog_server.stores import sqlite_schema, statements
from foldlog_server.stores.sqlite_requests import RequestPartitions

_DAY = 86_400 * 10**9

PLANS = {
    "select_all_backwards": ["SEARCH events USING INTEGER PRIMARY KEY (rowid<?)"],
    "select_all_forwards": ["SEARCH events USING INTEGER PRIMARY KEY (rowid>?)"],
    "select_chain": ["SEARCH events USING INTEGER PRIMARY KEY (rowid=?)"],
    "select_head": ["SEARCH events USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH events"],
    "select_log": ["SCAN log"],  # one row
    "select_newest_events": ["SEARCH events USING INTEGER PRIMARY KEY (rowid>?)", "SEARCH events"],
    "select_newest_stream": ["SEARCH streams"],
    "select_partitions": ["SCAN sqlite_master", "USE TEMP B-TREE FOR ORDER BY"],  # the schema, when it opens
    "select_request": [
        "SEARCH requests_until_{2} USING PRIMARY KEY (key=?)",
        "SEARCH requests_until_{1} USING PRIMARY KEY (key=?)",
        "SEARCH requests_until_{0} USING PRIMARY KEY (key=?)",
    ],
    "select_stream": [
        "SEARCH streams USING COVERING INDEX sqlite_autoindex_streams_1 (name=?)",
        "SEARCH events USING COVERING INDEX events_by_stream (stream=?)",
    ],
    "select_stream_backwards": [
        "SEARCH events USING INDEX events_by_stream (stream=? AND version<?)",
        "SEARCH streams USING COVERING INDEX sqlite_autoindex_streams_1 (name=?)",
    ],
    "select_stream_forwards": [
        "SEARCH events USING INDEX events_by_stream (stream=? AND version>?)",
        "SEARCH streams USING COVERING INDEX sqlite_autoindex_streams_1 (name=?)",
    ],
    "select_types": ["SCAN types"],  # as many rows as kinds of events, when it opens
}


@pytest.fixture
def log(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A log with three partitions of requests."""
    connection = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    sqlite_schema.set_up_writer(connection, tmp_path / "log.db", lambda: "id", 0, _DAY)
    partitions = RequestPartitions(connection, _DAY)
    for now in (_DAY // 4, _DAY // 2):
        partitions.advance(now)
    yield connection
    connection.close()


@pytest.mark.parametrize("name", PLANS)
def test_a_read_is_planned_as_a_search(log: sqlite3.Connection, name: str) -> None:
    sql = statements.statement(name)
    plan = log.execute(f"EXPLAIN QUERY PLAN {sql}", [1] * sql.count("?")).fetchall()

    ends = [f"{_DAY * part // 4:020}" for part in (1, 2, 3)]
    steps = [detail for *_, detail in plan if detail.startswith(("SEARCH", "SCAN", "USE"))]
    assert steps == [step.format(*ends) if "{" in step else step for step in PLANS[name]]
    assert not any(step.startswith("SCAN events") for step in steps)


def test_every_read_has_a_plan_under_test() -> None:
    directory = Path(statements.__file__).parent / "sql"

    assert {file.stem for file in directory.glob("select_*.sql")} == set(PLANS)
