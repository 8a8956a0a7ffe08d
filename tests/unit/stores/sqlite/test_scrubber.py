"""Once a day every row is compared with every index; damage is logged, and commands are refused then."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from foldlog_server.errors import IndexDamaged
from foldlog_server.log.event_store import RequestKey
from foldlog_server.stores.sqlite import event_store as sqlite
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from foldlog_server.stores.sqlite.scrubber import Scrubber
from tests.contract.appends import Clock, everything, new_id, to
from tests.support.btree import Index
from tests.support.faults import Faults, sqlite_error
from tests.unit.stores.conftest import OpenStore
from tests.unit.stores.sqlite.test_event_store_wrong_indexes import EVENTS, STREAMS, delete, fill, say, swap


@pytest.fixture(autouse=True)
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage is written to the file, which a store would detect within a second: bit rot changes no time."""
    monkeypatch.setattr(sqlite, "IDLE_SECONDS", 3600.0)


def scrubber_of(store: SqliteEventStore) -> Scrubber:
    return Scrubber(store.scan, Clock(), store.distrust)


async def test_a_sound_log_is_looked_at_whole_and_told_in_a_line(
    store: SqliteEventStore, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(store)
    scrubber = scrubber_of(store)
    caplog.set_level("INFO", "foldlog")
    await scrubber.scrub()

    state = scrubber.state
    assert state.damages == []
    assert state.done == state.total == 2 * (STREAMS * EVENTS + STREAMS + 1 + STREAMS)
    assert 0 < state.began <= state.ended
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert store.refusal is None
    await store.append(to("order-10", EVENTS, b"more"))


def in_place(directory: Path, name: str, do: Callable[[Index], None]) -> None:
    """Damage the file of an open log; only the bytes that differ are written."""
    index = Index(directory / "log.db", name)
    before = bytes(index.data)
    do(index)
    with (directory / "log.db").open("r+b") as file:
        for at, (former, now) in enumerate(zip(before, index.data, strict=True)):
            if former != now:
                file.seek(at)
                file.write(bytes([now]))


async def reopened(open_store: OpenStore) -> tuple[SqliteEventStore, str]:
    """A log whose pages are all in its database, and the name of its only partition."""
    store = await open_store()
    await fill(store)
    [partition] = store._writer._requests._names
    await store.close()
    return await open_store(), partition


def another_key(index: Index) -> None:
    entry = index.entries()[7]
    key, number = entry.values
    assert isinstance(key, bytes)
    index.put(entry, key[:-1] + bytes([key[-1] ^ 1]), number)


@pytest.mark.parametrize(
    ("index", "wrong"),
    [
        ("events_by_stream", delete(31, 5)),
        ("events_by_stream", say((31, 5), 31, 9, 155)),
        ("events_by_stream", swap((31, 2), (31, 5))),
        ("sqlite_autoindex_streams_1", delete(b"order-40")),
        ("sqlite_autoindex_streams_1", say((b"order-40",), b"order-40", 32)),
        ("sqlite_autoindex_streams_1", swap((b"order-40",), (b"order-43",))),
        ("requests", lambda index: index.delete(index.entries()[7])),
        ("requests", lambda index: index.swap(index.entries()[7], index.entries()[9])),
        ("requests", another_key),
    ],
)
async def test_an_index_that_goes_wrong_while_it_is_served_is_found_and_decides_nothing_more(
    open_store: OpenStore,
    tmp_path: Path,
    index: str,
    wrong: Callable[[Index], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, partition = await reopened(open_store)
    in_place(tmp_path, index.replace("requests", f"sqlite_autoindex_{partition}_1"), wrong)
    calls: list[str] = []
    store.when_refusing(lambda: calls.append("refusing"))
    scrubber = scrubber_of(store)
    await scrubber.scrub()

    assert len(scrubber.state.damages) == 1
    assert calls == ["refusing"]
    [line] = [record.getMessage() for record in caplog.records if record.levelname == "CRITICAL"]
    assert "Commands are refused from now on (DATA_DAMAGED)" in line
    assert "\n" not in line
    assert isinstance(store.refusal, IndexDamaged)
    with pytest.raises(IndexDamaged):
        await store.append(to("order-new", 0, b"x"))
    with pytest.raises(IndexDamaged):
        await store.read_stream("order-10")
    with pytest.raises(IndexDamaged):
        await store.find_request(RequestKey("ann", new_id()))
    assert len(await everything(store)) == STREAMS * EVENTS


async def test_a_request_record_that_does_not_fit_is_found(open_store: OpenStore, tmp_path: Path) -> None:
    store, partition = await reopened(open_store)
    foreign = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    foreign.execute(f"UPDATE {partition} SET fingerprint = zeroblob(32) WHERE number = 7")
    foreign.close()
    scrubber = scrubber_of(store)
    await scrubber.scrub()
    assert scrubber.state.damages == [f"record 7 of {partition} does not fit its checksum"]


@pytest.mark.parametrize(
    "shortage", [sqlite_error("NOMEM"), sqlite_error("CANTOPEN"), sqlite_error("BUSY"), MemoryError()]
)
async def test_what_is_short_while_it_is_scrubbed_is_no_damage(
    open_store: OpenStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    shortage: Exception,
) -> None:
    faults = Faults(monkeypatch)
    store = await open_store()
    await fill(store)
    scrubber = scrubber_of(store)
    faults.plan(lambda database, sql: shortage if "mode=ro" in database and "fingerprint" in sql else None)
    await scrubber.scrub()
    assert faults.met
    assert (scrubber.state.damages, scrubber.state.ended, store.refusal) == ([], 0, None)
    assert "could not be scrubbed to its end" in caplog.text
    faults.end()
    await scrubber.scrub()
    assert scrubber.state.ended
