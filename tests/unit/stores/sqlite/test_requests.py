"""The newest partition of requests takes inserts, the oldest is dropped whole, and time never goes back."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from foldlog_server.errors import RequestDamaged
from foldlog_server.log.event_store import RecordedRequest, StreamRange
from foldlog_server.stores.sqlite import index_sums, schema
from foldlog_server.stores.sqlite.batch_insert import commit, set_up
from foldlog_server.stores.sqlite.requests import RequestPartitions, find, request_row
from foldlog_server.stores.sqlite.statements import statement

WINDOW = 1000
OUTCOME = RecordedRequest(b"f" * 32, (StreamRange("order-'\"\\ż", 1, 2),))


@pytest.fixture
def log() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.set_up_writer(connection, Path(":memory:"), lambda: "log", 0, WINDOW)
    set_up(connection)
    yield connection
    connection.close()


def record(log: sqlite3.Connection, partitions: RequestPartitions, *keys: bytes) -> None:
    """Store records with the same outcome."""
    rows = [request_row(number, key, OUTCOME) for number, key in enumerate(keys, partitions.next_number)]
    commit(log, [], rows)
    partitions.apply_stored(rows)


def ends(log: sqlite3.Connection) -> list[int]:
    """The end of each partition, oldest first."""
    names = log.execute("SELECT name FROM sqlite_master WHERE name GLOB 'requests_until_*' ORDER BY name")
    return [int(name.removeprefix("requests_until_")) for (name,) in names]


def test_a_record_is_found_as_it_was_made(log: sqlite3.Connection) -> None:
    partitions = RequestPartitions(log, WINDOW)
    record(log, partitions, b"key")

    assert find(log, b"key") == OUTCOME
    assert find(log, b"other") is None
    assert partitions.recorded([b"key"])
    assert log.execute("SELECT outcome FROM requests").fetchone() == ('[["order-\'\\"\\\\ż",1,2]]',)


def test_partitions_follow_on_each_other_and_go_when_all_in_them_is_old(log: sqlite3.Connection) -> None:
    partitions = RequestPartitions(log, WINDOW)
    for now in range(0, 5000, 50):
        partitions.advance(now)
        record(log, partitions, b"%d" % now)

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
    record(log, partitions, b"key")

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
    record(log, partitions, b"key")

    assert ends(log) == [250]
    assert partitions.recorded([b"key"])


def test_another_window_forgets_nothing_too_early(log: sqlite3.Connection) -> None:
    record(log, RequestPartitions(log, WINDOW), b"key")
    shorter = RequestPartitions(log, 100)
    shorter.advance(260)

    assert ends(log) == [250, 285]
    assert shorter.recorded([b"key"])
    shorter.advance(350)
    assert not shorter.recorded([b"key"])


@pytest.mark.parametrize(
    "damage",
    [
        "fingerprint = zeroblob(32)",
        "outcome = replace(outcome, 2, 3)",
        "outcome = CAST(outcome AS BLOB) || x'20'",
        "checksum = checksum + 1",
        "checksum = CAST(checksum AS TEXT) || '.5'",
    ],
)
@pytest.mark.parametrize("text", [str, bytes])
def test_a_damaged_record_is_no_answer(log: sqlite3.Connection, damage: str, text: type) -> None:
    """Read it as the writer does, and as readers do."""
    partitions = RequestPartitions(log, WINDOW)
    record(log, partitions, bytes(16) + b"ada")
    log.execute(f"UPDATE requests_until_{WINDOW // 4:020} SET {damage}")
    log.text_factory = text

    with pytest.raises(RequestDamaged, match="00000000-0000-0000-0000-000000000000") as raised:
        find(log, bytes(16) + b"ada")
    assert "ada" not in str(raised.value)


def test_a_record_of_another_request_is_no_answer(log: sqlite3.Connection) -> None:
    """As if the index led to the wrong record: the key that is looked up is part of the checksum."""
    partitions = RequestPartitions(log, WINDOW)
    record(log, partitions, bytes(16))
    log.execute(f"UPDATE requests_until_{WINDOW // 4:020} SET key = ?", (b"other key 16 byte",))

    with pytest.raises(RequestDamaged):
        find(log, b"other key 16 byte")


def test_each_partition_has_the_sum_of_its_keys(log: sqlite3.Connection) -> None:
    partitions = RequestPartitions(log, WINDOW)
    for now in range(0, 3000, 50):
        partitions.advance(now)
        record(log, partitions, b"%d" % now, b"%d again" % now)
        partitions.reload()
    log.execute(*partitions.store_sum())

    sums = {part: (last, added) for part, last, added in log.execute(statement("select_sums"))}
    assert sums.pop("events") == (0, 0)
    assert [int(part[-20:]) for part in sums] == ends(log)
    for part, sum in sums.items():
        assert sum == index_sums.of_keys(log, part) == index_sums.of_records(log, part, 0)


def steps_of_opening(log: sqlite3.Connection) -> int:
    """How many steps SQLite takes to list the partitions."""
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

    record(log, partitions, *[b"%d" % number for number in range(5000)])
    log.execute(*partitions.store_sum())

    assert log.execute("SELECT count(*) FROM requests").fetchone() == (5000,)
    assert 0 < steps_of_opening(log) <= empty + 10
