"""Files that are removed, moved, replaced or opened twice are detected before anything is acknowledged."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from foldlog_server.errors import LogDetached, StoreUnavailable
from foldlog_server.stores.files.data_directory import CannotOpen, DataDirectoryLocked, LogLinked
from foldlog_server.stores.sqlite import event_store as engine
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from foldlog_server.stores.sqlite.reader import SqliteLogReader
from tests.contract.appends import Clock, append, everything, new_id, outcome, part, payloads, request, to


def unexpected(error: BaseException) -> None:
    raise AssertionError from error


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


async def opened(directory: Path) -> SqliteEventStore:
    return await SqliteEventStore.open(directory, clock=Clock(), new_id=new_id, on_failure=unexpected)


async def closed(store: SqliteEventStore) -> None:
    """Close what a detached store keeps open until its process ends."""
    await store.close()
    store._reader.close()


def move(data: Path) -> None:
    data.rename(data.with_name("elsewhere"))


def remove_log(data: Path) -> None:
    for file in data.glob("log.db*"):
        file.unlink()


def link_to(file: Path, directory: Path) -> None:
    directory.mkdir()
    (directory / file.name).symlink_to(file)


def replace_log(data: Path) -> None:
    shutil.copy(data / "log.db", data / "copy")
    (data / "copy").replace(data / "log.db")


def replace_wal(data: Path) -> None:
    (data / "copy").write_bytes((data / "log.db-wal").read_bytes())
    (data / "copy").replace(data / "log.db-wal")


def replace_by_link(file: Path) -> None:
    elsewhere = file.with_name("elsewhere")
    file.rename(elsewhere)
    file.symlink_to(elsewhere)


CHANGES: dict[str, Callable[[Path], object]] = {
    "log.db and what is beside it removed": remove_log,
    "log.db removed": lambda data: (data / "log.db").unlink(),
    "log.db replaced": replace_log,
    "log.db-wal removed": lambda data: (data / "log.db-wal").unlink(),
    "log.db-wal replaced": replace_wal,
    "log.db-wal replaced by a link to it": lambda data: replace_by_link(data / "log.db-wal"),
    "log.db-shm replaced by a link to it": lambda data: replace_by_link(data / "log.db-shm"),
    "log.db given a second name": lambda data: (data / "name.db").hardlink_to(data / "log.db"),
    "log.db-shm removed": lambda data: (data / "log.db-shm").unlink(),
    "lock removed": lambda data: (data / "lock").unlink(),
    "the directory moved": move,
    "the directory removed": shutil.rmtree,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
async def test_what_is_written_after_a_change_is_not_acknowledged_and_then_all_is_refused(
    data: Path, change: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    store = await opened(data)
    calls: list[str] = []
    store.when_refusing(lambda: calls.append("detached"))
    new = request()
    await store.append(append(part("order-1", 0, b"1"), request=new))

    change(data)
    assert isinstance(await outcome(store.append(to("order-1", 1, b"2"))), StoreUnavailable)
    assert isinstance(store.refusal, LogDetached)
    assert calls == ["detached"]
    assert isinstance(await outcome(store.append(to("order-1", 2, b"3"))), LogDetached)
    assert isinstance(await outcome(store.append(append())), LogDetached)
    [line] = [one.getMessage() for one in caplog.records if "no longer where" in one.getMessage()]
    assert str(data) in line
    assert "can still read all 2 events" in line

    # Reads still work.
    assert payloads(await everything(store)) == [b"1", b"2"]
    assert payloads(await store.read_stream("order-1")) == [b"1", b"2"]
    store.when_refusing(lambda: calls.append("at once"))
    assert calls == ["detached", "at once"]
    await closed(store)


async def test_what_gathered_behind_a_change_is_refused_without_being_stored(data: Path) -> None:
    store = await opened(data)
    await store.append(to("order-1", 0, b"1"))
    remove_log(data)
    first = store.append(to("order-1", 1, b"2"))
    await asyncio.sleep(0)  # its batch is on its way
    await asyncio.sleep(0)
    rest = [store.append(to("order-1", 2, b"3")), store.append(to("order-2", 0, b"4"))]
    assert isinstance(await outcome(first), StoreUnavailable)
    assert {type(await outcome(one)) for one in rest} <= {LogDetached, StoreUnavailable}
    assert isinstance(await outcome(rest[-1]), LogDetached | StoreUnavailable)
    await closed(store)


async def test_a_change_is_noticed_while_nothing_is_stored(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "IDLE_SECONDS", 0.01)
    store = await opened(data)
    detached = asyncio.Event()
    store.when_refusing(detached.set)
    await asyncio.sleep(0.05)
    assert not detached.is_set()
    (data / "lock").unlink()
    await asyncio.wait_for(detached.wait(), 30)
    await closed(store)


async def test_a_write_ahead_log_without_a_name_is_brought_into_the_database(data: Path) -> None:
    store = await opened(data)
    for version in range(20):
        await store.append(to("order-1", version, b"%d" % version))
    (data / "log.db-wal").unlink()
    assert isinstance(await outcome(store.append(to("order-1", 20, b"20"))), StoreUnavailable)
    assert store._saving is not None
    await store._saving
    shutil.copytree(data, data.with_name("after a kill"), ignore=lambda *_: ["log.db-wal", "log.db-shm"])
    with SqliteLogReader.open(data.with_name("after a kill")) as reader:
        assert reader.head.position == 21
    await closed(store)


async def test_what_lies_at_the_former_paths_is_not_touched_when_a_detached_store_closes(
    data: Path,
) -> None:
    store = await opened(data)
    await store.append(to("order-1", 0, b"1"))
    move(data)
    another = await opened(data)
    await another.append(to("order-1", 0, b"another"))
    assert isinstance(await outcome(store.append(to("order-1", 1, b"2"))), StoreUnavailable)
    await store.close()
    assert (data / "log.db-wal").stat().st_size > 0
    await another.append(to("order-1", 1, b"another"))
    assert another.refusal is None
    await another.close()
    store._reader.close()
    async with asyncio.timeout(30):
        again = await opened(data)
    assert payloads(await everything(again)) == [b"another", b"another"]
    await again.close()


async def test_nothing_is_opened_or_closed_of_a_log_that_is_open(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing any descriptor of the file would drop SQLite's locks, and another process would remove the WAL."""
    store = await opened(data)
    await store.append(to("order-1", 0, b"1"))
    visitor = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
        "print(c.execute('SELECT count(*) FROM events').fetchone()[0]); c.close()"
    )
    for count in range(1, 4):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", visitor, str(data / "log.db"), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert int(output) == count
        assert (data / "log.db-wal").exists()
        await store.append(to("order-1", count, b"1"))
        store._files.check()
    await store.close()
    assert not (data / "log.db-wal").exists()


