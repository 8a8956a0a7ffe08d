"""The right file of a view answers, the right one is built further, and the others are deleted."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from foldlog_server.domain.view import AnyView
from foldlog_server.stores.causes import Cause, cause_of
from foldlog_server.stores.views import view_files, view_seal
from foldlog_server.stores.views.read_model import SqliteReadModel
from foldlog_server.stores.views.view_files import Choice, ViewFile, choose
from foldlog_server.stores.writer_thread import WriterThread
from foldlog_server.views.definition import generation
from foldlog_server.views.read_model import Checkpoint
from tests.support import limits
from tests.support.list_log import ListLog
from tests.support.order_counts import CUSTOMERS, ORDER_COUNTS, ORDERS, created

CURRENT = generation(ORDER_COUNTS)
FORMER = replace(ORDER_COUNTS, revision=0)
NARROWER = replace(ORDER_COUNTS, collections={ORDERS: ORDER_COUNTS.collections[ORDERS]})


async def a_file(
    directory: Path,
    log: ListLog,
    position: int,
    *,
    number: int = 1,
    view: AnyView = ORDER_COUNTS,
    is_complete: bool = True,
) -> ViewFile:
    """A file that has seen the log up to a position."""
    file = view_files.file_of(directory, view.name, generation(view), number)
    view_files.make(file.path, view, log.log_id, is_complete=is_complete)
    model = await SqliteReadModel.open(file, view, WriterThread())
    await model.write([], 0, Checkpoint(position, log.chain[position]))
    await model.close()
    return file


def a_log(count: int = 9) -> ListLog:
    log = ListLog()
    for number in range(count):
        log.add(f"order-{number}", created())
    return log


async def chosen(directory: Path, log: ListLog) -> Choice:
    """The choice; checks that no other files are left."""
    choice = await choose(ORDER_COUNTS, directory, log)
    assert choice.serving.path.exists()
    kept = {choice.serving.path.name, *([choice.building.path.name] if choice.building else [])}
    left = {name for name in os.listdir(directory) if not name.endswith(("-wal", "-shm", ".seal"))}
    assert left == kept
    return choice


def position_of(file: ViewFile) -> int:
    contents = view_files.contents_of(file.path)
    assert contents is not None
    return contents.checkpoint.position


async def test_where_there_is_none_one_is_made_that_catches_up(tmp_path: Path) -> None:
    choice = await chosen(tmp_path / "views", a_log())
    assert choice == Choice(view_files.file_of(tmp_path / "views", "order-counts", CURRENT, 1), True, None)
    assert position_of(choice.serving) == 0


async def test_the_file_of_the_definition_is_gone_on_with(tmp_path: Path) -> None:
    log = a_log()
    file = await a_file(tmp_path, log, 4)
    assert await chosen(tmp_path, log) == (file, True, None)


async def test_the_newest_complete_file_is_answered_from(tmp_path: Path) -> None:
    log = a_log()
    for number in (1, 10, 9):
        await a_file(tmp_path, log, 4, number=number)
    assert (await chosen(tmp_path, log)).serving.number == 10


async def test_one_that_was_being_built_is_gone_on_with_while_the_former_answers(tmp_path: Path) -> None:
    log = a_log()
    serving = await a_file(tmp_path, log, 9, number=1)
    await a_file(tmp_path, log, 2, number=2, is_complete=False)
    building = await a_file(tmp_path, log, 3, number=3, is_complete=False)
    assert await chosen(tmp_path, log) == (serving, True, building)


async def test_what_was_being_built_before_the_serving_one_was_made_goes(tmp_path: Path) -> None:
    log = a_log()
    await a_file(tmp_path, log, 3, number=1, is_complete=False)
    serving = await a_file(tmp_path, log, 9, number=2)
    assert await chosen(tmp_path, log) == (serving, True, None)


async def test_documents_of_a_former_definition_answer_as_they_are_until_others_are_built(
    tmp_path: Path,
) -> None:
    log = a_log()
    former = await a_file(tmp_path, log, 9, number=1, view=FORMER)
    building = await a_file(tmp_path, log, 3, number=2, is_complete=False)
    await a_file(tmp_path, log, 3, number=3, view=replace(FORMER, revision=7), is_complete=False)
    assert await chosen(tmp_path, log) == (former, False, building)


async def test_the_definition_comes_before_the_number(tmp_path: Path) -> None:
    log = a_log()
    current = await a_file(tmp_path, log, 2, number=1)
    await a_file(tmp_path, log, 9, number=2, view=FORMER)
    assert await chosen(tmp_path, log) == (current, True, None)


async def test_documents_of_which_not_all_can_be_asked_do_not_answer(tmp_path: Path) -> None:
    log = a_log()
    await a_file(tmp_path, log, 9, number=4, view=NARROWER)
    choice = await chosen(tmp_path, log)
    assert (choice.serving.number, choice.follows, position_of(choice.serving)) == (5, True, 0)


def another_log(log: ListLog) -> ListLog:
    other = ListLog("other")
    other.events, other.chain = log.events, log.chain
    return other


@pytest.mark.parametrize("is_complete", [True, False])
async def test_what_does_not_fit_the_log_is_of_no_use(tmp_path: Path, is_complete: bool) -> None:
    log, shorter, otherwise = a_log(), a_log(3), ListLog()
    for number in range(9):
        otherwise.add(f"order-{number}", created("c2"))
    for number, other in enumerate((another_log(log), shorter, otherwise)):
        directory = tmp_path / str(number)
        directory.mkdir()
        await a_file(directory, log, 9, is_complete=is_complete)
        choice = await chosen(directory, other)
        assert (position_of(choice.serving), choice.follows, choice.building) == (0, True, None)


async def test_a_file_that_is_far_behind_answers_as_it_is_until_another_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view_files, "FAR", 5)
    log = a_log()
    near = await a_file(tmp_path, log, 4)
    assert await chosen(tmp_path, log) == (near, True, None)
    log.add("order-1", created())
    assert await chosen(tmp_path, log) == (near, False, None)


async def test_where_there_is_none_and_the_log_is_long_nothing_is_answered_until_one_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view_files, "FAR", 5)
    log = a_log()
    empty = await chosen(tmp_path, log)
    assert not empty.follows
    building = await a_file(tmp_path, log, 3, number=2, is_complete=False)
    assert await chosen(tmp_path, log) == (empty.serving, False, building)


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\x00" + bytes(100)])
async def test_a_file_that_cannot_be_read_is_replaced(tmp_path: Path, content: bytes) -> None:
    view_files.file_of(tmp_path, "order-counts", CURRENT, 1).path.write_bytes(content)
    assert (await chosen(tmp_path, a_log())).follows


async def test_a_file_that_cannot_be_opened_is_not_taken_for_damaged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = a_log()
    file = await a_file(tmp_path, log, 9)
    former = await a_file(tmp_path, log, 9, number=2, view=FORMER)
    before = file.path.read_bytes()
    asks: list[Callable[[], object]] = [
        lambda: view_files.contents_of(file.path),
        lambda: view_files._has_tables(former.path, ORDER_COUNTS),
        lambda: view_seal.judge(file.path),
    ]
    for ask in asks:
        with limits.no_descriptors(), pytest.raises((sqlite3.OperationalError, OSError)) as raised:
            ask()
        assert cause_of(raised.value) in (Cause.CANNOT_OPEN, Cause.NO_DESCRIPTORS)
    assert file.path.read_bytes() == before
    assert (await chosen(tmp_path, log)).serving == file
    assert not caplog.records


async def test_files_of_former_releases_go(tmp_path: Path) -> None:
    path = tmp_path / f"order-counts-{CURRENT}.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE checkpoint (log_id TEXT, position INTEGER, chain_hash BLOB)")
        connection.execute("INSERT INTO checkpoint VALUES ('log', 0, x'00')")
        connection.commit()
    (tmp_path / f"{path.name}-wal").touch()
    await chosen(tmp_path, a_log())
    assert not path.exists()
    assert not (tmp_path / f"{path.name}-wal").exists()


@pytest.mark.parametrize(
    "names",
    [
        ["order-counts-more-0123456789abcdef-1.db", "orders-0123456789abcdef-1.db"],
        ["order-counts.db", "order-counts-0123456789abcdef-.db", "order-counts-0123456789abcdef-1.dbx"],
    ],
)
async def test_what_belongs_to_others_stays(tmp_path: Path, names: Sequence[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    choice = await choose(ORDER_COUNTS, tmp_path, a_log())
    assert set(os.listdir(tmp_path)) == {*names, choice.serving.path.name, f"{choice.serving.path.name}.seal"}


async def test_the_number_of_a_new_file_is_the_next(tmp_path: Path) -> None:
    log = a_log()
    await a_file(tmp_path, log, 1, number=9)
    await a_file(tmp_path, log, 1, number=10, view=FORMER)
    file = view_files.new_file(ORDER_COUNTS, tmp_path)
    assert file == view_files.file_of(tmp_path, "order-counts", CURRENT, 11)
    assert not file.path.exists()


async def test_documents_made_anew_are_another_edition_and_completing_them_is_kept(tmp_path: Path) -> None:
    log = a_log()
    editions: set[str] = set()
    for number in (1, 2):
        file = await a_file(tmp_path, log, 1, number=number, is_complete=False)
        model = await SqliteReadModel.open(file, ORDER_COUNTS, WriterThread())
        editions.add(model.edition)
        await model.complete()
        await model.close()
        contents = view_files.contents_of(file.path)
        assert contents is not None
        assert contents.is_complete
    assert len(editions) == 2


async def test_what_is_discarded_is_gone(tmp_path: Path) -> None:
    file = await a_file(tmp_path, a_log(), 1)
    file.lock.touch()
    model = await SqliteReadModel.open(file, ORDER_COUNTS, WriterThread())
    await model.discard()
    assert os.listdir(tmp_path) == []


async def test_what_is_being_read_is_read_to_its_end_when_it_is_discarded(tmp_path: Path) -> None:
    file = await a_file(tmp_path, a_log(), 1)
    model = await SqliteReadModel.open(file, ORDER_COUNTS, WriterThread())
    reading = [asyncio.create_task(model.page(CUSTOMERS, limit=1)) for _ in range(20)]
    await asyncio.sleep(0)
    await model.discard()
    assert {(await page).position for page in reading} == {1}
