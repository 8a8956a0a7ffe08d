"""A shortage is reported as one, stores nothing and leaves no trace; damage is reported as damage."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from foldlog_server.errors import DataDamaged, StoreFull, StoreHindered, StoreUnavailable
from foldlog_server.log import record as codec
from foldlog_server.stores.sqlite import event_store as engine
from foldlog_server.stores.sqlite import rows, writer
from foldlog_server.stores.sqlite.connections import in_thread
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
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
from tests.support.faults import Faults, sqlite_error
from tests.support.limits import file_size, no_descriptors
from tests.support.server import until
from tests.unit.stores.conftest import OpenStore

BIG = b"x" * 100_000


async def is_whole(store: SqliteEventStore, count: int) -> None:
    log = await everything(store)
    assert positions(log) == list(range(1, count + 1))
    assert chain_of(log) == store.head.chain_hash


async def test_a_file_that_may_not_grow_refuses_what_does_not_fit_and_nothing_is_unknown(
    open_store: OpenStore, failures: list[BaseException], tmp_path: Path
) -> None:
    store = await open_store()
    await store.append(to("order-1", 0, b"a"))
    new = request()
    with file_size((tmp_path / "log.db-wal").stat().st_size + 8192):
        refused = await outcome(store.append(append(part("order-1", 1, BIG), request=new)))
        assert isinstance(refused, StoreFull)
        assert refused.metadata == {"cause": "file_too_large"}
        assert await store.find_request(new.key) is None
    await store.append(append(part("order-1", 1, BIG), request=new))
    await is_whole(store, 2)
    await store.close()
    again = await open_store()  # what a start reads of the frames that were written
    await is_whole(again, 2)
    assert not failures


async def test_room_in_the_write_ahead_log_is_made_by_bringing_it_into_the_database(
    store: SqliteEventStore, tmp_path: Path
) -> None:
    for version in range(20):
        await store.append(to("order-1", version, BIG))
    with file_size((tmp_path / "log.db-wal").stat().st_size):
        refused = await outcome(store.append(to("order-1", 20, BIG)))
        assert isinstance(refused, StoreFull)
        await store.append(to("order-1", 20, BIG))  # over what has been copied
    await is_whole(store, 21)


async def test_what_is_open_since_the_start_is_read_and_written_without_another_descriptor(
    open_store: OpenStore, failures: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_ROWS", 10)
    store = await open_store()
    new = request()
    with no_descriptors():
        for version in range(20):
            await store.append(to("order-1", version, b"a"))
        await store.append(append(part("order-2", 0, *[b"b"] * 3 * MOST_ROWS), request=new))
        assert await store.find_request(new.key) is not None
        assert len(await store.read_stream("order-2")) == 3 * MOST_ROWS
        assert len(await store._scan(lambda connection: rows.read_all(connection, 1, False, 20))) == 20
    await is_whole(store, 20 + 3 * MOST_ROWS)
    assert not failures


async def test_a_lock_of_another_program_refuses_and_is_waited_for_no_longer_than_it_is_held(
    store: SqliteEventStore, failures: list[BaseException], tmp_path: Path
) -> None:
    await in_thread(
        store._connection, lambda connection: connection.execute("PRAGMA busy_timeout = 0").fetchall()
    )
    with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for events in ([b"a"], [b"a"] * 3 * MOST_ROWS):  # one statement, and many
            refused = await outcome(store.append(to("order-1", 0, *events)))
            assert isinstance(refused, StoreHindered)
            assert refused.metadata == {"cause": "busy"}
        other.execute("ROLLBACK")
        await store.append(to("order-1", 0, b"a"))
    await is_whole(store, 1)
    assert not failures


async def test_an_append_that_meets_a_shortage_between_two_events_leaves_none_of_them(
    store: SqliteEventStore, failures: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.append(to("order-1", 0, b"a"))
    checksum, calls = codec.checksum, 0

    def run_out(position: int, record: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise MemoryError
        return checksum(position, record)

    monkeypatch.setattr(writer, "checksum", run_out)
    refused = await outcome(store.append(to("order-1", 1, b"b", b"c")))
    assert isinstance(refused, StoreHindered)
    await store.append(to("order-1", 1, b"d"))
    assert payloads(await everything(store)) == [b"a", b"d"]
    await is_whole(store, 2)
    assert not failures


async def test_a_state_that_cannot_be_read_again_is_read_before_the_next_transaction(
    open_store: OpenStore, failures: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = Faults(monkeypatch)
    store = await open_store()
    await store.append(to("order-1", 0, b"a"))
    faults.plan(lambda database, sql: None if "mode=ro" in database else sqlite_error("IOERR_READ"))
    for _ in range(2):
        assert isinstance(await outcome(store.append(to("order-1", 1, b"lost"))), StoreHindered)
    faults.end()
    await store.append(to("order-1", 1, b"b"))
    await is_whole(store, 2)
    assert not failures


async def test_a_checkpoint_that_is_hindered_is_tried_again_while_nothing_happens(
    open_store: OpenStore,
    failures: list[BaseException],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    faults = Faults(monkeypatch)
    monkeypatch.setattr(writer, "CHECKPOINT_ROWS", 1)
    monkeypatch.setattr(engine, "IDLE_SECONDS", 0.001)
    store = await open_store()
    faults.plan(lambda _, sql: sqlite_error("FULL") if "wal_checkpoint" in sql else None)
    await store.append(to("order-1", 0, b"a"))
    await until(lambda: faults.met > 3)
    assert caplog.text.count("log.db-wal cannot be copied into log.db") == 1
    faults.end()
    await until(lambda: "log.db-wal has been copied into log.db again." in caplog.text)
    assert not failures


async def test_a_checkpoint_whose_sync_has_failed_ends_the_store(
    open_store: OpenStore, failures: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = Faults(monkeypatch)
    monkeypatch.setattr(writer, "CHECKPOINT_ROWS", 1)
    store = await open_store()
    faults.plan(lambda _, sql: sqlite_error("IOERR_FSYNC") if "wal_checkpoint" in sql else None)
    await store.append(to("order-1", 0, b"a"))
    await until(lambda: failures)
    assert isinstance(await outcome(store.append(to("order-1", 1, b"b"))), StoreUnavailable)


async def test_a_page_that_is_damaged_while_it_is_served_is_told_as_damage_once(
    open_store: OpenStore,
    failures: list[BaseException],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = await open_store()
    for number in range(3):
        await store.append(to(f"order-{number}", 0, b"x"))
    await in_thread(store._connection, lambda _: store._writer.checkpoint())
    overwrite_an_index(tmp_path / "log.db")
    for _ in range(2):
        damaged = await outcome(store.read_stream("order-1"))
        assert isinstance(damaged, DataDamaged)
        assert damaged.metadata == {}
    assert caplog.text.count("The log is damaged. What needs it is refused") == 1
    assert len(await store.read_all(from_position=1)) == 3  # needs no index
    assert not failures


async def test_a_file_that_is_cut_while_it_is_served_is_told_as_damage(
    open_store: OpenStore, failures: list[BaseException], tmp_path: Path
) -> None:
    store = await open_store()
    for number in range(300):
        await store.append(to(f"order-{number}", 0, b"x" * 1000))
    await in_thread(store._connection, lambda _: store._writer.checkpoint())
    os.truncate(tmp_path / "log.db", 8 * 4096)
    assert isinstance(await outcome(store.read_stream("order-250")), DataDamaged)
    assert isinstance(
        await outcome(store._scan(lambda scanner: rows.read_all(scanner, 250, False, 10))), DataDamaged
    )
    assert not failures


def overwrite_an_index(file: Path) -> None:
    """By another process: closing the file in this one would drop the locks of its connections."""
    subprocess.run([sys.executable, "-c", OVERWRITE, file], check=True)


OVERWRITE = """
import sqlite3, sys
connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
[root] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'events_by_stream'").fetchone()
[size] = connection.execute("PRAGMA page_size").fetchone()
with open(sys.argv[1], "r+b") as file:
    file.seek((root - 1) * size)
    file.write(bytes(size))
"""
