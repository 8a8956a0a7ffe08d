"""The process that builds a view: it goes on with what it finds, says how far it is, and ends with its server."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from foldlog_server.app.rebuild_worker import RebuildReport, build
from foldlog_server.domain.view import Key
from foldlog_server.domains.shop import SHOP
from foldlog_server.log.events import AnyRecordedEvent
from foldlog_server.stores.views import view_files
from foldlog_server.stores.views.read_model import SqliteReadModel
from foldlog_server.stores.views.view_files import ViewFile
from foldlog_server.stores.writer_thread import WriterThread
from foldlog_server.views.batch import CannotApply
from foldlog_server.views.definition import generation
from foldlog_server.views.read_model import ReadModelUnavailable
from tests.support.list_log import ListLog
from tests.support.order_counts import CUSTOMERS, ORDER_COUNTS, ORDERS, added, created, replay

SECONDS = 30


def a_log(count: int) -> ListLog:
    log = ListLog()
    for number in range(count):
        log.add(f"order-{number % 7}", created(f"c{number % 3}"), added(number))
    return log


def the_file(directory: Path) -> ViewFile:
    return view_files.file_of(directory, ORDER_COUNTS.name, generation(ORDER_COUNTS), 1)


async def documents(file: ViewFile) -> dict[Key, tuple[int, bytes]]:
    model = await SqliteReadModel.open(file, ORDER_COUNTS, WriterThread())
    try:
        return {
            Key(collection, row.id): (row.made, row.document)
            for collection in (ORDERS, CUSTOMERS)
            for row in (await model.page(collection, limit=1000)).rows
        }
    finally:
        await model.close()


async def test_a_view_is_built_up_to_the_end_of_the_log_and_is_not_complete_by_that(tmp_path: Path) -> None:
    log, reports = a_log(20), list[RebuildReport]()
    await build(ORDER_COUNTS, the_file(tmp_path), log, reports.append)
    assert await documents(the_file(tmp_path)) == replay(log.events)
    contents = view_files.contents_of(the_file(tmp_path).path)
    assert contents is not None
    assert not contents.is_complete
    assert reports[0] == RebuildReport(0, 40)
    assert reports[-1] == RebuildReport(40, 40)


async def test_what_was_interrupted_is_gone_on_with(tmp_path: Path) -> None:
    log = a_log(20)
    shorter = ListLog()
    shorter.events, shorter.chain = log.events[:11], log.chain[:12]
    await build(ORDER_COUNTS, the_file(tmp_path), shorter, lambda _: None)
    await build(ORDER_COUNTS, the_file(tmp_path), log, lambda _: None)
    assert [first for first, _ in log.reads] == [12]
    assert await documents(the_file(tmp_path)) == replay(log.events)


async def test_what_was_built_from_another_log_is_built_anew(tmp_path: Path) -> None:
    await build(ORDER_COUNTS, the_file(tmp_path), a_log(20), lambda _: None)
    other = ListLog("other")
    other.add("order-1", created())
    await build(ORDER_COUNTS, the_file(tmp_path), other, lambda _: None)
    assert await documents(the_file(tmp_path)) == replay(other.events)


async def test_an_event_that_stops_the_view_stops_the_build(tmp_path: Path) -> None:
    def keys(recorded: AnyRecordedEvent) -> Sequence[Key]:
        raise ArithmeticError

    with pytest.raises(CannotApply, match="position 1 "):
        await build(replace(ORDER_COUNTS, keys=keys), the_file(tmp_path), a_log(1), lambda _: None)


async def test_a_file_that_cannot_be_written_ends_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> None:
        raise ReadModelUnavailable("disk full")

    monkeypatch.setattr(SqliteReadModel, "write", refuse)
    with pytest.raises(ReadModelUnavailable):
        await build(ORDER_COUNTS, the_file(tmp_path), a_log(1), lambda _: None)


def test_what_is_told_is_one_line() -> None:
    report = RebuildReport(3, 9, "no\nsuch unit")
    assert "\n" not in report.line
    assert RebuildReport.of(report.line) == report


def started(data: Path, *arguments: str) -> "subprocess.Popen[str]":
    worker = [sys.executable, "-m", "foldlog_server.app.rebuild_worker"]
    command = [*worker, str(data), *arguments, *SHOP.names]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_it_ends_with_its_server_whatever_it_is_at(tmp_path: Path) -> None:
    view = SHOP.views[0]
    file = view_files.file_of(tmp_path / "views", view.name, generation(view), 1)
    file.path.parent.mkdir()
    with FileLock(file.lock), started(tmp_path, view.name, file.generation, "1") as process:
        time.sleep(0.5)  # it waits for the other one that builds, whenever it comes to that
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(SECONDS) == 1


def test_code_of_another_definition_than_the_servers_is_not_used(tmp_path: Path) -> None:
    with started(tmp_path, SHOP.views[0].name, "0123456789abcdef", "1") as process:
        output = process.stdout.read() if process.stdout else ""
        assert process.wait(SECONDS) == 3
    assert "restart" in json.loads(output)["failed"]
    assert not (tmp_path / "views").exists()


def test_a_log_that_cannot_be_read_ends_it_otherwise(tmp_path: Path) -> None:
    (tmp_path / "views").mkdir()
    with started(tmp_path, SHOP.views[0].name, generation(SHOP.views[0]), "1") as process:
        assert process.stdout is not None
        assert process.stdout.read() == ""
        assert process.wait(SECONDS) == 1
