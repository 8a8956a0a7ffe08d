"""`foldlog check-history`, as it is run before a release is deployed."""

import asyncio
import json
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

import foldlog_client
from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog_server.domain.domain import Domains
from foldlog_server.domain.view import Key
from foldlog_server.domains.shop import SHOP
from foldlog_server.log.events import AnyRecordedEvent
from foldlog_server.operations import check_history
from foldlog_server.operations.history import Findings, Kind, Problem
from foldlog_server.stores.views import read_model, view_files
from tests.support import processes
from tests.support.commands import add, create
from tests.support.domains import shop_with
from tests.support.faults import sqlite_error
from tests.support.files import contents
from tests.support.processes import FOLDLOG, foldlog
from tests.support.server import Server, serving
from tests.support.wire import SECONDS

SOUND = "Nothing would break: 4 events in 3 streams, and 5 views."


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path / "data") as server:
        await server.send(create("a"))
        await server.send(add("a", "tea"))
        await server.send(create("b"))
        await server.send(ReceiveStock(product_id="tea", name="Tea", quantity=2))
        yield server


async def test_a_sound_history_is_told_in_a_line_while_the_server_goes_on(
    server: Server, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    ended = await foldlog("check-history", "--data", server.data, TMPDIR=str(temporary))
    assert (ended.code, ended.errors) == (0, "")
    *steps, summary = ended.output.splitlines()
    done = [step for step in steps if step.endswith(": done")]
    assert done == ["streams: done", *(f"{view.name}: done" for view in SHOP.views)]
    assert summary == SOUND
    assert list(temporary.iterdir()) == []


async def test_nothing_is_changed(server: Server) -> None:
    await server.stop()
    before = contents(server.data)
    assert (await foldlog("check-history", FOLDLOG_DATA=str(server.data))).output.endswith(f"{SOUND}\n")
    assert contents(server.data) == before
    await server.start()


async def test_nothing_is_changed_of_what_a_killed_server_left(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with processes.serving(data) as server, foldlog_client.connect(server.address) as client:
        await client.orders.create_order(order_id="a", customer_id="ada", currency_code="GBP")
        server.process.kill()
        await processes.ended(server.process)
    before = contents(data)
    assert (await foldlog("check-history", "--data", data)).code == 0
    assert contents(data) == before


async def test_what_would_break_is_listed_and_the_code_is_1(server: Server) -> None:
    await server.write("order-x", 2, 10)
    ended = await foldlog("check-history", "--data", server.data)
    assert (ended.code, ended.errors) == (1, "")
    heading, row, summary = ended.output.splitlines()[-3:]
    assert heading.split() == ["what", "name", "why", "times", "first", "at", "which", "is"]
    for part in ("event", "test.v1.Written", "this release does not know the message", "2", "5", "order-x"):
        assert f" {part} " in f" {row.replace(',', ' ')} "
    assert summary == "1 thing would break: 6 events in 4 streams, and 5 views."


async def test_programs_get_json_and_nothing_else(server: Server) -> None:
    await server.write("order-x", 2, 10)
    ended = await foldlog("check-history", "--json", "--data", server.data)
    assert (ended.code, ended.errors) == (1, "")
    assert json.loads(ended.output) == {
        "events": 6,
        "streams": 4,
        "views": [view.name for view in SHOP.views],
        "problems": [
            {
                "kind": "event",
                "name": "test.v1.Written",
                "error": "this release does not know the message",
                "position": 5,
                "where": "order-x, version 1",
                "times": 2,
            }
        ],
        "untold": 0,
    }


async def test_damage_is_told_in_a_line(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await server.send(create("a"))
        await server.send(create("b"))
    with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as connection:
        connection.execute("UPDATE events SET record = zeroblob(length(record)) WHERE position = 1")
    ended = await foldlog("check-history", "--data", tmp_path)
    assert ended.code == 1
    assert ended.errors.startswith("foldlog: The stored bytes at position 1 are not as written")
    assert ended.errors.count("\n") == 1


async def test_a_place_without_a_log_is_told(tmp_path: Path) -> None:
    assert (await foldlog("check-history", "--data", tmp_path / "none")).code == 2
    ended = await foldlog("check-history", "--data", tmp_path)
    assert ended.code == 1
    assert ended.errors.startswith(f"foldlog: There is no log.db in {tmp_path}.")


async def found(data: Path, domains: Domains = SHOP) -> Findings:
    findings = Findings()
    async for _ in check_history.check(data, domains, findings):
        pass
    return findings


async def test_a_view_that_would_park_or_stop_is_told(server: Server) -> None:
    def evolve(key: Key, document: Message | None, recorded: AnyRecordedEvent) -> Message | None:
        raise LookupError("no such line")

    def keys(recorded: AnyRecordedEvent) -> Iterable[Key]:
        raise ValueError("which keys?")

    by_name: dict[str, Any] = {view.name: view for view in SHOP.views}
    views = (
        replace(by_name["current-orders"], evolve=evolve),
        replace(by_name["inventory"], keys=keys),
        by_name["order-details"],
    )
    assert (await found(server.data, shop_with(views))).problems == [
        Problem(Kind.VIEW, "current-orders", "parks: LookupError: no such line", 1, "current-orders a", 2),
        Problem(Kind.VIEW, "inventory", "stops: ValueError: which keys?", 4, "all behind it"),
    ]


def no_room(*_: object, **__: object) -> None:
    raise sqlite_error("FULL")


def no_file(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("where", "what", "refuse", "says"),
    [
        (view_files, "make", no_file, "No space left on device"),
        (read_model, "_transact", no_room, "there is no room left on the disk .*"),
    ],
)
async def test_a_disk_without_room_for_views_is_told(
    server: Server, monkeypatch: pytest.MonkeyPatch, where: object, what: str, refuse: object, says: str
) -> None:
    await server.stop()
    monkeypatch.setattr(where, what, refuse)
    with pytest.raises(
        check_history.CannotCheck, match=rf"The check builds views in .*, and cannot: .*{says}\W"
    ):
        await found(server.data)
    monkeypatch.undo()
    await server.start()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [("--json",), ()])
async def test_an_output_that_takes_nothing_is_told_in_a_line(
    server: Server, arguments: tuple[str, ...]
) -> None:
    with open("/dev/full", "w") as full:  # noqa: ASYNC230
        process = await asyncio.create_subprocess_exec(
            FOLDLOG, "check-history", "--data", server.data, *arguments, stdout=full, stderr=subprocess.PIPE
        )
        _, errors = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 1
    assert errors.decode() == "foldlog: [Errno 28] No space left on device\n"
