"""A log can be read from outside of the process that writes it."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from foldlog_server.errors import DataDamaged, StoreUnavailable
from foldlog_server.log.event_store import Head, RecordedRequest
from foldlog_server.log.record import NO_CHAIN
from foldlog_server.stores.files.data_directory import NoLog, NotALog
from foldlog_server.stores.sqlite import rows
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from foldlog_server.stores.sqlite.reader import SqliteLogReader
from tests.contract.appends import append, decoded, everything, part, positions, request, to
from tests.unit.stores.conftest import OpenStore


@pytest.fixture
async def filled(store: SqliteEventStore) -> SqliteEventStore:
    for version in range(6):
        await store.append(append(part("order-1", version, b"x"), part("order-2", version, b"y")))
    return store


def damage(directory: Path, sql: str) -> None:
    connection = sqlite3.connect(directory / "log.db", isolation_level=None)
    connection.execute(sql)
    connection.close()


async def test_a_reader_sees_what_the_store_sees(filled: SqliteEventStore, tmp_path: Path) -> None:
    new = request()
    await filled.append(append(request=new))
    with SqliteLogReader.open(tmp_path) as reader:
        assert reader.log_id == filled.log_id
        assert reader.head == filled.head
        assert reader.read_all() == await everything(filled)
        assert reader.read_all(backwards=True, limit=2) == await filled.read_all(backwards=True, limit=2)
        assert reader.read_stream("order-2") == await filled.read_stream("order-2")
        assert reader.find_request(new.key) == RecordedRequest(new.fingerprint, ())
        assert reader.find_request(request().key) is None
        assert reader.chain_hash(12) == filled.head.chain_hash
        assert reader.chain_hash(13) is None

        await filled.append(to("order-3", 0, b"z"))
        assert reader.head == filled.head
        assert positions(reader.read_all(from_position=13)) == [13]


async def test_a_reader_opens_a_log_that_nobody_writes(filled: SqliteEventStore, tmp_path: Path) -> None:
    await filled.close()
    with SqliteLogReader.open(tmp_path) as reader:
        assert reader.head == filled.head
        assert len(reader.read_all()) == 12


async def test_an_empty_log_has_an_empty_head(store: SqliteEventStore, tmp_path: Path) -> None:
    with SqliteLogReader.open(tmp_path) as reader:
        assert reader.head == store.head == Head(0, NO_CHAIN)


def test_a_directory_without_a_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoLog, match=r"There is no log\.db in"):
        SqliteLogReader.open(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_database_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"not a database" * 100)
    with pytest.raises(NotALog):
        SqliteLogReader.open(tmp_path)


async def test_a_closed_reader_says_so(filled: SqliteEventStore, tmp_path: Path) -> None:
    reader = SqliteLogReader.open(tmp_path)
    reader.close()

    with pytest.raises(StoreUnavailable):
        reader.read_all()
    with pytest.raises(StoreUnavailable):
        reader.read_stream("order-1")
    with pytest.raises(StoreUnavailable):
        reader.find_request(request().key)
    with pytest.raises(StoreUnavailable):
        _ = reader.head


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE events SET record = substr(record, 1, length(record) - 1) || x'00' WHERE position = 7",
        "UPDATE events SET checksum = checksum + 1 WHERE position = 7",
        "UPDATE events SET checksum = 'text' WHERE position = 7",
        "UPDATE events SET record = 7 WHERE position = 7",
        "UPDATE events SET position = 99 WHERE position = 7",
        "DELETE FROM events WHERE position = 7",
    ],
)
async def test_damaged_bytes_are_never_given_out(filled: SqliteEventStore, tmp_path: Path, sql: str) -> None:
    damage(tmp_path, sql)
    with SqliteLogReader.open(tmp_path) as reader:
        reads: list[Callable[[], object]] = [
            lambda: reader.read_all(),
            lambda: reader.read_all(from_position=7),
            lambda: reader.read_all(backwards=True),
            lambda: reader.read_stream("order-1"),
            lambda: reader.read_stream("order-1", backwards=True),
        ]
        for read in reads:
            with pytest.raises(DataDamaged):
                read()
        assert positions(reader.read_all(limit=6)) == [1, 2, 3, 4, 5, 6]
        assert len(reader.read_stream("order-2")) == 6
    with pytest.raises(DataDamaged):
        await filled.read_stream("order-1")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE events SET stream = 2 - stream + 1, version = version + 90 WHERE position = 7",
        "UPDATE events SET version = 99 WHERE position = 7",
        "UPDATE streams SET name = 'order-' || (5 - key) ",
    ],
)
async def test_an_event_is_given_out_in_its_own_stream_and_place_only(
    filled: SqliteEventStore, tmp_path: Path, sql: str
) -> None:
    damage(tmp_path, sql)
    damaged = 0
    with SqliteLogReader.open(tmp_path) as reader:
        for stream in ("order-1", "order-2", "order-3", "order-4"):
            try:
                found = decoded(reader.read_stream(stream))
            except DataDamaged:
                damaged += 1
            else:
                assert {message.stream for message in found} <= {stream}
                assert len(found) in (0, 6)
    assert damaged


async def test_a_stream_and_the_log_are_contiguous(filled: SqliteEventStore, tmp_path: Path) -> None:
    damage(tmp_path, "DELETE FROM events WHERE position IN (1, 2)")
    with SqliteLogReader.open(tmp_path) as reader:
        with pytest.raises(DataDamaged):
            reader.read_all()
        with pytest.raises(DataDamaged):
            reader.read_stream("order-1")


@pytest.mark.parametrize(("room", "count"), [(0, 1), (1, 1), (2, 2), (3, 3), (12, 6)])
@pytest.mark.parametrize("backwards", [False, True])
async def test_a_batch_has_at_least_one_event_and_at_most_so_many_bytes(
    filled: SqliteEventStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    backwards: bool,
    room: int,
    count: int,
) -> None:
    size = len((await filled.read_stream("order-1"))[0].record)
    with SqliteLogReader.open(tmp_path) as reader:
        for bytes_more in (0, size - 1):
            monkeypatch.setattr(rows, "MAX_BATCH_BYTES", room * size + bytes_more)
            assert len(reader.read_stream("order-1", backwards=backwards)) == count
            assert len(reader.read_all(backwards=backwards)) == max(room, 1)


async def test_the_newest_events_of_a_log_that_is_opened_again_are_in_memory(
    filled: SqliteEventStore, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything_there = await everything(filled)
    await filled.close()
    store = await open_store()
    monkeypatch.setattr(store, "_scan", None)
    assert await store.read_all() == everything_there
