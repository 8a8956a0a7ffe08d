"""A loss is detected before a log is opened, and nothing that is left of it is overwritten."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from foldlog_server.domains.shop import SHOP
from foldlog_server.operations import check_history, findings
from foldlog_server.operations.backup import Backup
from foldlog_server.operations.export import export
from foldlog_server.operations.history import Findings, Kind
from foldlog_server.operations.refused import Refused
from foldlog_server.operations.verify import verify
from foldlog_server.stores.files import wal_file
from foldlog_server.stores.files.data_directory import CannotOpen, NoLog
from foldlog_server.stores.opening import loss
from foldlog_server.stores.opening.loss import LogHasLost, LogMissing, LossNotAccepted, mark_of
from foldlog_server.stores.sqlite import event_store as engine
from foldlog_server.stores.sqlite import snapshots
from foldlog_server.stores.sqlite.reader import SqliteLogReader
from tests.contract.appends import Clock, new_id
from tests.support.files import flip
from tests.support.orders import create
from tests.support.server import Server, serving, until

FRAME = 24 + 4096
REQUEST_ID = "0197a5c0-0000-7000-8000-000000001001"


async def fill(server: Server, count: int, first: int = 0) -> None:
    """Run commands, one commit each, and wait until all views have stored them."""
    for number in range(first, first + count):
        await server.send(create(f"o{number}"))
    head = (await server.head()).position
    stored = [projector.read_model for projector in server.app.parts.projectors.all]
    await until(lambda: sum(one.stored == head for one in stored) >= 3)


@pytest.fixture
async def killed(tmp_path: Path) -> Path:
    """The directory of a killed server: 60 events, most of them only in the write-ahead log."""
    async with serving(tmp_path / "served") as server:
        await fill(server, 60)
        copy(tmp_path / "served", tmp_path / "killed")
    return tmp_path / "killed"


@pytest.fixture
async def stopped(tmp_path: Path) -> Path:
    """The directory of a server that was stopped properly."""
    async with serving(tmp_path / "served") as server:
        await fill(server, 60)
    return tmp_path / "served"


def copy(source: Path, target: Path) -> Path:
    return Path(shutil.copytree(source, target, ignore=shutil.ignore_patterns("*-shm", "lock")))


def contents(data: Path) -> dict[str, bytes]:
    """The files that must not change: the log, the views and the snapshots."""
    files = [*data.glob("log.db*"), *data.glob("views/*.db"), *data.glob("snapshots.db")]
    return {str(file.relative_to(data)): file.read_bytes() for file in files if "-shm" not in file.name}


async def refusal_of(data: Path) -> CannotOpen:
    before = contents(data)
    with pytest.raises(CannotOpen) as refused:
        async with serving(data):
            pass
    after = contents(data)
    assert {name: after[name] for name in before} == before
    assert all(not after[name] for name in set(after) - set(before))
    assert "\n" not in str(refused.value)
    return refused.value


async def check_that_commands_tell(data: Path) -> None:
    """`verify` and `check-history` say what a server would refuse, `backup` and `export` make no copy of it,
    and nothing is changed."""
    before = all_of(data)
    verified, history = findings.Findings(), Findings()
    async for _ in verify(data, SHOP, verified, full=False):
        pass
    assert all_of(data) == before
    [lost] = [one.what for one in verified.damages if one.what.startswith("it ends at ")]
    written: list[str] = []
    for command in (
        Backup(data.parent / "backup").of_directory(data),
        export(data, data.parent / "log.jsonl", written.append),
    ):
        with pytest.raises(Refused) as refused:
            async for _ in command:
                pass
        assert str(refused.value) == f"{data / 'log.db'} is incomplete: {lost}"
    assert all_of(data) == before
    assert not written
    assert not (data.parent / "backup").exists()
    async for _ in check_history.check(data, SHOP, history):
        pass
    [problem] = [one for one in history.problems if one.kind is Kind.LOG]
    assert problem.error == lost
    head = head_of(data)
    assert lost.startswith(f"it ends at {head}, and has lost what was stored: ")
    assert lost.endswith(f"foldlog accept-loss {data} --head {head}")


def all_of(data: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in data.rglob("*") if file.is_file()}


def head_of(data: Path) -> str:
    with SqliteLogReader.open(data) as reader:
        return mark_of(reader.head)


def cut(file: Path, size: int) -> None:
    file.write_bytes(file.read_bytes()[:size])


def wal(data: Path) -> Path:
    return data / "log.db-wal"


# Losses that are detected


async def test_after_a_kill_everything_is_there(killed: Path) -> None:
    assert wal_file.state_of(wal(killed)).behind_damage == 0
    async with serving(killed) as server:
        assert (await server.head()).position == 60


LOSSES: dict[str, Callable[[Path], object]] = {
    "removed": lambda data: wal(data).unlink(),
    "emptied": lambda data: wal(data).write_bytes(b""),
    "cut in the middle": lambda data: cut(wal(data), wal(data).stat().st_size // 2),
    "cut by one frame": lambda data: cut(wal(data), wal(data).stat().st_size - FRAME),
    "a bit of its header flipped": lambda data: flip(wal(data), 17),
    "a bit of the first page flipped": lambda data: flip(wal(data), 32 + 24 + 99),
    "a bit in the middle flipped": lambda data: flip(wal(data), wal(data).stat().st_size // 2),
    "a bit of the last page flipped": lambda data: flip(wal(data), wal(data).stat().st_size - 9),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=list(LOSSES))
async def test_a_write_ahead_log_that_has_less_than_was_seen_is_noticed(
    killed: Path, lose: Callable[[Path], object]
) -> None:
    lose(killed)
    await check_that_commands_tell(killed)
    refusal = await refusal_of(killed)
    assert isinstance(refusal, LogHasLost)
    text = str(refusal)
    assert refusal.head.position < 60
    assert "up to position 60" in text
    assert f"foldlog accept-loss {killed} --head {mark_of(refusal.head)}" in text
    aside = killed / f"lost-{mark_of(refusal.head).replace(':', '-')}"
    assert str(aside) in text
    assert (aside / "log.db").read_bytes() == (killed / "log.db").read_bytes()


async def test_what_is_put_back_and_still_damaged_is_copied_aside_too(killed: Path) -> None:
    whole = wal(killed).read_bytes()
    cut(wal(killed), 0)
    first = await refusal_of(killed)
    wal(killed).write_bytes(whole)
    flip(wal(killed), 20)
    second, again = await refusal_of(killed), await refusal_of(killed)
    assert str(second) == str(again)
    assert isinstance(first, LogHasLost)
    assert isinstance(second, LogHasLost)
    assert first.head == second.head
    aside = killed / f"lost-{mark_of(second.head).replace(':', '-')}-2"
    assert str(aside) in str(second)
    assert (aside / "log.db-wal").read_bytes() == wal(killed).read_bytes()
    loss.accept(killed, mark_of(second.head), new_id, 7)
    assert len((aside / "log.db-wal").read_bytes()) == len(whole)


async def test_whole_transactions_behind_damage_are_counted_and_need_no_witness(killed: Path) -> None:
    shutil.rmtree(killed / "views")
    (killed / "snapshots.db").unlink()
    before = wal_file.state_of(wal(killed))
    flip(wal(killed), wal(killed).stat().st_size // 2)
    state = wal_file.state_of(wal(killed))
    assert state.behind_damage > 10
    assert state.transactions + state.behind_damage == before.transactions - 1
    refusal = await refusal_of(killed)
    assert f"{state.behind_damage} whole transactions lie behind damage in log.db-wal" in str(refusal)


async def test_a_commit_that_was_not_written_to_its_end_is_no_loss(killed: Path) -> None:
    async with serving(copy(killed, killed.with_name("longer"))) as server:
        await server.send(create("more"))
        longer = wal(server.data).read_bytes()
    for size in (1, 24, FRAME - 1, FRAME, FRAME + 7):
        data = copy(killed, killed.with_name(f"torn {size}"))
        shorter = wal(data).read_bytes()
        wal(data).write_bytes(shorter + longer[len(shorter) : len(shorter) + size])
        async with serving(data) as server:
            assert (await server.head()).position == 60


async def test_an_older_copy_of_the_log_is_noticed(stopped: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    shutil.copy(stopped / "log.db", kept)
    async with serving(stopped) as server:
        await fill(server, 5, first=100)
    shutil.copy(kept, stopped / "log.db")
    await check_that_commands_tell(stopped)
    refusal = await refusal_of(stopped)
    assert isinstance(refusal, LogHasLost)
    assert "ends at 60:" in str(refusal)
    assert "up to position 65" in str(refusal)
    assert "an older copy of log.db was put back" in str(refusal)


async def test_another_history_of_the_same_log_is_noticed(stopped: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    shutil.copy(stopped / "log.db", kept)
    async with serving(stopped) as server:
        await fill(server, 5, first=100)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(kept, other / "log.db")
    async with serving(other) as server:
        await fill(server, 9, first=200)
    shutil.copy(other / "log.db", stopped / "log.db")
    refusal = await refusal_of(stopped)
    assert isinstance(refusal, LogHasLost)
    assert "ends at 69:" in str(refusal)
    assert "perhaps only they come from another copy" in str(refusal)


@pytest.mark.parametrize("lose", [lambda log: log.unlink(), lambda log: cut(log, 0)])
async def test_a_log_that_is_gone_is_not_begun_anew(stopped: Path, lose: Callable[[Path], object]) -> None:
    lose(stopped / "log.db")
    refusal = await refusal_of(stopped)
    assert isinstance(refusal, LogMissing)
    assert "up to position 60" in str(refusal)


async def test_snapshots_alone_are_a_witness(stopped: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(stopped / "snapshots.db", isolation_level=None)) as connection:
        crc = snapshots.checksum("order-o1", "kind", 1, 61, 1, "id", b"{}")
        row = ("order-o1", "kind", 1, 61, 1, "id", crc, b"{}")
        connection.execute("INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    shutil.rmtree(stopped / "views")
    refusal = await refusal_of(stopped)
    assert "snapshots.db has seen it up to position 61" in str(refusal)


async def test_views_of_another_log_are_no_witness(stopped: Path, tmp_path: Path) -> None:
    async with serving(tmp_path / "other") as server:
        await fill(server, 3)
    shutil.copy(tmp_path / "other" / "log.db", stopped / "log.db")
    async with serving(stopped) as server:
        assert (await server.head()).position == 3


# Accepting a loss


async def test_a_loss_is_accepted_for_the_end_that_was_named_and_makes_another_log(killed: Path) -> None:
    with SqliteLogReader.open(killed) as reader:
        former = reader.log_id
    flip(wal(killed), wal(killed).stat().st_size // 2)
    refusal: Any = await refusal_of(killed)
    end = mark_of(refusal.head)
    for wrong in ("1:00", f"{refusal.head.position}:0011223344556677", "", "60"):
        with pytest.raises(LossNotAccepted):
            loss.accept(killed, wrong, new_id, 7)
    log_id = loss.accept(killed, end, new_id, 7)

    with closing(sqlite3.connect(killed / "log.db")) as connection:
        rows = connection.execute("SELECT * FROM ancestors").fetchall()
    assert rows == [(former, refusal.head.position, refusal.head.chain_hash, 7, "accept-loss")]
    async with serving(killed) as server:
        assert (await server.head()).log_id == log_id != former
        assert (await server.head()).position == refusal.head.position
        await fill(server, 3, first=200)
    with pytest.raises(LossNotAccepted):
        loss.accept(killed, end, new_id, 7)


async def test_nothing_lost_is_nothing_to_accept(stopped: Path) -> None:
    with pytest.raises(LossNotAccepted):
        loss.accept(stopped, head_of(stopped), new_id, 7)


@pytest.mark.parametrize("is_left", [False, True], ids=["missing", "0 bytes"])
@pytest.mark.parametrize("has_witnesses", [False, True], ids=["without views", "with views"])
async def test_nothing_is_accepted_and_nothing_made_where_a_server_finds_no_log(
    killed: Path, is_left: bool, has_witnesses: bool
) -> None:
    (killed / "log.db").unlink()
    if is_left:
        (killed / "log.db").touch()
    if not has_witnesses:
        shutil.rmtree(killed / "views")
        (killed / "snapshots.db").unlink()
    before = contents(killed)
    with pytest.raises(CannotOpen) as not_accepted:
        loss.accept(killed, "60:0011223344556677", new_id, 7)
    assert not isinstance(not_accepted.value, LossNotAccepted)
    assert contents(killed) == before
    assert str(not_accepted.value) == str(await refusal_of(killed))


def test_where_there_is_nothing_there_is_nothing_to_accept(tmp_path: Path) -> None:
    with pytest.raises(NoLog):
        loss.accept(tmp_path, "60:0011223344556677", new_id, 7)
    assert not list(tmp_path.iterdir())


# What can be read is durable


def test_every_byte_of_a_write_ahead_log_is_written_anew_and_synced(
    killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, int]] = []
    write, sync = os.pwrite, os.fsync

    def note_write(file: int, data: bytes, at: int) -> int:
        done.append(("write", len(data)))
        return write(file, data, at)

    def note_sync(file: int) -> None:
        done.append(("sync", file))
        sync(file)

    monkeypatch.setattr(os, "pwrite", note_write)
    monkeypatch.setattr(os, "fsync", note_sync)
    before = wal(killed).read_bytes()
    wal_file.make_durable(wal(killed))
    assert wal(killed).read_bytes() == before
    kinds = [kind for kind, _ in done]
    assert kinds == ["write"] * kinds.count("write") + ["sync", "sync"]
    assert sum(size for kind, size in done if kind == "write") == len(before)


async def test_it_is_made_durable_before_anything_is_read(
    killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    durable, opened = wal_file.make_durable, SqliteLogReader.open

    def note_durable(wal: Path) -> None:
        order.append("durable")
        durable(wal)

    def note_opened(directory: Path) -> SqliteLogReader:
        order.append("opened")
        return opened(directory)

    monkeypatch.setattr(wal_file, "make_durable", note_durable)
    monkeypatch.setattr(SqliteLogReader, "open", note_opened)
    store = await engine.SqliteEventStore.open(
        killed, clock=Clock(), new_id=new_id, on_failure=lambda error: None
    )
    await store.close()
    assert order[0] == "durable"
    assert "opened" in order
