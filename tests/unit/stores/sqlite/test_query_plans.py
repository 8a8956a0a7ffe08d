"""Every read finds its rows through an index; none scans the events."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from foldlog_server.stores.sqlite import batch_insert, requests, schema, statements
from foldlog_server.stores.sqlite.requests import RequestPartitions

_WINDOW = 4 * 10**9

BY_POSITION = "events USING INTEGER PRIMARY KEY (rowid"
BY_STREAM = "events USING INDEX events_by_stream (stream=? AND version"
BY_NAME = "streams USING COVERING INDEX sqlite_autoindex_streams_1 (name=?)"
BY_KEY = "requests_until_{end} USING INDEX sqlite_autoindex_requests_until_{end}_1 (key=?)"
BY_DOCUMENT = "parked USING PRIMARY KEY (collection=? AND id=?)"
BY_KIND = "snapshots USING INDEX sqlite_autoindex_snapshots_1 (stream=? AND kind=? AND version<?)"

PLANS = {
    "select_all_backwards": [BY_POSITION],
    "select_all_forwards": [BY_POSITION],
    "select_behind": [BY_POSITION, "streams USING INTEGER PRIMARY KEY (rowid=?)"],
    "select_chain": [BY_POSITION],
    "select_copied": [BY_POSITION],
    "select_head": [BY_POSITION, "events"],
    "select_indexed": ["events USING COVERING INDEX events_by_stream ((stream,version)>(?,?))"],
    "select_indexed_names": ["streams USING COVERING INDEX sqlite_autoindex_streams_1 (name>?)"],
    "select_indexed_place": ["events USING COVERING INDEX events_by_stream (stream=? AND version=?)"],
    "select_names": ["streams USING INTEGER PRIMARY KEY (rowid>?)"],
    "select_newest_events": [BY_POSITION, "events"],
    "select_newest_stream": ["streams"],
    "select_parked_document": [BY_DOCUMENT],
    "select_parked_positions": [BY_DOCUMENT],
    "select_place": [BY_POSITION],
    "select_places": [BY_POSITION],
    "select_last_request": ["requests_until_3"],
    "select_recorded": [BY_KEY.format(end=end).replace("INDEX", "COVERING INDEX", 1) for end in "321"],
    "select_request": [BY_KEY.format(end=end) for end in "321"],
    "select_requests": ["requests_until_3 USING INTEGER PRIMARY KEY (rowid>?)"],
    "select_requests_of_1": ["former USING PRIMARY KEY (key>?)"],
    "select_snapshot": [BY_KIND],
    "select_snapshot_version": [BY_KIND.replace("INDEX", "COVERING INDEX", 1)],
    "select_stream": [BY_NAME, "events USING COVERING INDEX events_by_stream (stream=?)"],
    "select_stream_backwards": [BY_STREAM, BY_NAME],
    "select_stream_beyond": ["streams USING COVERING INDEX sqlite_autoindex_streams_1 (name>?)"],
    "select_stream_forwards": [BY_STREAM, BY_NAME],
    "select_verified_requests": ["requests_until_3 USING INTEGER PRIMARY KEY (rowid>?)"],
    "select_verified": [BY_POSITION, "streams USING INTEGER PRIMARY KEY (rowid=?)"],
    "select_versions": [BY_STREAM, BY_NAME],
}
"""The searches of each read, in the order of the plan."""

SMALL = {
    "select_ancestors",
    "select_log",
    "select_openings",
    "select_newest_snapshots",
    "select_origin",
    "select_parked",
    "select_partitions",
    "select_served",
    "select_sum",
    "select_sums",
    "select_types",
}
"""Reads of whole tables that stay small or are read only once."""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A log with three partitions of requests, and the tables of snapshots and of views."""
    connection = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    schema.set_up_writer(connection, tmp_path / "log.db", lambda: "id", 0, _WINDOW)
    batch_insert.set_up(connection)
    connection.execute(statements.statement("create_snapshots"))
    connection.execute(statements.statement("create_parked"))
    requests.create_partition(connection, "former", format=1)
    partitions = RequestPartitions(connection, _WINDOW)
    for now in (10**9, 2 * 10**9):
        partitions.advance(now)
    yield connection
    connection.close()


@pytest.mark.parametrize("name", PLANS)
def test_a_read_searches_and_never_scans_or_sorts(log: sqlite3.Connection, name: str) -> None:
    sql = statements.statement(name).format(
        rows="(?), (?)",
        table="streams",
        partition="former" if name.endswith("_of_1") else f"requests_until_{3 * 10**9:020}",
    )
    plan = [detail for *_, detail in log.execute(f"EXPLAIN QUERY PLAN {sql}", [1] * sql.count("?"))]

    searches = [re.sub(r"_0*(\d)0+(?=[ _]|$)", r"_\1", step) for step in plan if step.startswith("SEARCH")]
    assert len(searches) == len(PLANS[name])
    assert all(step.startswith(f"SEARCH {start}") for step, start in zip(searches, PLANS[name], strict=True))
    assert not [step for step in plan if step.startswith(("SCAN", "USE TEMP"))]


def test_every_read_has_its_plan_under_test() -> None:
    directory = Path(statements.__file__).parents[1] / "sql"

    assert {file.stem for file in directory.glob("select_*.sql")} == set(PLANS) | SMALL
