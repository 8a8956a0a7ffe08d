"""Whatever happens to the file of a view, open or not, no wrong document is returned, and it recovers."""

import asyncio
import os
import random
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import pytest

from foldlog_server.domain.view import Key
from foldlog_server.stores.files import wal_file
from foldlog_server.stores.views import view_check, view_files, view_seal
from foldlog_server.stores.views.read_model import SqliteReadModel
from foldlog_server.stores.views.view_seal import Trust
from foldlog_server.stores.writer_thread import WriterThread
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import (
    Checkpoint,
    ParkedEvent,
    ReadModelDamaged,
    ReadModelUnavailable,
)
from foldlog_server.views.retry_parked import retry
from tests.support.files import flip_anywhere
from tests.support.list_log import ListLog
from tests.support.order_counts import CUSTOMERS, ORDER_COUNTS, ORDERS, added, cancelled, created, replay
from tests.unit.stores.views.test_read_model import everything, opened, projecting

PLACES = 64
"""In so many files one bit is flipped."""


def a_log(count: int = 150) -> ListLog:
    log = ListLog()
    for number in range(count):
        log.add(f"order-{number:03d}", created(f"c{number % 40}"))
    for number in range(count):
        log.add(f"order-{number:03d}", added(number))
    log.add("order-003", cancelled())
    return log


_LOG = a_log()
EXPECTED = replay(_LOG.events)
LENGTH = len(_LOG.events)


def the_log(length: int = LENGTH) -> ListLog:
    """The log up to a position, for one event loop."""
    log = ListLog()
    log.events, log.chain = _LOG.events[:length], _LOG.chain[: length + 1]
    return log


def place(position: int) -> Checkpoint:
    return Checkpoint(position, _LOG.chain[position])


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a view that was closed."""
    directory = tmp_path_factory.mktemp("left")

    async def make() -> None:
        async with projecting(directory, the_log()):
            pass

    asyncio.run(make())
    return directory


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a view whose writer was killed: part of its write-ahead log is in the database."""
    directory, copy = tmp_path_factory.mktemp("alive"), tmp_path_factory.mktemp("killed") / "views"

    async def make() -> None:
        async with projecting(directory, the_log(150)):
            pass
        log = the_log(250)
        async with projecting(directory, log, batch_events=10) as projector:
            model: Any = projector.read_model
            # A reader keeps the write-ahead log from being started again, as a scan under load does.
            reader = sqlite3.connect(f"file:{database_in(directory)}?mode=ro", uri=True, isolation_level=None)
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM checkpoint").fetchall()
            await model._thread.do(model._writer._seal)
            for number in range(250, LENGTH, 10):
                log.events, log.chain = _LOG.events[: number + 10], _LOG.chain[: number + 11]
                log._grown.set()
                assert await projector.wait_for(log.head.position, 30)
            shutil.copytree(directory, copy)
            reader.close()

    asyncio.run(make())
    wal = wal_file.wal_of(database_in(copy))
    seal = view_seal._read(view_seal.seal_of(database_in(copy)))
    assert seal is not None
    assert 0 < seal.frames < wal_file.frames_of(wal)
    return copy


def database_in(directory: Path) -> Path:
    (file,) = directory.glob("*.db")
    return file


async def check_right_in_the_end(directory: Path) -> None:
    async with projecting(directory, the_log()) as projector:
        assert await everything(projector.read_model) == EXPECTED
    async with opened(directory, ORDER_COUNTS, the_log()) as model:
        assert model.position == LENGTH  # the rebuilt file is used again


@pytest.mark.parametrize("seed", range(PLACES))
async def test_a_bit_that_was_flipped_while_nobody_had_it_open(left: Path, tmp_path: Path, seed: int) -> None:
    shutil.copytree(left, tmp_path / "views")
    flip_anywhere(database_in(tmp_path / "views"), random.Random(seed))
    await check_right_in_the_end(tmp_path / "views")