# A second opener


async def refusal_of(directory: Path) -> CannotOpen:
    with pytest.raises(CannotOpen) as refused:
        await opened(directory)
    return refused.value


async def test_a_second_opener_is_refused_also_when_the_lock_was_removed(data: Path) -> None:
    store = await opened(data)
    assert isinstance(await refusal_of(data), DataDirectoryLocked)
    (data / "lock").unlink()
    assert isinstance(await refusal_of(data), DataDirectoryLocked)
    await closed(store)


async def test_a_log_that_is_reached_by_a_symbolic_link_is_opened_once(data: Path, tmp_path: Path) -> None:
    store = await opened(data)
    await store.append(to("order-1", 0, b"1"))
    other = tmp_path / "other"
    link_to(data / "log.db", other)
    assert isinstance(await refusal_of(other), DataDirectoryLocked)
    await store.close()

    linked = await opened(other)
    await linked.append(to("order-1", 1, b"2"))
    assert linked.refusal is None
    assert isinstance(await refusal_of(data), DataDirectoryLocked)
    await linked.close()


async def test_a_log_with_a_second_name_is_refused(data: Path, tmp_path: Path) -> None:
    await (await opened(data)).close()
    (tmp_path / "name").hardlink_to(data / "log.db")
    refusal = await refusal_of(data)
    assert isinstance(refusal, LogLinked)
    assert str(data / "log.db") in str(refusal)
    (tmp_path / "name").unlink()
    await (await opened(data)).close()


def write_something_else(data: Path) -> None:
    data.mkdir()
    (data / "log.db").write_text("no log" * 1000)


async def test_the_locks_are_let_go_when_the_log_cannot_be_opened(data: Path) -> None:
    write_something_else(data)
    for _ in range(2):
        assert not isinstance(await refusal_of(data), DataDirectoryLocked)
    (data / "log.db").unlink()
    await (await opened(data)).close()


@pytest.mark.parametrize("change", [remove_log, move, replace_log])
async def test_files_that_go_while_they_are_written_are_told_as_gone_and_not_as_a_failure(
    data: Path, change: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await opened(data)
    await store.append(append(part("order-1", 0, b"1")))
    checkpoint = store._writer.checkpoint

    def while_it_is_written() -> None:
        checkpoint()
        change(data)

    monkeypatch.setattr(store._writer, "checkpoint", while_it_is_written)
    await store._copy_into_database()  # `unexpected` is not called
    assert isinstance(await outcome(store.append(to("order-1", 1, b"2"))), StoreUnavailable)
    assert isinstance(store.refusal, LogDetached)
    await closed(store)


async def test_what_the_log_itself_writes_is_no_change(data: Path) -> None:
    store = await opened(data)
    for version in range(20):
        await store.append(to("order-1", version, b"1" * 10_000))
        await store._copy_into_database()
        store._files.check()
    assert store.refusal is None
    await store.close()
