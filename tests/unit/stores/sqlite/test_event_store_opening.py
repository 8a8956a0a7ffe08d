"""A data directory is created, recognised, locked, or refused with one line that says what to do."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from foldlog_server.errors import ReadRefused
from foldlog_server.log.event_store import StreamAppend
from foldlog_server.stores.files.data_directory import (
    CannotOpen,
    DataDirectoryLocked,
    DataDirectoryUnusable,
    FormatTooNew,
    LogDamaged,
    NotALog,
)
from foldlog_server.stores.opening.path_checks import InTheWay
from foldlog_server.stores.sqlite import schema
from foldlog_server.stores.sqlite.connections import in_thread
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from foldlog_server.stores.sqlite.reader import SqliteLogReader
from tests.contract.appends import (
    Clock,
    append,
    event,
    everything,
    new_id,
    part,
    payloads,
    positions,
    request,
    to,
)
from tests.format.log_file import read
from tests.support.former_logs import change, make_format_1
from tests.unit.stores.conftest import OpenStore


def unexpected(error: BaseException) -> None:
    raise AssertionError from error


async def open_at(directory: Path, clock: Clock | None = None) -> SqliteEventStore:
    return await SqliteEventStore.open(
        directory, clock=clock or Clock(), new_id=new_id, on_failure=unexpected
    )


async def refused(directory: Path) -> CannotOpen:
    with pytest.raises(CannotOpen) as refusal:
        await open_at(directory)
    assert "\n" not in str(refusal.value)
    assert str(directory) in str(refusal.value)
    return refusal.value


async def test_a_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    directory = tmp_path / "one" / "two"
    store = await open_at(directory)
    await store.close()

    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {file.name for file in directory.iterdir()} == {"log.db", "lock"}


async def test_a_log_is_the_same_when_it_is_opened_again(open_store: OpenStore) -> None:
    store = await open_store()
    new = request()
    for version in range(5):
        await store.append(to("order-1", version, b"%d" % version))
    await store.append(append(part("order-2", 0, b"5"), request=new))
    before, log_id = await everything(store), store.log_id
    head = store.head
    await store.close()

    again = await open_store()
    assert again.log_id == log_id
    assert UUID(log_id)
    assert again.head == head
    assert await everything(again) == before
    assert await again.find_request(new.key) is not None
    await again.append(to("order-1", 5, b"6"))
    assert payloads(await everything(again))[-1] == b"6"
    assert positions(await everything(again))[-1] == 7


async def test_numbers_of_streams_and_types_go_on_when_a_log_is_opened_again(
    open_store: OpenStore, tmp_path: Path
) -> None:
    for opening in range(3):
        store = await open_store()
        for kind in range(2, -1, -1):
            name = f"foldlog.test.Kind{opening + kind}"
            await store.append(append(StreamAppend(f"order-{opening}-{kind}", 0, (event(b"x", name),))))
        await store.close()

    log = read(tmp_path / "log.db")
    assert [one.stream for one in log.events] == [f"order-{o}-{k}" for o in range(3) for k in (2, 1, 0)]
    assert {one.type for one in log.events} == {f"foldlog.test.Kind{kind}" for kind in range(5)}


async def test_times_do_not_go_back_when_a_log_is_opened_again_with_a_clock_that_does(tmp_path: Path) -> None:
    for now in (2_000_000_000, 1_000_000_000, 3_000_000_000):
        store = await open_at(tmp_path, clock=Clock(now))
        await store.append(to(f"order-{now}", 0, b"x"))
        await store.close()

    times = [one.recorded_ns for one in read(tmp_path / "log.db").events]
    assert times == [2_000_000_000, 2_000_000_000, 3_000_000_000]


async def test_two_logs_have_two_ids(tmp_path: Path) -> None:
    stores = [await open_at(tmp_path / name) for name in ("one", "two")]
    for store in stores:
        await store.close()

    assert stores[0].log_id != stores[1].log_id


async def test_a_directory_has_one_writer(tmp_path: Path) -> None:
    store = await open_at(tmp_path)
    assert type(await refused(tmp_path)) is DataDirectoryLocked
    await store.append(to("order-1", 0, b"x"))
    await store.close()
    await (await open_at(tmp_path)).close()


async def test_a_refused_directory_is_not_left_locked(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"not a database" * 100)
    assert type(await refused(tmp_path)) is NotALog
    assert type(await refused(tmp_path)) is NotALog


async def test_the_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    change(tmp_path, "CREATE TABLE theirs (x)")
    before = (tmp_path / "log.db").read_bytes()

    assert type(await refused(tmp_path)) is NotALog
    assert (tmp_path / "log.db").read_bytes() == before


async def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    await (await open_at(tmp_path)).close()
    change(tmp_path, f"PRAGMA user_version = {schema.FORMAT + 1}")

    refusal = await refused(tmp_path)
    assert isinstance(refusal, FormatTooNew)
    assert (refusal.found, refusal.known) == (schema.FORMAT + 1, schema.FORMAT)
    with pytest.raises(FormatTooNew):
        SqliteLogReader.open(tmp_path)


async def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert type(await refused(tmp_path / "file" / "below")) is DataDirectoryUnusable


async def test_a_database_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.db").mkdir()

    assert type(await refused(tmp_path)) is InTheWay


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE events SET record = zeroblob(length(record)) WHERE position = 4",
        "UPDATE events SET checksum = checksum + 1 WHERE position = 4",
        "UPDATE events SET chain = zeroblob(32) WHERE position = 4",
        "UPDATE events SET record = 'text' WHERE position = 4",
        "DELETE FROM events WHERE position = 4",
    ],
)
async def test_a_damaged_end_is_refused(tmp_path: Path, damage: str) -> None:
    store = await open_at(tmp_path)
    for version in range(6):
        await store.append(to("order-1", version, b"x"))
    await store.close()
    change(tmp_path, damage)

    refusal = await refused(tmp_path)
    assert isinstance(refusal, LogDamaged)
    assert "at position 4," in str(refusal)


async def test_an_end_that_was_swapped_for_another_is_refused(tmp_path: Path) -> None:
    """The checksum fits, but the chain does not."""
    for name, data in (("one", b"x"), ("two", b"y")):
        store = await open_at(tmp_path / name)
        for version in range(3):
            await store.append(to("order-1", version, data))
        await store.close()
    change(
        tmp_path / "one",
        f"ATTACH '{tmp_path / 'two' / 'log.db'}' AS two",
        "DELETE FROM events WHERE position = 2",
        "INSERT INTO events SELECT * FROM two.events WHERE position = 2",
    )

    refusal = await refused(tmp_path / "one")
    assert isinstance(refusal, LogDamaged)
    assert "at position 2," in str(refusal)


async def test_the_writer_syncs_and_readers_cannot_write(store: SqliteEventStore) -> None:
    def number(connection: sqlite3.Connection, pragma: str) -> object:
        return connection.execute(f"PRAGMA {pragma}").fetchone()[0]

    def writer_settings(connection: sqlite3.Connection) -> list[object]:
        return [
            number(connection, pragma) for pragma in ("journal_mode", "synchronous", "wal_autocheckpoint")
        ]

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM events")

    def checkpoint(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    full = 2
    assert await in_thread(store._connection, writer_settings) == ["wal", full, 0]
    for forbidden in (write, checkpoint):
        with pytest.raises(sqlite3.OperationalError):
            await in_thread(store._scanner, forbidden)
        with pytest.raises(sqlite3.OperationalError):
            forbidden(store._reader._connection)


async def test_a_long_log_is_read_across_the_end_of_what_is_in_memory(open_store: OpenStore) -> None:
    store = await open_store()
    for version in range(0, 1500, 100):
        await store.append(to("order-1", version, *[b"x"] * 100))
    head = store.head
    await store.close()

    again = await open_store()  # has the newest thousand in memory
    assert again.head == head
    assert positions(await everything(again)) == list(range(1, 1501))
    assert positions(await again.read_all(from_position=501, backwards=True, limit=3))[0] == 501
    assert positions(await again.read_all(from_position=500, backwards=True, limit=3)) == [500, 499, 498]


async def test_a_log_of_format_1_is_given_the_tables_of_format_2(tmp_path: Path) -> None:
    store = await open_at(tmp_path)
    new = request()
    await store.append(append(part("order-1", 0, b"1"), request=new))
    log_id, before = store.log_id, await everything(store)
    await store.close()
    make_format_1(tmp_path, Clock()())

    store = await open_at(tmp_path)
    assert (store.log_id, await everything(store)) == (log_id, before)
    await store.append(to("order-2", 0, b"2"))
    found = await store.find_request(new.key)
    assert found is not None
    assert found.fingerprint == new.fingerprint
    await store.close()
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT position FROM openings").fetchall() == [(0,), (1,)]
        [(served,)] = connection.execute("SELECT nanoseconds FROM served")
    assert 0 <= served - Clock()() < 3600 * 10**9
    await (await open_at(tmp_path)).close()  # its indexes fit the sums that were made


async def test_each_opening_for_writing_is_recorded_with_the_position_behind_which_it_began(
    tmp_path: Path,
) -> None:
    for count in (2, 0, 1):
        store = await open_at(tmp_path)
        for _ in range(count):
            await store.append(append(part(f"order-{new_id()}", 0, b"1")))
        await store.close()
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        rows = connection.execute("SELECT position, run FROM openings ORDER BY rowid").fetchall()
    assert [position for position, _ in rows] == [0, 2, 2]
    assert len({run for _, run in rows}) == 3
    assert {len(run) for _, run in rows} == {8}


async def test_tokens_outlive_openings_and_do_not_fit_another_log(tmp_path: Path) -> None:
    given: list[str] = []
    for _ in range(3):
        store = await open_at(tmp_path / "one")
        for _ in range(2):
            await store.append(append(part(f"order-{new_id()}", 0, b"1")))
        given.append(store.lineage.token(store.head.position))
        await store.close()
    other, store = await open_at(tmp_path / "other"), await open_at(tmp_path / "one")
    assert [store.lineage.position_of(token, 6) for token in given] == [2, 4, 6]
    assert [store.lineage.token(position) for position in (2, 4, 6)] == given
    for token in given:
        with pytest.raises(ReadRefused):
            other.lineage.position_of(token, 6)
    await store.close()
    await other.close()


async def test_what_format_1_wrote_is_told_from_what_it_wrote_in_another_copy(tmp_path: Path) -> None:
    given: list[tuple[str, SqliteEventStore]] = []
    for name, payload in (("one", b"1"), ("other", b"2")):
        directory = tmp_path / name
        store = await open_at(directory)
        await store.append(append(part("order-1", 0, payload)))
        await store.close()
        change(directory, "UPDATE log SET log_id = '01938f3e-7c5a-7000-8000-3f2a1b0c9d8e'")
        make_format_1(directory, Clock()())
        store = await open_at(directory)
        given.append((store.lineage.token(1), store))
    (token, store), (other_token, other) = given
    assert store.lineage.position_of(token, 1) == other.lineage.position_of(other_token, 1) == 1
    with pytest.raises(ReadRefused):
        store.lineage.position_of(other_token, 1)
    await store.close()
    await other.close()