@pytest.mark.parametrize("suffix", ["", "-wal", view_seal.SUFFIX])
@pytest.mark.parametrize("seed", range(PLACES // 4))
async def test_a_bit_that_was_flipped_after_its_writer_was_killed(
    killed: Path, tmp_path: Path, seed: int, suffix: str
) -> None:
    shutil.copytree(killed, tmp_path / "views")
    file = database_in(tmp_path / "views")
    flip_anywhere(file.with_name(file.name + suffix), random.Random(seed))
    await check_right_in_the_end(tmp_path / "views")


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("suffix", ["", "-wal", view_seal.SUFFIX])
@pytest.mark.parametrize("state", ["left", "killed"])
async def test_what_was_cut_while_nobody_had_it_open(
    left: Path, killed: Path, tmp_path: Path, state: str, suffix: str, share: float
) -> None:
    shutil.copytree(left if state == "left" else killed, tmp_path / "views")
    file = database_in(tmp_path / "views")
    cut = file.with_name(file.name + suffix)
    if cut.exists():
        os.truncate(cut, int(cut.stat().st_size * share))
    await check_right_in_the_end(tmp_path / "views")


async def test_what_was_left_whole_is_gone_on_with(left: Path, killed: Path, tmp_path: Path) -> None:
    for number, directory in enumerate((left, killed)):
        there = tmp_path / str(number)
        shutil.copytree(directory, there)
        async with opened(there, ORDER_COUNTS, the_log()) as model:
            assert model.position == LENGTH
            assert await everything(model) == EXPECTED


# While the file is open


@asynccontextmanager
async def open_view(left: Path, tmp_path: Path, **options: Any) -> AsyncIterator[SqliteReadModel]:
    shutil.copytree(left, tmp_path / "views")
    choice = await view_files.choose(ORDER_COUNTS, tmp_path / "views", the_log())
    model = await SqliteReadModel.open(choice.serving, ORDER_COUNTS, WriterThread(), **options)
    try:
        yield model
    finally:
        await model.close()


async def answers(model: SqliteReadModel) -> Mapping[Key, bytes]:
    """Every answer of the read model, except those that it refuses for damage."""
    found: dict[Key, bytes] = {}
    for key in EXPECTED:
        with suppress(ReadModelDamaged):
            document = model.get(key).document
            if document is not None:
                found[key] = document
            found |= model.load([key])
    for collection in ORDER_COUNTS.collections:
        with suppress(ReadModelDamaged):
            for row in (await model.page(collection, limit=1000)).rows:
                assert (row.made, row.document) == EXPECTED[Key(collection, row.id)]
        with suppress(ReadModelDamaged):
            ids = [id for its, id in EXPECTED if its == collection]
            for id, document in (await model.matching(collection, ids)).documents.items():
                assert document == EXPECTED[Key(collection, id)][1]
    return found


@pytest.mark.parametrize("seed", range(PLACES))
async def test_a_bit_that_is_flipped_while_it_is_open_is_noticed_before_anything_is_answered(
    left: Path, tmp_path: Path, seed: int
) -> None:
    async with open_view(left, tmp_path) as model:
        flip_anywhere(database_in(tmp_path / "views"), random.Random(seed))
        assert await answers(model) == {}
        with pytest.raises(ReadModelDamaged, match="was written by another program"):
            model.check()
    await check_right_in_the_end(tmp_path / "views")


@pytest.mark.parametrize("seed", range(PLACES))
async def test_a_bit_that_a_disk_lost_gives_no_document_that_there_never_was(
    left: Path, tmp_path: Path, seed: int
) -> None:
    async with open_view(left, tmp_path) as model:
        flip_anywhere(database_in(tmp_path / "views"), random.Random(seed), keep_time=True)
        given = await answers(model)
        assert all(EXPECTED[key][1] == document for key, document in given.items())


def remove(file: Path) -> None:
    file.unlink()


def remove_all(file: Path) -> None:
    shutil.rmtree(file.parent)


def cut_to_nothing(file: Path) -> None:
    os.truncate(file, 0)


def cut_to_half(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def replace(file: Path) -> None:
    other = file.with_name("other")
    shutil.copyfile(file, other)
    other.replace(file)


def write_nothing_new(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"DELETE FROM \"documents of {ORDERS}\" WHERE id = '001'")


def remove_wal(file: Path) -> None:
    file.with_name(f"{file.name}-wal").unlink()


def remove_shm(file: Path) -> None:
    file.with_name(f"{file.name}-shm").unlink()


@pytest.mark.parametrize(
    "befall",
    [remove, remove_all, cut_to_nothing, cut_to_half, replace, write_nothing_new, remove_wal, remove_shm],
)
async def test_what_befalls_an_open_file_is_noticed(
    left: Path, tmp_path: Path, befall: Callable[[Path], None]
) -> None:
    async with open_view(left, tmp_path) as model:
        model.check()
        befall(database_in(tmp_path / "views"))
        with pytest.raises(ReadModelDamaged):
            model.check()
        with pytest.raises(ReadModelDamaged):
            model.get(Key(ORDERS, "001"))
        with pytest.raises(ReadModelDamaged):
            await model.page(CUSTOMERS, limit=1)
        with pytest.raises(ReadModelDamaged):
            await model.write([], model.position, place(model.position))
    await check_right_in_the_end(tmp_path / "views")


async def test_files_that_are_elsewhere_with_the_whole_directory_are_good(left: Path, tmp_path: Path) -> None:
    async with open_view(left, tmp_path, is_detached=lambda: True) as model:
        (tmp_path / "views").rename(tmp_path / "elsewhere")
        model.check()
        assert await everything(model) == EXPECTED
        await model.write([], model.position, place(model.position))
        assert (await model.page(ORDERS, limit=1)).rows
        flip_anywhere(database_in(tmp_path / "elsewhere"), random.Random(1))
        model.check()


async def test_a_write_of_its_own_is_no_damage(tmp_path: Path) -> None:
    async with projecting(tmp_path, the_log(), batch_events=3) as projector:
        projector.read_model.check()
        assert await everything(projector.read_model) == EXPECTED


async def test_a_damaged_file_is_not_sealed_when_it_is_closed(left: Path, tmp_path: Path) -> None:
    async with open_view(left, tmp_path) as model:
        file = database_in(tmp_path / "views")
        flip_anywhere(file, random.Random(7))
        with pytest.raises(ReadModelDamaged):
            model.check()
    assert view_seal.judge(file) is Trust.BROKEN


async def test_nor_when_nobody_has_looked_before(left: Path, tmp_path: Path) -> None:
    async with open_view(left, tmp_path):
        file = database_in(tmp_path / "views")
        flip_anywhere(file, random.Random(7))
    assert view_seal.judge(file) is Trust.BROKEN


async def test_a_file_that_is_read_only_answers_and_asks_for_another(left: Path, tmp_path: Path) -> None:
    shutil.copytree(left, tmp_path / "views")
    file = database_in(tmp_path / "views")
    file.chmod(0o400)
    if os.access(file, os.W_OK):
        pytest.skip("this user may write a file whatever its mode is")
    choice = await view_files.choose(ORDER_COUNTS, tmp_path / "views", the_log())
    model = await SqliteReadModel.open(choice.serving, ORDER_COUNTS, WriterThread())
    try:
        with pytest.raises(ReadModelUnavailable, match="read-only") as unavailable:
            await model.write([], model.position, place(model.position))
        assert unavailable.value.needs_another
        model.check()
        assert await everything(model) == EXPECTED
    finally:
        await model.close()


# What the check of the whole file finds


def spoilt(file: Path, statement: str) -> str:
    """The damage that is found in a file in which SQLite finds none."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(statement)
    return view_check.damage_of(file, view_files.tables_of(ORDER_COUNTS))


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        (f"UPDATE \"documents of {ORDERS}\" SET document = zeroblob(4) WHERE id = '001'", "a document"),
        (f"UPDATE \"documents of {ORDERS}\" SET document = NULL WHERE id = '001'", "NULL"),
        (f"UPDATE \"documents of {ORDERS}\" SET document = 'text' WHERE id = '001'", "a document"),
        (f"UPDATE \"documents of {ORDERS}\" SET id = 'other' WHERE id = '001'", "a document|the place"),
        (f"UPDATE \"documents of {ORDERS}\" SET made = made + 1 WHERE id = '001'", "the place"),
        ("UPDATE checkpoint SET position = position - 1", "its own description"),
        ("DELETE FROM checkpoint", "its own description"),
        ("INSERT INTO parked VALUES ('a', 'b', 1, 'why', 7)", "a parked event"),
        (
            "UPDATE sqlite_schema SET sql = replace(sql, ' (made)', ' (id)') WHERE name LIKE '% by made'",
            "its tables",
        ),
    ],
)
async def test_what_contradicts_its_checksum_is_found(
    left: Path, tmp_path: Path, statement: str, what: str
) -> None:
    shutil.copytree(left, tmp_path / "views")
    file = database_in(tmp_path / "views")
    assert view_check.damage_of(file, view_files.tables_of(ORDER_COUNTS)) == ""
    if "NULL" in what:
        with pytest.raises(sqlite3.IntegrityError):
            spoilt(file, statement)
        return
    assert any(part in spoilt(file, statement) for part in what.split("|"))


async def test_a_parked_event_that_is_gone_is_found(tmp_path: Path) -> None:
    async with projecting(tmp_path, the_log()) as projector:
        here = place(projector.position)
        parked = [ParkedEvent(Key(ORDERS, "001"), 3, "why"), ParkedEvent(Key(ORDERS, "001"), 4)]
        await projector.read_model.write([], here.position, here, parked)
    file = database_in(tmp_path)
    assert view_check.damage_of(file, view_files.tables_of(ORDER_COUNTS)) == ""
    assert "1 events are parked in it, and 2 were" in spoilt(file, "DELETE FROM parked WHERE position = 3")


async def test_what_is_parked_is_checked_when_it_is_tried_again(tmp_path: Path) -> None:
    async with projecting(tmp_path, the_log()) as projector:
        model: Any = projector.read_model
        here, key = place(projector.position), Key(ORDERS, "001")
        await model.write([], here.position, here, [ParkedEvent(key, 3, "why")])
        await model._thread.do(lambda: damaged_by_itself(model))
        with pytest.raises(ReadModelDamaged, match="a parked event"):
            await retry(Projector(ORDER_COUNTS, model), the_log(), key)


def damaged_by_itself(model: Any) -> None:
    with model._writer.writing() as writer:
        writer.execute("UPDATE parked SET error = 'other'")
