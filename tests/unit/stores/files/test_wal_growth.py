"""A reader that keeps the write-ahead log from being emptied is logged; when it ends, the file shrinks."""

import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from foldlog_server.stores.files import wal_growth
from foldlog_server.stores.files.wal_growth import WalGrowth
from foldlog_server.stores.sqlite import event_store
from foldlog_server.stores.sqlite import writer as sqlite_writer
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from tests.contract.appends import to
from tests.support.server import until

KIB = 1024
MIB = 1024 * KIB


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that are a hundred times smaller, so that they are reached quickly."""
    monkeypatch.setattr(wal_growth, "WARN_BYTES", 2 * MIB)
    monkeypatch.setattr(wal_growth, "KEPT_BYTES", 512 * KIB)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("CREATE TABLE t (data)")
    yield connection
    connection.close()


@pytest.fixture
def reader(tmp_path: Path, writer: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A reader whose transaction stays open."""
    connection = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM t").fetchone()
    yield connection
    connection.close()


def fill(writer: sqlite3.Connection, mib: int) -> None:
    for _ in range(mib):
        writer.execute("INSERT INTO t VALUES (randomblob(1048576))")


def size(tmp_path: Path) -> int:
    return (tmp_path / "log.db-wal").stat().st_size


def logged(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == level]


def test_what_a_reader_keeps_is_told_at_the_limit_and_at_each_doubling(
    writer: sqlite3.Connection, reader: sqlite3.Connection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    growth = WalGrowth(writer)
    counts = []
    for mib in range(1, 10):
        fill(writer, 1)
        assert not growth.checkpoint()
        counts.append((mib, len(logged(caplog, logging.WARNING))))
    assert counts == [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (6, 2), (7, 2), (8, 3), (9, 3)]
    first = logged(caplog, logging.WARNING)[0]
    assert first.startswith(f"{tmp_path / 'log.db-wal'} has grown to 2 MiB")
    assert "fuser" in first


def test_the_file_is_empty_once_the_reader_is_gone_and_that_is_told(
    writer: sqlite3.Connection, reader: sqlite3.Connection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    growth = WalGrowth(writer)
    fill(writer, 3)
    assert not growth.checkpoint()
    before = growth.is_kept
    reader.execute("COMMIT")
    assert growth.checkpoint()
    assert (before, growth.is_kept) == (True, False)
    assert size(tmp_path) == 0
    [again] = logged(caplog, logging.INFO)
    assert "is empty again" in again
    assert writer.execute("SELECT count(*), sum(length(data)) FROM t").fetchone() == (3, 3 * MIB)
    fill(writer, 1)
    growth.checkpoint()
    assert len(logged(caplog, logging.INFO)) == 1


def test_a_reader_of_the_newest_state_keeps_the_file_and_nobody_waits_for_it(
    writer: sqlite3.Connection, reader: sqlite3.Connection, tmp_path: Path
) -> None:
    """Everything can be copied, but nothing overwritten."""
    writer.execute("PRAGMA busy_timeout = 3600000")
    reader.execute("COMMIT")
    fill(writer, 1)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM t").fetchone()
    growth = WalGrowth(writer)
    assert growth.checkpoint()
    assert growth.is_kept
    assert size(tmp_path) > MIB
    assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)
    reader.execute("COMMIT")
    growth.checkpoint()
    assert size(tmp_path) == 0
    assert writer.execute("PRAGMA busy_timeout").fetchone() == (3600000,)


def test_a_small_file_stays_to_be_written_over(writer: sqlite3.Connection, tmp_path: Path) -> None:
    growth = WalGrowth(writer)
    writer.execute("INSERT INTO t VALUES (randomblob(100000))")
    before = size(tmp_path)
    assert growth.checkpoint()
    assert (size(tmp_path), growth.is_kept) == (before, False)


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteEventStore]:
    monkeypatch.setattr(sqlite_writer, "CHECKPOINT_ROWS", 1)
    monkeypatch.setattr(event_store, "IDLE_SECONDS", 0.01)
    ids = iter(range(1000))
    store = await SqliteEventStore.open(
        tmp_path, clock=lambda: 1, new_id=lambda: str(UUID(int=next(ids))), on_failure=lambda _: None
    )
    yield store
    await store.close()


async def test_it_shrinks_also_while_nothing_is_stored(store: SqliteEventStore, tmp_path: Path) -> None:
    reader = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM events").fetchone()
    for version in range(8):
        await store.append(to("order-1", version, bytes(200_000)))
    await until(lambda: store._writer.is_kept_large)
    assert size(tmp_path) > 1_600_000
    reader.execute("COMMIT")
    reader.close()
    await until(lambda: size(tmp_path) == 0)
    assert await store.append(to("order-1", 8, b"continues"))
    assert store.head.position == 9
