"""A full disk is refused and recovers, a failing disk stops the store, and a conflict fails one append."""

import asyncio
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from foldlog_server.errors import StoreFull, StoreUnavailable, WrongExpectedVersion
from foldlog_server.log.event_store import DuplicateRequest, LinkedAppendFailed
from foldlog_server.log.record import chain_hash, checksum, split_record
from foldlog_server.stores.sqlite import batch_insert, writer
from foldlog_server.stores.sqlite.connections import in_thread
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from foldlog_server.stores.sqlite.reader import SqliteLogReader
from foldlog_server.stores.sqlite.statements import MOST_ROWS
from tests.contract.appends import (
    append,
    chain_of,
    everything,
    outcome,
    part,
    payloads,
    positions,
    request,
    to,
)
from tests.unit.stores.conftest import OpenStore

BIG = b"x" * 100_000


async def pages(store: SqliteEventStore, more: int) -> None:
    """Leave the database room for only a few more pages."""

    def limit(connection: sqlite3.Connection) -> None:
        (count,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {count + more}").fetchall()

    await in_thread(store._connection, limit)


async def test_a_full_disk_refuses_the_batch_and_keeps_the_store_going(
    store: SqliteEventStore, failures: list[BaseException]
) -> None:
    new = request()
    await store.append(to("order-1", 0, b"a"))
    await pages(store, 10)
    batch = [
        append(part("order-1", 1, BIG), request=new),
        to("order-2", 0, b"lost"),
        to("order-3", 0, b"lost", b"lost"),
    ]
    outcomes = await asyncio.gather(*map(store.append, batch), return_exceptions=True)

    assert [type(item) for item in outcomes] == [StoreFull] * 3
    assert all(item.failed for item in batch)
    assert store.head.position == 1
    assert payloads(await store.read_stream("order-1")) == [b"a"]
    assert await store.find_request(new.key) is None
    assert not failures

    await store.append(to("order-1", 1, b"b"))  # what fits is stored
    await pages(store, 1000)
    await store.append(append(part("order-1", 2, BIG), request=new))
    await store.append(to("order-2", 0, b"c"))
    log = await everything(store)
    assert positions(log) == [1, 2, 3, 4]
    assert chain_of(log) == store.head.chain_hash
    assert await store.find_request(new.key) is not None


async def test_a_full_disk_refuses_all_of_a_batch_that_takes_many_statements(
    store: SqliteEventStore, failures: list[BaseException]
) -> None:
    count = 3 * MOST_ROWS
    await store.append(to("order-0", 0, b"a"))
    await pages(store, 10)
    refused = [to(f"order-{number}", 0, b"x" * 1000) for number in range(1, count)]
    outcomes = await asyncio.gather(*map(store.append, refused), return_exceptions=True)

    assert {type(item) for item in outcomes} == {StoreFull}
    assert positions(await everything(store)) == [1]
    await pages(store, 1000)
    again = [to(f"order-{number}", 0, b"x" * 1000) for number in range(1, count)]
    await asyncio.gather(*map(store.append, again))
    log = await everything(store)
    assert positions(log) == list(range(1, count + 1))
    assert chain_of(log) == store.head.chain_hash
    assert not failures


async def test_an_append_linked_to_one_that_a_full_disk_refused_fails(store: SqliteEventStore) -> None:
    await pages(store, 10)
    first = to("order-1", 0, BIG)
    assert type(await outcome(store.append(first))) is StoreFull
    await pages(store, 1000)

    assert type(await outcome(store.append(to("order-2", 0, b"x", after=[first])))) is LinkedAppendFailed


async def test_a_failed_write_leaves_the_outcome_unknown_and_stops_the_store(
    store: SqliteEventStore,
    failures: list[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await store.append(to("order-1", 0, b"a"))
    error = sqlite3.OperationalError("disk I/O error")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(writer, "commit", fail)
    waiting = asyncio.create_task(store.wait_beyond(1))
    batch = [to("order-1", 1, b"b"), to("order-2", 0, b"c")]
    futures = [store.append(item) for item in batch]
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    monkeypatch.undo()

    assert [type(item) for item in outcomes] == [StoreUnavailable] * 2
    assert all(item.failed for item in batch)
    assert failures == [error]
    assert type(await outcome(store.append(to("order-3", 0, b"d")))) is StoreUnavailable
    assert type(await outcome(waiting)) is StoreUnavailable
    assert failures == [error]
    assert store.head.position == 1
    assert payloads(await everything(store)) == [b"a"]


async def test_a_failed_write_leaves_unknown_what_is_not_found(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    new = request()
    monkeypatch.setattr(writer, "commit", fail)
    await outcome(store.append(append(part("order-1", 0, b"a"), request=new)))

    # It may exist after a restart: the answer must not be that it does not.
    assert type(await outcome(store.find_request(new.key))) is StoreUnavailable
    assert type(await outcome(store.read_stream("order-1"))) is StoreUnavailable


async def test_appends_that_gathered_behind_a_failed_batch_are_not_written(
    store: SqliteEventStore, failures: list[BaseException], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commits = 0

    def fail(*_: object) -> None:
        nonlocal commits
        commits += 1
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(writer, "commit", fail)
    monkeypatch.setattr("foldlog_server.stores.group_commit.MAX_BATCH_ENTRIES", 2)
    futures = [store.append(to(f"order-{number}", 0, b"x")) for number in range(6)]
    outcomes = await asyncio.gather(*futures, return_exceptions=True)

    assert [type(item) for item in outcomes] == [StoreUnavailable] * 6
    assert commits == 1
    assert len(failures) == 1
    with SqliteLogReader.open(tmp_path) as reader:
        assert reader.head.position == 0


async def test_a_failed_checkpoint_stops_the_store_after_the_answers(
    store: SqliteEventStore, failures: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = sqlite3.OperationalError("disk I/O error")

    def fail() -> None:
        raise error

    monkeypatch.setattr(writer, "CHECKPOINT_ROWS", 3)
    monkeypatch.setattr(store._writer, "checkpoint", fail)
    await store.append(to("order-1", 0, b"a", b"b"))
    assert not failures
    await store.append(to("order-1", 2, b"c"))

    assert type(await outcome(store.append(to("order-1", 3, b"d")))) is StoreUnavailable
    assert failures == [error]


async def test_the_write_ahead_log_is_copied_into_the_database_as_it_grows(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    checkpoints, checkpoint = 0, store._writer.checkpoint

    def count() -> None:
        nonlocal checkpoints
        checkpoints += 1
        checkpoint()

    monkeypatch.setattr(writer, "CHECKPOINT_ROWS", 50)
    monkeypatch.setattr(store._writer, "checkpoint", count)
    for version in range(300):
        await store.append(append(part("order-1", version, b"x" * 1000), request=request()))

    # A row for each event, and one for each request; the last may still be to come.
    assert checkpoints in (11, 12)

    assert (tmp_path / "log.db").stat().st_size > 200_000
    assert (tmp_path / "log.db-wal").stat().st_size < 2_000_000


async def test_a_batch_with_an_unexpected_conflict_is_written_one_by_one(
    store: SqliteEventStore, tmp_path: Path, failures: list[BaseException]
) -> None:
    """As after a write in spite of the lock: the writer's state is wrong, and only one append fails."""
    known = request()
    await store.append(to("order-1", 0, b"a"))
    await store.append(to("order-2", 0, b"b"))
    foreign = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    foreign.execute(
        "INSERT INTO events SELECT 3, stream, 2, type, record, checksum, chain FROM events LIMIT 1"
    )
    record = foreign.execute("SELECT record FROM events WHERE position = 3").fetchone()[0]
    crc = checksum(3, record)
    chain = chain_hash(store.head.chain_hash, 3, *split_record(record))
    foreign.execute("UPDATE events SET checksum = ?, chain = ? WHERE position = 3", (crc, chain))
    foreign.close()

    batch = [
        to("order-1", 2, b"on what is there"),
        to("order-1", 1, b"lost"),
        append(part("order-2", 1, b"c"), request=known),
        append(part("order-2", 2, b"lost"), request=known),
        to("order-3", 0, b"d"),
    ]
    linked = to("order-4", 0, b"lost", after=[batch[1]])
    outcomes = await asyncio.gather(*map(store.append, [*batch, linked]), return_exceptions=True)

    assert type(outcomes[1]) is WrongExpectedVersion
    assert type(outcomes[3]) is DuplicateRequest
    assert type(outcomes[5]) is LinkedAppendFailed
    assert [item.failed for item in batch] == [False, True, False, True, False]
    assert payloads(await store.read_all(from_position=4)) == [b"on what is there", b"c", b"d"]
    assert positions(await everything(store)) == [1, 2, 3, 4, 5, 6]
    assert not failures


async def test_a_future_resolves_after_the_commit_and_not_before(
    store: SqliteEventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go = asyncio.Event(), threading.Event()
    loop, commit = asyncio.get_running_loop(), batch_insert.commit

    def commit_when_told(*rows: Any) -> None:
        loop.call_soon_threadsafe(reached.set)
        go.wait()
        commit(*rows)

    monkeypatch.setattr(writer, "commit", commit_when_told)
    with SqliteLogReader.open(tmp_path) as reader:
        future = store.append(to("order-1", 0, b"a"))
        await reached.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        assert not future.done()
        assert store.head.position == reader.head.position == 0
        assert not await store.read_all()

        go.set()
        stored = await future
        assert reader.read_all() == list(stored.events)
        assert reader.head == store.head


async def test_a_row_is_on_disk_at_the_moment_its_future_resolves(
    store: SqliteEventStore, tmp_path: Path
) -> None:
    with SqliteLogReader.open(tmp_path) as reader:
        seen: list[int] = []
        futures = [store.append(to(f"order-{number}", 0, b"x")) for number in range(10)]
        for future in futures:
            future.add_done_callback(lambda _: seen.append(reader.head.position))
        await asyncio.gather(*futures)
        assert seen == [10] * 10


async def test_many_producers_share_commits(store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    commits, commit = 0, batch_insert.commit

    def count(*rows: Any) -> None:
        nonlocal commits
        commits += 1
        commit(*rows)

    async def produce(name: int) -> None:
        for version in range(10):
            await store.append(to(f"order-{name}", version, b"x"))

    monkeypatch.setattr(writer, "commit", count)
    await asyncio.gather(*map(produce, range(64)))

    assert store.head.position == 640
    assert commits <= 640 // 8


async def test_a_closed_store_lets_go_of_everything(open_store: OpenStore, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    store = await open_store()
    await store.append(to("order-1", 0, b"x"))
    started = set(threading.enumerate()) - before
    await store.close()

    assert len(started) == 2
    for thread in started:
        thread.join()
    assert sorted(os.listdir(tmp_path)) == ["lock", "log.db"]
    with pytest.raises(StoreUnavailable):
        await store.read_stream("order-1")
    with pytest.raises(StoreUnavailable):
        await store._scan(lambda _: ())


async def test_a_stream_that_is_there_though_it_was_said_not_to_be_is_found_and_harms_no_neighbour(
    open_store: OpenStore,
) -> None:
    store = await open_store()
    await store.append(to("order-1", 0, b"a", b"b"))
    await store.close()
    store = await open_store()  # the writer has forgotten the stream, and believes that it is new
    batch = [to("order-2", 0, b"c"), to("order-1", 0, b"wrong"), to("order-3", 0, b"d")]
    first, wrong, last = await asyncio.gather(*map(store.append, batch), return_exceptions=True)

    assert isinstance(wrong, WrongExpectedVersion)
    assert wrong.actual == 2
    assert not isinstance(first, BaseException)
    assert not isinstance(last, BaseException)
    assert [event.position for outcome in (first, last) for event in outcome.events] == [3, 4]
    assert payloads(await everything(store)) == [b"a", b"b", b"c", b"d"]


async def test_that_a_stream_is_not_there_is_looked_up_where_nothing_would_tell_otherwise(
    open_store: OpenStore,
) -> None:
    store = await open_store()
    await store.append(to("order-1", 0, b"a"))
    await store.close()
    store = await open_store()  # the writer has forgotten the stream
    only_checked = await outcome(store.append(append(part("order-1", 0))))

    assert isinstance(only_checked, WrongExpectedVersion)
    assert only_checked.actual == 1
