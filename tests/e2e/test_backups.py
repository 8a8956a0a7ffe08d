"""A backup is what was stored, and is a log again: the commands as people run them."""

import asyncio
import json
import shutil
import signal
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog_server.operations.destination import room
from foldlog_server.operations.refused import Refused
from foldlog_server.operations.restore import NewLog
from foldlog_server.stores.files.data_directory import CannotOpen
from foldlog_server.stores.files.held_files import lock
from tests.format.trading import KEY, trade
from tests.support import processes
from tests.support.copies import add, answers, backed_up, log_in, restored, rows
from tests.support.files import contents, flip
from tests.support.orders import create
from tests.support.processes import foldlog, started
from tests.support.server import Server, serving
from tests.support.slow import slow
from tests.support.wire import Wire, connected


@pytest.fixture(scope="session")
def made_backup(traded_log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a log with something of everything: not to be changed."""
    backup = tmp_path_factory.mktemp("backups") / "backup"
    asyncio.run(backed_up(traded_log, backup))
    return backup


@pytest.fixture
def backup(made_backup: Path, tmp_path: Path) -> Path:
    """A copy of a backup, which may be damaged."""
    return Path(shutil.copytree(made_backup, tmp_path / "backup"))


# Backups


async def test_a_backup_is_what_the_server_holds_and_says_so_in_a_line(
    traded: Server, tmp_path: Path
) -> None:
    ended = await backed_up(traded.data, tmp_path / "backup")
    log, copy = log_in(traded.data), log_in(tmp_path / "backup")
    assert copy == log
    *steps, line = ended.output.splitlines()
    assert [step for step in steps if step.endswith(": done")] == ["copied: done", "verified: done"]
    assert line.startswith(
        f"Backed up to {tmp_path / 'backup'}: 67 events in 22 streams, 22 request records ("
    )
    assert f"of log {log.log_id} up to position 67, chain {log.chain.hex()[:16]}." in line


async def test_a_backup_through_a_server_is_that_of_its_directory(traded: Server, tmp_path: Path) -> None:
    await backed_up(traded.data, tmp_path / "of-directory")
    ended = await foldlog("backup", tmp_path / "through-server", "--address", traded.address)
    assert (ended.code, ended.errors) == (0, ""), ended
    assert log_in(tmp_path / "through-server") == log_in(tmp_path / "of-directory")
    for table in ("log", "openings", "ancestors", "served"):
        sql = f"SELECT * FROM {table} ORDER BY 1"
        assert rows(tmp_path / "through-server", sql) == rows(tmp_path / "of-directory", sql)


async def test_where_nobody_answers_nothing_is_left_of_a_backup(tmp_path: Path) -> None:
    ended = await foldlog("backup", tmp_path / "backup", "--address", "127.0.0.1:1")
    assert ended.code == 1
    assert ended.errors.startswith("foldlog: Nobody answers at 127.0.0.1:1. ")
    assert len(ended.errors.splitlines()) == 1
    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize(
    "table", ["log", "streams", "types", "events", "openings", "ancestors", "served", "sqlite_master"]
)
def test_every_table_of_a_backup_is_that_of_the_log(made_backup: Path, traded_log: Path, table: str) -> None:
    columns = "type, name, sql" if table == "sqlite_master" else "*"
    sql = f"SELECT {columns} FROM {table} ORDER BY 1"
    assert sorted(rows(made_backup, sql)) == sorted(rows(traded_log, sql))
    assert rows(made_backup, sql) or table == "ancestors"


async def test_programs_get_the_manifest_and_nothing_else(traded: Server, tmp_path: Path) -> None:
    ended = await foldlog("backup", tmp_path / "backup", "--json", FOLDLOG_DATA=str(traded.data))
    written = json.loads((tmp_path / "backup" / "manifest.json").read_text())
    assert json.loads(ended.output) == written
    assert (written["position"], written["events"], written["streams"], written["requests"]) == (
        67,
        67,
        22,
        22,
    )
    assert written["chain_hash"] == log_in(traded.data).chain.hex()


async def test_a_backup_is_its_owners_alone(traded: Server, tmp_path: Path) -> None:
    await backed_up(traded.data, tmp_path / "some" / "backup")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "some").rglob("*")}
    assert modes == {"backup": 0o700, "log.db": 0o600, "manifest.json": 0o600}


@pytest.mark.slow
async def test_backups_while_commands_run_are_whole_and_one_after_another(
    server: Server, tmp_path: Path
) -> None:
    stopped = asyncio.Event()

    async def write(name: str) -> None:
        number = 0
        while not stopped.is_set():
            number += 1
            await server.send(create(f"{name}-{number}"), request_id=str(uuid.uuid4()))

    writers = [asyncio.ensure_future(write(name)) for name in "abcd"]
    try:
        for number in range(3):
            await backed_up(server.data, tmp_path / str(number))
    finally:
        stopped.set()
        await asyncio.gather(*writers)
    log, copies = log_in(server.data), [log_in(tmp_path / str(number)) for number in range(3)]
    for copy in copies:
        assert copy.events == log.events[: len(copy.events)]
        versions = {event.stream: event.version for event in copy.events}
        kept = {key: did for key, did in log.requests.items() if within(did, versions)}
        assert copy.requests == kept
    assert 0 < len(copies[0].events) < len(copies[1].events) < len(copies[2].events) < len(log.events)


def within(did: list[tuple[str, int, int]], versions: dict[str, int]) -> bool:
    return all(last <= versions.get(stream, 0) for stream, _, last in did)


async def test_a_backup_changes_nothing_also_where_nobody_serves(traded: Server, tmp_path: Path) -> None:
    await traded.stop()
    before = contents(traded.data)
    await backed_up(traded.data, tmp_path / "backup")
    assert contents(traded.data) == before
    await traded.start()


async def test_what_a_killed_server_left_in_its_write_ahead_log_is_backed_up(tmp_path: Path) -> None:
    async with processes.serving(tmp_path / "data") as server:
        wire = Wire()
        wire.channel = connected(server.address)
        await trade(wire)
        await wire.channel.close()
        server.process.kill()
        await server.process.wait()
    assert (tmp_path / "data" / "log.db-wal").stat().st_size
    before = contents(tmp_path / "data")
    await backed_up(tmp_path / "data", tmp_path / "backup")
    assert contents(tmp_path / "data") == before
    assert {path.name for path in (tmp_path / "backup").iterdir()} == {"log.db", "manifest.json"}
    assert len(log_in(tmp_path / "backup").events) == 67


@pytest.mark.parametrize("there", ["file", "directory"])
async def test_nothing_is_overwritten_by_a_backup(traded: Server, tmp_path: Path, there: str) -> None:
    destination = tmp_path / "backup"
    if there == "directory":
        destination.mkdir()
        (destination / "mine").write_text("mine")
    else:
        destination.write_text("mine")
    ended = await foldlog("backup", destination, "--data", traded.data)
    assert ended.code == 1
    assert ended.errors == (
        f"foldlog: {destination} exists already, and nothing is overwritten. "
        "Name a directory that is empty or does not exist.\n"
    )
    assert (destination / "mine" if there == "directory" else destination).read_text() == "mine"


async def test_a_damaged_log_is_not_backed_up_and_nothing_is_left(traded: Server, tmp_path: Path) -> None:
    await traded.stop()
    with closing(sqlite3.connect(traded.data / "log.db", isolation_level=None)) as connection:
        connection.execute("UPDATE events SET record = zeroblob(length(record)) WHERE position = 7")
    ended = await foldlog("backup", tmp_path / "backup", "--data", traded.data)
    assert ended.code == 1
    assert "damaged at position 7: `foldlog verify` lists all damage." in ended.errors
    assert ended.errors.count("\n") == 1
    assert not (tmp_path / "backup").exists()


async def test_a_place_without_a_log_is_told(tmp_path: Path) -> None:
    ended = await foldlog("backup", tmp_path / "backup", "--data", tmp_path)
    assert ended.code == 1
    assert ended.errors.startswith(f"foldlog: There is no log.db in {tmp_path}.")
    assert not (tmp_path / "backup").exists()


# Restores


async def test_a_restored_log_answers_what_the_former_answered(traded: Server, tmp_path: Path) -> None:
    await backed_up(traded.data, tmp_path / "backup")
    former = await answers(traded)
    await restored(tmp_path / "backup", tmp_path / "elsewhere")
    async with serving(tmp_path / "elsewhere") as server:
        assert await answers(server) == former
        head, old = await server.head(), await traded.head()
        assert (head.position, head.chain_hash) == (old.position, old.chain_hash)
        assert head.log_id != old.log_id


async def test_the_ancestor_is_recorded_and_those_before_it_are_kept(traded: Server, tmp_path: Path) -> None:
    first = log_in(traded.data)
    await backed_up(traded.data, tmp_path / "one")
    await restored(tmp_path / "one", tmp_path / "two")
    second = log_in(tmp_path / "two")
    await backed_up(tmp_path / "two", tmp_path / "three")
    await restored(tmp_path / "three", tmp_path / "four", "--to-position", 30)
    ancestors = "SELECT log_id, position, chain, cause FROM ancestors ORDER BY rowid"
    chain = rows(tmp_path / "four", "SELECT chain FROM events WHERE position = 30")[0][0]
    assert rows(tmp_path / "two", ancestors) == [(first.log_id, 67, first.chain, "restore")]
    assert rows(tmp_path / "four", ancestors) == [
        (first.log_id, 30, chain, "restore"),
        (second.log_id, 30, chain, "restore"),
    ]
    assert len({first.log_id, second.log_id, log_in(tmp_path / "four").log_id}) == 3


async def test_a_repeat_is_replayed_where_its_outcome_is_within_and_acts_again_where_it_is_beyond(
    server: Server, tmp_path: Path
) -> None:
    early, late = str(uuid.uuid4()), str(uuid.uuid4())
    await server.send(create("a"))
    first = await server.send(add("a"), request_id=early)
    await server.send(create("b"))
    await server.send(add("b"), request_id=late)
    await backed_up(server.data, tmp_path / "backup")
    await restored(tmp_path / "backup", tmp_path / "whole")
    await restored(tmp_path / "backup", tmp_path / "cut", "--to-position", first.result.position + 1)
    async with serving(tmp_path / "whole") as whole:
        for order_id, request_id in (("a", early), ("b", late)):
            assert (await whole.send(add(order_id), request_id=request_id)).result.replayed
    async with serving(tmp_path / "cut") as cut:
        again = await cut.send(add("a"), request_id=early)
        assert again.result.replayed
        assert again.result.position == first.result.position
        anew = await cut.send(add("b"), request_id=late)
        assert not anew.result.replayed
        assert anew.result.version == 2


async def test_a_restored_log_goes_on(made_backup: Path, tmp_path: Path) -> None:
    await restored(made_backup, tmp_path / "elsewhere")
    async with serving(tmp_path / "elsewhere") as server:
        await server.send(ReceiveStock(product_id="tea", name="Tea", quantity=10))
        await server.send(create("new"))
    log = log_in(tmp_path / "elsewhere")
    assert len(log.events) == 69
    assert uuid.UUID(KEY).bytes in log.requests


@pytest.mark.parametrize("there", ["log.db", *slow(["views", "snapshots.db"])])
async def test_nothing_is_overwritten_by_a_restore(
    traded: Server, made_backup: Path, tmp_path: Path, there: str
) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / there).write_text("mine")
    ended = await foldlog("restore", made_backup, "--data", tmp_path / "to")
    assert ended.code == 1
    assert ended.errors.startswith(f"foldlog: {tmp_path / 'to'} holds {there} already, and nothing is over")
    assert (tmp_path / "to" / there).read_text() == "mine"
    ended = await foldlog("restore", made_backup, "--data", traded.data)
    assert (ended.code, ended.errors.count("\n")) == (1, 1)
    assert "Another server, restore or import is using the data directory" in ended.errors


async def test_a_history_is_not_longer_than_it_is(made_backup: Path, tmp_path: Path) -> None:
    ended = await foldlog("restore", made_backup, "--data", tmp_path / "to", "--to-position", 68)
    assert ended.errors == "foldlog: The history ends at position 67, before 68. Name one up to 67.\n"
    await restored(made_backup, tmp_path / "to", "--to-position", 0)
    assert log_in(tmp_path / "to").events == []


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda backup: flip(backup / "log.db", 30_000), "is not as it was backed up"),
        (lambda backup: (backup / "log.db").unlink(), "has a manifest.json and no log.db"),
        (lambda backup: (backup / "manifest.json").write_text("{"), "manifest.json is damaged"),
        (lambda backup: edit(backup, chain_hash=None), "Expected `str`, got `null` - at `$.chain_hash`"),
        (lambda backup: edit(backup, log_id="x"), "it says log_id x, and the log has "),
        *slow(
            [
                (lambda backup: (backup / "log.db").write_bytes(b""), "is not as it was backed up"),
                (
                    lambda backup: (backup / "manifest.json").unlink(),
                    "is no complete backup: it has no manifest.json",
                ),
                (lambda backup: (backup / "manifest.json").write_text("{}"), "manifest.json is damaged"),
                (
                    lambda backup: (backup / "manifest.json").write_text("[]"),
                    "Expected `object`, got `array`",
                ),
                (
                    lambda backup: (backup / "manifest.json").write_text("[" * 100_000),
                    "manifest.json is damaged",
                ),
                (
                    lambda backup: (backup / "manifest.json").write_bytes(b'"\xff"'),
                    "manifest.json is damaged",
                ),
                (
                    lambda backup: edit(backup, foldlog=json.loads("[" * 900 + "]" * 900)),
                    "damaged: Expected `str`",
                ),
                (lambda backup: edit(backup, chain_hash="zz"), "manifest.json is damaged"),
                (lambda backup: edit(backup, position="67"), "Expected `int`, got `str` - at `$.position`"),
                (lambda backup: edit(backup, bytes=-1), "manifest.json is damaged"),
                (lambda backup: edit(backup, position=2**70), "manifest.json is damaged"),
                (lambda backup: edit(backup, sha256=7), "Expected `str`, got `int` - at `$.sha256`"),
                (lambda backup: edit(backup, format=99), "it says format 99, and the log has 2."),
                (lambda backup: edit(backup, position=66), "it says position 66, and the log has 67."),
                (lambda backup: edit(backup, chain_hash="0" * 64), "it says chain_hash 0000"),
            ]
        ),
    ],
)
async def test_a_damaged_backup_is_refused_and_nothing_is_made(
    backup: Path, tmp_path: Path, damage: object, says: str
) -> None:
    damage(backup)  # type: ignore[operator]
    ended = await foldlog("restore", backup, "--data", tmp_path / "to")
    assert (ended.code, ended.errors.count("\n")) == (1, 1)
    assert says in ended.errors
    assert not (tmp_path / "to").exists()


async def test_two_restores_do_not_meet(made_backup: Path, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    held = lock(tmp_path / "to")
    try:
        ended = await foldlog("restore", made_backup, "--data", tmp_path / "to")
    finally:
        held.release()
    assert (ended.code, ended.errors) == (
        1,
        f"foldlog: Another server, restore or import is using the data directory {tmp_path / 'to'}. "
        "Wait for it to end, or choose another directory.\n",
    )


@pytest.mark.parametrize("when", ["before it reads", "while it copies"])
async def test_no_server_begins_a_log_where_a_restore_was_killed(
    made_backup: Path, tmp_path: Path, when: str
) -> None:
    steps = NewLog(tmp_path / "to", lambda: "new").restore(made_backup, None)
    await anext(steps)
    if when == "while it copies":
        await anext(steps)
    shutil.copytree(tmp_path / "to", tmp_path / "killed")
    await steps.aclose()
    assert not (tmp_path / "to").exists()
    with pytest.raises(CannotOpen, match="A restore or import has not been finished in"):
        async with serving(tmp_path / "killed"):
            pass
    assert not (tmp_path / "killed" / "log.db").exists()
    await restored(made_backup, tmp_path / "killed")


def edit(backup: Path, **fields: object) -> None:
    file = backup / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


# Ended in the middle


@pytest.mark.slow
@pytest.mark.parametrize("command", ["backup", "restore"])
async def test_killed_in_the_middle_it_leaves_no_log(tmp_path: Path, command: str) -> None:
    async with serving(tmp_path / "data") as server:
        await server.write("order-x", 40_000, 10)
    source, made = tmp_path / "data", tmp_path / "made"
    if command == "restore":
        await backed_up(source, tmp_path / "backup")
        arguments = ("restore", tmp_path / "backup", "--data", made)
    else:
        arguments = ("backup", made, "--data", source)
    for number in (signal.SIGINT, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        left = written(made / "log.db.part")
        process = await started(*arguments)
        while written(made / "log.db.part") in (0, left):
            await asyncio.sleep(0.005)
            assert process.returncode is None
        process.send_signal(number)
        _, errors = await process.communicate()
        assert not (made / "log.db").exists()
        assert not (made / "manifest.json").exists()
        if number != signal.SIGKILL:
            assert process.returncode == 1
            assert errors.decode() == "foldlog: Interrupted. What was incomplete has been removed.\n"
            assert not made.exists() or {path.name for path in made.iterdir()} <= {"lock"}
            assert not made.exists() or left
    # What was left stands in nobody's way.
    ended = await foldlog(*arguments)
    assert (ended.code, ended.errors) == (0, ""), ended
    beside = "lock" if command == "restore" else "manifest.json"
    assert {path.name for path in made.iterdir()} == {beside, "log.db"}


def written(file: Path) -> int:
    """When something was written to a file; 0 if nothing was."""
    try:
        return file.stat().st_mtime_ns if file.stat().st_size else 0
    except FileNotFoundError:
        return 0


LEFT = {
    "begun": ["manifest.json.part"],
    "in the midst": ["manifest.json.part", "log.db.part", "log.db.part-journal"],
    "nearly done": ["manifest.json.part", "log.db"],
    "beside a copy": ["manifest.json.part", "foldlog-abcdefgh/log.db", "foldlog-abcdefgh/log.db-wal"],
    "by a former release": ["log.db.part"],
}


@pytest.mark.parametrize(
    "name", ["begun", "beside a copy", *slow(sorted(set(LEFT) - {"begun", "beside a copy"}))]
)
async def test_a_backup_takes_the_place_of_one_that_was_killed(
    traded: Server, tmp_path: Path, name: str
) -> None:
    for left in LEFT[name]:
        (tmp_path / "backup" / left).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "backup" / left).write_text("begun")
    await backed_up(traded.data, tmp_path / "backup")
    assert set(contents(tmp_path / "backup")) == {
        str(tmp_path / "backup" / name) for name in ("log.db", "manifest.json")
    }
    assert log_in(tmp_path / "backup") == log_in(traded.data)


@pytest.mark.parametrize(
    "beside", [["log.db"], *slow([["log.db.part", "log.db"], ["manifest.json.part", "mine"]])]
)
async def test_what_no_backup_left_is_not_overwritten(
    traded: Server, tmp_path: Path, beside: list[str]
) -> None:
    (tmp_path / "backup").mkdir()
    for name in beside:
        (tmp_path / "backup" / name).write_text("mine")
    before = contents(tmp_path / "backup")
    ended = await foldlog("backup", tmp_path / "backup", "--data", traded.data)
    assert ended.code == 1
    assert ended.errors.startswith(f"foldlog: {tmp_path / 'backup'} exists already, and nothing is over")
    assert contents(tmp_path / "backup") == before


def test_a_directory_is_for_one_backup_at_a_time(tmp_path: Path) -> None:
    with room(tmp_path / "backup"):
        (tmp_path / "backup" / "log.db.part").write_text("being made")
        with pytest.raises(Refused, match="Another backup is being made in"), room(tmp_path / "backup"):
            pass
        assert (tmp_path / "backup" / "log.db.part").read_text() == "being made"
