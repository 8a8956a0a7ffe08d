"""`foldlog verify` beside a server, where nobody serves, and of what a killed server has left."""

import asyncio
import json
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from foldlog_server.domains.shop import SHOP
from foldlog_server.operations.findings import Findings
from foldlog_server.operations.verify import verify
from foldlog_server.stores.views import view_check, view_checksums
from tests.format.trading import trade
from tests.support import processes
from tests.support.files import contents
from tests.support.orders import create
from tests.support.processes import foldlog
from tests.support.server import Server, serving, until
from tests.support.wire import SECONDS, Wire, connected


@pytest.mark.slow
async def test_it_verifies_beside_a_server_that_goes_on_writing(server: Server) -> None:
    await trade(server)
    stopped = asyncio.Event()

    async def write() -> None:
        while not stopped.is_set():
            await server.send(create(str(uuid.uuid4())), request_id=str(uuid.uuid4()))

    writer = asyncio.ensure_future(write())
    try:
        for flags in ((), ("--full",), ("--full",)):
            ended = await foldlog("verify", "--data", server.data, *flags)
            assert (ended.code, ended.errors) == (0, ""), ended
            *steps, summary = ended.output.splitlines()
            done = [
                "pages",
                "events",
                "indexes",
                "requests",
                "views",
                *(["replay"] if flags else []),
                "snapshots",
            ]
            assert [step for step in steps if step.endswith(": done")] == [f"{name}: done" for name in done]
            assert summary.startswith("Nothing is damaged: ")
            assert (f"{len(SHOP.views)} views against a replay" in summary) == bool(flags)
    finally:
        stopped.set()
        await writer


async def test_a_view_that_moves_on_while_it_is_looked_at_is_held_against_a_replay_as_it_was_copied(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trade(server)
    loop, check_rows = asyncio.get_running_loop(), view_check.check_rows

    async def move_on() -> None:
        await server.send(create(str(uuid.uuid4())))
        head = (await server.head()).position
        await until(lambda: all(one.position == head for one in server.app.parts.projectors.all))

    def check_and_move_on(connection: sqlite3.Connection, kept: view_checksums.CheckpointRow) -> None:
        check_rows(connection, kept)
        asyncio.run_coroutine_threadsafe(move_on(), loop).result(SECONDS)

    monkeypatch.setattr(view_check, "check_rows", check_and_move_on)
    findings = Findings()

    async def verified() -> None:
        async for _ in verify(server.data, SHOP, findings, full=True):
            pass

    await asyncio.to_thread(lambda: asyncio.run(verified()))
    assert (findings.damages, findings.views) == ([], len(SHOP.views))


async def test_nothing_is_changed_where_nobody_serves(server: Server) -> None:
    await trade(server)
    await server.stop()
    before = contents(server.data)
    for flags in ((), ("--full",)):
        assert (await foldlog("verify", *flags, FOLDLOG_DATA=str(server.data))).code == 0
    assert contents(server.data) == before
    await server.start()


async def test_what_a_killed_server_left_is_verified_and_left(tmp_path: Path) -> None:
    async with processes.serving(tmp_path) as server:
        wire = Wire()
        wire.channel = connected(server.address)
        await trade(wire)
        await wire.channel.close()
        server.process.kill()
        await server.process.wait()
    wal = tmp_path / "log.db-wal"
    assert wal.stat().st_size
    before = contents(tmp_path)
    ended = await foldlog("verify", "--data", tmp_path)
    assert (ended.code, ended.errors) == (0, ""), ended
    assert "Nothing is damaged: 67 events in 22 streams, 22 request records, " in ended.output
    assert contents(tmp_path) == before
    damaged = bytearray(wal.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    wal.write_bytes(damaged)
    ended = await foldlog("verify", "--data", tmp_path)
    assert ended.code == 1
    assert "whole transactions lie behind damage in log.db-wal" in ended.output
    ended = await foldlog("backup", tmp_path / "backup", "--data", tmp_path)
    assert ended.code == 1
    assert "whole transactions lie behind damage in log.db-wal" in ended.errors
    assert not (tmp_path / "backup").exists()


async def test_damage_is_listed_and_the_code_is_1(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await trade(server)
    with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as connection:
        connection.execute("UPDATE events SET checksum = 7 WHERE position IN (5, 50)")
    ended = await foldlog("verify", "--data", tmp_path)
    assert (ended.code, ended.errors) == (1, "")
    *_, heading, first, second, summary = ended.output.splitlines()
    assert heading.split() == ["file", "part", "where", "what"]
    assert first.split() == "log.db events position 5 the record does not match its checksum".split()
    assert second.split() == "log.db events position 50 the record does not match its checksum".split()
    assert summary.startswith("2 things are damaged: 67 events in 22 streams, 22 request records, in ")


async def test_programs_get_json_and_nothing_else(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await trade(server)
    with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as connection:
        connection.execute("UPDATE events SET chain = zeroblob(32) WHERE position = 67")
    ended = await foldlog("verify", "--full", "--json", "--data", tmp_path)
    assert (ended.code, ended.errors) == (1, "")
    found = json.loads(ended.output)
    assert found["damages"][0] == {
        "file": "log.db",
        "part": "events",
        "where": "position 67",
        "what": "the chain hash does not follow from the one before",
    }
    assert (found["events"], found["streams"], found["requests"]) == (67, 22, 22)


async def test_a_place_without_a_log_is_told(tmp_path: Path) -> None:
    assert (await foldlog("verify", "--data", tmp_path / "none")).code == 2
    ended = await foldlog("verify", "--data", tmp_path)
    assert ended.code == 1
    assert ended.errors.startswith(f"foldlog: There is no log.db in {tmp_path}.")


async def test_what_is_no_log_is_found(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"no database, and longer than the header of one " * 100)
    ended = await foldlog("verify", "--data", tmp_path)
    assert ended.code == 1
    assert "it cannot be read as a log" in ended.output
