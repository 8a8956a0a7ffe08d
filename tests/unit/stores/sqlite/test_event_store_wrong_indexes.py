"""A wrong index in well-formed pages never leads to a wrong decision."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from foldlog_server.errors import DataDamaged, IndexDamaged, WrongExpectedVersion
from foldlog_server.log.event_store import NewRequest
from foldlog_server.stores.files.data_directory import IndexWrong, LogDamaged
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from tests.contract.appends import append, part, request, to
from tests.support.btree import Index
from tests.unit.stores.conftest import OpenStore

STREAMS, EVENTS = 60, 5

Damage = Callable[[Index], None]


async def fill(store: SqliteEventStore) -> list[NewRequest]:
    """Streams "order-10", "order-11" … with some events each, and one request for each stream."""
    requests = [request() for _ in range(STREAMS)]
    for number, new in enumerate(requests):
        events = [b"%d" % n for n in range(EVENTS)]
        await store.append(append(part(f"order-{10 + number}", 0, *events), request=new))
    return requests


@contextmanager
def sqlite_at(directory: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(directory / "log.db", isolation_level=None)) as connection:
        yield connection


def damage(tmp_path: Path, name: str, do: Damage) -> None:
    index = Index(tmp_path / "log.db", name)
    assert len(index.entries()) >= STREAMS
    do(index)
    index.save()


def delete(*values: int | bytes) -> Damage:
    return lambda index: index.delete(index.find(*values))


def say(former: tuple[int | bytes, ...], *now: int | bytes) -> Damage:
    return lambda index: index.put(index.find(*former), *now)


def swap(one: tuple[int | bytes, ...], other: tuple[int | bytes, ...]) -> Damage:
    return lambda index: index.swap(index.find(*one), index.find(*other))


# The 31st stream is order-40, whose events are at positions 151 to 155.


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(delete(31, 5), id="the last event of a stream is gone"),
        pytest.param(delete(31, 3), id="an event within a stream is gone"),
        pytest.param(say((31, 5), 31, 9, 155), id="it has another version"),
        pytest.param(say((31, 5), 32, 0, 155), id="it is in another stream"),
        pytest.param(say((31, 5), 31, 5, 154), id="it is at another position"),
        pytest.param(swap((31, 1), (33, 5)), id="two streams' are out of order"),
        pytest.param(say((60, 5), 60, 6, 300), id="the newest has another version"),
    ],
)
async def test_an_index_of_streams_that_does_not_fit_is_refused_at_the_start(
    open_store: OpenStore, tmp_path: Path, wrong: Damage
) -> None:
    store = await open_store()
    await fill(store)
    await store.close()
    damage(tmp_path, "events_by_stream", wrong)
    before = (tmp_path / "log.db").read_bytes()

    with pytest.raises(IndexWrong, match="foldlog backup and restore") as refusal:
        await open_store()
    assert "\n" not in str(refusal.value)
    assert (tmp_path / "log.db").read_bytes() == before


async def test_entries_that_cannot_be_found_are_missed(open_store: OpenStore, tmp_path: Path) -> None:
    """Entries that are out of order within a stream exist, so sum and count fit, but searches miss them."""
    store = await open_store()
    await fill(store)
    await store.close()
    damage(tmp_path, "events_by_stream", swap((31, 2), (31, 5)))

    store = await open_store()
    outcomes = [await outcome(store, f"order-{10 + number}") for number in range(STREAMS)]
    assert set(outcomes) == {EVENTS, "damaged"}
    assert outcomes[30] == "damaged"


async def outcome(store: SqliteEventStore, stream: str) -> int | str:
    """How many events a fold would find."""
    count = 0
    try:
        while events := await store.read_stream(stream, from_version=count + 1):
            count += len(events)
    except DataDamaged:
        return "damaged"
    return count


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(delete(b"order-40"), id="gone"),
        pytest.param(say((b"order-40",), b"order-4$", 31), id="another name"),
        pytest.param(say((b"order-40",), b"order-40", 32), id="another stream's key"),
        pytest.param(say((b"order-40",), b"order-40", 99), id="the key of none"),
        pytest.param(swap((b"order-40",), (b"order-43",)), id="not where it is looked for"),
    ],
)
async def test_a_stream_whose_name_is_not_in_its_index_is_not_begun_again(
    open_store: OpenStore, tmp_path: Path, wrong: Damage
) -> None:
    store = await open_store()
    await fill(store)
    await store.close()
    damage(tmp_path, "sqlite_autoindex_streams_1", wrong)

    store = await open_store()
    for read in (
        store.read_stream("order-40"),
        store.read_stream("order-40", from_version=5),
        store.read_stream("order-40", backwards=True, limit=1),
    ):
        with pytest.raises(DataDamaged):
            await read
    with pytest.raises(WrongExpectedVersion) as refusal:  # as by who decided before the damage
        await store.append(to("order-40", 0, b"again"))
    assert refusal.value.actual == EVENTS
    appended = await store.append(to("order-40", EVENTS, b"next"))
    assert appended.events[0].position == STREAMS * EVENTS + 1
    assert await outcome(store, "order-20") == EVENTS


async def test_a_name_that_the_index_alone_has_refuses_its_stream_and_no_other(
    open_store: OpenStore, tmp_path: Path, failures: list[BaseException]
) -> None:
    store = await open_store()
    await fill(store)
    await store.close()
    damage(tmp_path, "sqlite_autoindex_streams_1", say((b"order-40",), b"order-4$", 31))

    store = await open_store()
    with pytest.raises(DataDamaged):
        await store.read_stream("order-4$")
    outcomes = await asyncio.gather(
        store.append(to("order-4$", 0, b"new")),
        store.append(to("order-x", 0, b"new")),
        return_exceptions=True,
    )
    assert isinstance(outcomes[0], IndexDamaged)
    assert not isinstance(outcomes[1], BaseException)
    assert await outcome(store, "order-x") == 1
    assert failures == []


async def test_a_stream_that_the_table_alone_has_lost_is_damaged(
    open_store: OpenStore, tmp_path: Path
) -> None:
    store = await open_store()
    await fill(store)
    await store.close()
    file = tmp_path / "log.db"
    indexed = Index(file, "sqlite_autoindex_streams_1").find(b"order-40")
    data = bytearray(file.read_bytes())
    # A row of the table has a null for its key, and then the name.
    [at] = [n for n in range(len(data)) if data.startswith(b"\x03\x00\x1dorder-40", n)]
    assert not indexed.start <= at < indexed.start + indexed.length
    data[at + 3 : at + 11] = b"order-4$"
    file.write_bytes(data)

    store = await open_store()
    with pytest.raises(IndexDamaged):
        await store.read_stream("order-40")


@pytest.mark.parametrize("kind", ["deleted", "another key", "another record", "not where it is looked for"])
async def test_a_request_that_its_index_does_not_lead_to_is_refused_at_the_start(
    open_store: OpenStore, tmp_path: Path, kind: str
) -> None:
    store = await open_store()
    await fill(store)
    [partition] = store._writer._requests._names
    await store.close()

    def wrong(index: Index) -> None:
        entry, other = index.entries()[5], index.entries()[8]
        key, number = entry.values
        assert isinstance(key, bytes)
        if kind == "deleted":
            index.delete(entry)
        elif kind == "another key":
            index.put(entry, key[:-1] + bytes([key[-1] ^ 1]), number)
        elif kind == "another record":
            index.put(entry, key, number ^ 2 if isinstance(number, int) else None)
        else:
            index.swap(entry, other)

    damage(tmp_path, f"sqlite_autoindex_{partition}_1", wrong)
    with pytest.raises(IndexWrong, match=partition):
        await open_store()


async def test_a_log_whose_last_rows_are_gone_is_refused(open_store: OpenStore, tmp_path: Path) -> None:
    """The loss is found without views and snapshots, by the sums."""
    store = await open_store()
    await fill(store)
    await store.close()
    with sqlite_at(tmp_path) as connection:
        connection.execute("DELETE FROM events WHERE position = 300")
    with pytest.raises(LogDamaged, match="events had 300 rows, and has 299"):
        await open_store()


async def test_what_was_stored_behind_the_sums_is_looked_at_too(
    open_store: OpenStore, tmp_path: Path
) -> None:
    """As after a crash: the stored sums do not include the newest batches."""
    store = await open_store()
    await fill(store)
    await store.close()
    with sqlite_at(tmp_path) as connection:
        connection.execute("UPDATE sums SET last = 0, sum = 0")
    await (await open_store()).close()
    with sqlite_at(tmp_path) as connection:
        connection.execute("UPDATE sums SET last = 0, sum = 0")
    damage(tmp_path, "events_by_stream", say((60, 5), 60, 5, 299))
    with pytest.raises(IndexWrong):
        await open_store()
