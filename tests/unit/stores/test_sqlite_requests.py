"""Partitions of requests: the newest takes inserts, the oldest goes whole, and nothing moves them back."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from foldlog_server.core.event_store import RecordedRequest, StreamRange
from foldlog_server.stores import sqlite_schema
from foldlog_server.stores.sqlite_appended import commit, set_up
from foldlog_server.stores.sqlite_requests import RequestPartitions, find, request_row

WINDOW = 1000
OUTCOME = RecordedRequest(b"f" * 32, (StreamRange("order-'\"\\ż", 1, 2),))


@pytest.fixture
def log() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    sqlite_schema.set_up_writer(connection, Path(":memory:"), lambda: "log", 0, WINDOW)
    set_up(connection)
    yield connection
    connection.close()


def ends(log: sqlite3.Connection) -> list[int]:
    """Until when each partition takes records, oldest first."""
    names = log.execute("SELECT name FROM sqlite_master WHERE name GLOB 'requests_until_*' ORDER BY name")
    return [int(name.removeprefix("requests_until_")) for (name,) in names]


def test_a_record_is_found_as_it_was_made(log: sqlite3.Connection) -> None:
    partitions = RequestPartitions(log, WINDOW)
    commit(log, [], [request_row(b"key", OUTCOME)])

    assert find(log, b"key") == OUTCOME
    assert find(log, b"other") is None
    assert partitions.recorded([b"key"])
    assert log.execute("SELECT outcome FROM requests").fetchone() == ('[["order-\'\\"\\\\ż",1,2]]',)


def test_partitions_follow_on_each_other_and_go_when_all_in_them_is_old(log: sqlite3.Connection) -> None:
    partitions = RequestPartitions(log, WINDOW)
    for now in range(0, 5000, 50):
        partitions.advance(now)
        commit(log, [], [request_row(b"%d" % now, OUTCOME)])

        assert all(partitions.recorded([b"%d" % earlier]) for earlier in range(max(now - WINDOW, 0), now, 50))
        assert len(ends(log)) <= 6
        assert all(end + WINDOW > now for end in ends(log))
    assert not partitions.recorded([b"0"])


def test_a_long_pause_leaves_one_new_partition(log: sqlite3.Connection) -> None:
    RequestPartitions(log, WINDOW).advance(50_000)

    assert ends(log) == [50_250]


def test_time_served_that_goes_back_moves_nothing(log: sqlite3.Connection) -> None:
    partitions = RequestPartitions(log, WINDOW)
    partitions.advance(300)
    before = ends(log)
    partitions.advance(0)
    commit(log, [], [request_row(b"key", OUTCOME)])

    assert ends(log) == before == [250, 550]
    assert log.execute("SELECT key FROM requests_until_00000000000000000550").fetchall() == [(b"key",)]


def test_a_partition_that_does_not_fit_on_the_disk_was_never_there(log: sqlite3.Connection) -> None:
    partitions = RequestPartitions(log, WINDOW)
    log.execute("PRAGMA max_page_count = 1").fetchall()
    with pytest.raises(sqlite3.OperationalError, match="full"):
        partitions.advance(300)
    if log.in_transaction:
        log.execute("ROLLBACK")
    log.execute("PRAGMA max_page_count = 1000").fetchall()
    partitions.reload()
    commit(log, [], [request_row(b"key", OUTCOME)])

    assert ends(log) == [250]
    assert partitions.recorded([b"key"])


def test_another_window_forgets_nothing_too_early(log: sqlite3.Connection) -> None:
    RequestPartitions(log, WINDOW)
    commit(log, [], [request_row(b"key", OUTCOME)])
    shorter = RequestPartitions(log, 100)
    shorter.advance(260)

    assert ends(log) == [250, 285]
    assert shorter.recorded([b"key"])
    shorter.advance(350)
    assert not shorter.recorded([b"key"])


def steps_of_opening(log: sqlite3.Connection) -> int:
    """How many steps SQLite takes to look up what partitions there are."""
    taken = 0

    def step() -> None:
        nonlocal taken
        taken += 1

    log.set_progress_handler(step, 1)
    RequestPartitions(log, WINDOW)
    log.set_progress_handler(None, 1)
    return taken


def test_a_full_window_takes_no_longer_to_open_than_an_empty_one(log: sqlite3.Connection) -> None:
    partitions = RequestPartitions(log, WINDOW)
    for now in range(0, WINDOW, WINDOW // 8):
        partitions.advance(now)
    empty = steps_of_opening(log)

    commit(log, [], [request_row(b"%d" % number, OUTCOME) for number in range(5000)])

    assert log.execute("SELECT count(*) FROM requests").fetchone() == (5000,)
    assert 0 < steps_of_opening(log) == empty
