"""An export is readable, and is a log again; what was cut or altered is refused, and the line named."""
# ruff: noqa: ASYNC240  nothing else has a turn

import asyncio
import base64
import json
import os
import signal
import uuid
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.copies import add, answers, log_in, rows
from tests.support.orders import create
from tests.support.processes import FOLDLOG, Ended, foldlog, started
from tests.support.processes import ended as ended_of
from tests.support.server import Server, serving
from tests.support.slow import slow


async def written(data: Path, file: Path) -> Path:
    ended = await foldlog("export", file, "--data", data)
    assert (ended.code, ended.errors) == (0, ""), ended
    assert ended.output.splitlines()[-1] == f"Exported to {file}."
    return file


@pytest.fixture
async def exported(traded: Server, tmp_path: Path) -> Path:
    """The lines of a server that goes on serving."""
    return await written(traded.data, tmp_path / "log.jsonl")


@pytest.fixture(scope="session")
def lines(traded_log: Path, tmp_path_factory: pytest.TempPathFactory) -> Sequence[str]:
    """The lines of an export: not to be changed."""
    file = tmp_path_factory.mktemp("exports") / "log.jsonl"
    return asyncio.run(written(traded_log, file)).read_text("utf-8").splitlines()


async def imported(file: Path, data: Path, *arguments: object) -> Ended:
    ended = await foldlog("import", file, "--data", data, *arguments)
    assert (ended.code, ended.errors) == (0, ""), ended
    return ended


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


async def test_every_event_is_there_as_bytes_and_readable(traded: Server, exported: Path) -> None:
    header, *rest, end = lines_of(exported)
    log = log_in(traded.data)
    assert (header["format"], header["log_id"], header["position"]) == ("foldlog-export", log.log_id, 67)
    assert header["chain_hash"] == end["chain_hash"] == log.chain.hex()
    events, requests = rest[:67], rest[67:]
    assert [base64.b64decode(one["record"]) for one in events] == [event.record for event in log.events]
    assert events[2]["event"]["payload"]["customer_id"] == "ada"
    assert events[2]["event"]["stream"] == "order-o-0"
    assert {base64.b64decode(one["key"]) for one in requests} == set(log.requests)
    assert (end["events"], end["requests"]) == (67, 22)
    assert exported.stat().st_mode & 0o777 == 0o600


async def test_an_imported_log_is_the_same_with_an_id_of_its_own(
    traded: Server, exported: Path, tmp_path: Path
) -> None:
    ended = await imported(exported, tmp_path / "new", "--json")
    log, new = log_in(traded.data), log_in(tmp_path / "new")
    assert (new.events, new.chain, new.requests) == (log.events, log.chain, log.requests)
    assert new.log_id == json.loads(ended.output)["log_id"] != log.log_id
    ancestors = rows(tmp_path / "new", "SELECT log_id, position, chain, cause FROM ancestors")
    assert ancestors == [(log.log_id, 67, log.chain, "import")]
    for table in ("streams", "types", "openings", "served"):
        sql = f"SELECT * FROM {table} ORDER BY 1"
        assert rows(tmp_path / "new", sql) == rows(traded.data, sql)
    async with serving(tmp_path / "new") as other:
        assert await answers(other) == await answers(traded)


async def test_a_second_export_says_the_same(exported: Path, tmp_path: Path) -> None:
    await imported(exported, tmp_path / "new")
    again = tmp_path / "again.jsonl"
    assert (await foldlog("export", again, "--data", tmp_path / "new")).code == 0
    assert lines_of(again)[1:] == lines_of(exported)[1:]


async def test_a_pipe_carries_a_log(traded: Server, tmp_path: Path) -> None:
    pipe = f"{FOLDLOG} export - --data {traded.data} | {FOLDLOG} import - --data {tmp_path / 'new'}"
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    process = await asyncio.create_subprocess_shell(pipe, stdout=asyncio.subprocess.DEVNULL, env=ascii_only)
    assert await process.wait() == 0
    assert log_in(tmp_path / "new").events == log_in(traded.data).events


async def test_a_repeat_is_replayed_where_its_outcome_is_within_and_acts_again_where_it_is_beyond(
    server: Server, tmp_path: Path
) -> None:
    early, late = str(uuid.uuid4()), str(uuid.uuid4())
    await server.send(create("a"))
    first = await server.send(add("a"), request_id=early)
    await server.send(create("b"))
    await server.send(add("b"), request_id=late)
    file = tmp_path / "log.jsonl"
    assert (await foldlog("export", file, "--data", server.data)).code == 0
    await imported(file, tmp_path / "whole")
    await imported(file, tmp_path / "cut", "--to-position", 3)
    async with serving(tmp_path / "whole") as whole:
        for order_id, request_id in (("a", early), ("b", late)):
            assert (await whole.send(add(order_id), request_id=request_id)).result.replayed
    async with serving(tmp_path / "cut") as cut:
        again = await cut.send(add("a"), request_id=early)
        assert (again.result.replayed, again.result.position) == (True, first.result.position)
        assert not (await cut.send(add("b"), request_id=late)).result.replayed


def swap(lines: list[str]) -> None:
    lines[5], lines[6] = lines[6], lines[5]


def alter(number: int, old: str, new: str) -> Callable[[list[str]], None]:
    def change(lines: list[str]) -> None:
        assert old in lines[number - 1]
        lines[number - 1] = lines[number - 1].replace(old, new, 1)

    return change


def forge(lines: list[str]) -> None:
    """An event of another content, whose line fits its checksum."""
    fields = json.loads(lines[7])
    del fields["crc32"]
    record = base64.b64decode(fields["record"]).replace(b"trip", b"turn")
    fields["record"] = base64.b64encode(record).decode()
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    lines[7] = f'{body[:-1]},"crc32":"{zlib.crc32(body.encode()):08x}"}}'


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lines: lines.pop(), "line 91: it is missing: the export is cut short"),
        (lambda lines: lines.pop(70), "line 90: expected the end"),
        (swap, "line 6: it has position 6, and 5 was expected"),
        (alter(8, "order-o-1", "order-o-2"), "line 8: it has been altered"),
        (forge, "the events end at position 67, and not as the first line says"),
        *slow(
            [
                (lambda lines: lines.pop(9), "line 10: it has position 10, and 9 was expected"),
                (lambda lines: lines.append(lines[3]), "line 92: it comes after the end"),
                (lambda lines: lines.insert(0, lines.pop()), "line 1: it does not begin a foldlog-export"),
                (alter(8, '"record":"', '"record":"A'), "line 8: it has been altered"),
                (alter(75, "order-", "Order-"), "line 75: it has been altered"),
                (alter(1, '"position":67', '"position":66'), "line 1: it has been altered"),
                (
                    lambda lines: lines.append(lines.pop()[:40]),
                    "line 91: it is cut short, or no line of an export",
                ),
            ]
        ),
        (lambda lines: lines.clear(), "line 1: it does not begin a foldlog-export"),
    ],
)
async def test_what_was_cut_or_altered_is_refused_and_nothing_is_made(
    lines: Sequence[str], tmp_path: Path, change: Callable[[list[str]], object], says: str
) -> None:
    changed, file = list(lines), tmp_path / "log.jsonl"
    change(changed)
    file.write_text("".join(f"{line}\n" for line in changed), "utf-8")
    ended = await foldlog("import", file, "--data", tmp_path / "new")
    assert (ended.code, ended.errors.count("\n")) == (1, 1)
    assert f"foldlog: {file}, line " in ended.errors
    assert says in ended.errors
    assert not (tmp_path / "new" / "log.db").exists()


async def test_bytes_that_are_no_text_are_refused(exported: Path, tmp_path: Path) -> None:
    data = bytearray(exported.read_bytes())
    data[data.index(b"order-o-3")] = 0xFF
    exported.write_bytes(data)
    ended = await foldlog("import", exported, "--data", tmp_path / "new")
    assert (ended.code, ended.errors.count("\n")) == (1, 1)
    assert "it has been altered" in ended.errors


async def test_nothing_is_overwritten(traded: Server, exported: Path) -> None:
    before = exported.read_bytes()
    ended = await foldlog("export", exported, "--data", traded.data)
    assert ended.errors == (
        f"foldlog: {exported} exists already, and nothing is overwritten. Name another file.\n"
    )
    assert exported.read_bytes() == before
    ended = await foldlog("import", exported, "--data", traded.data)
    assert ended.code == 1
    assert "Another server, restore or import is using the data directory" in ended.errors


@pytest.mark.slow
async def test_two_exports_to_one_file_do_not_meet(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as server:
        await server.write("order-x", 20_000, 10)
    arguments = ("export", tmp_path / "log.jsonl", "--data", tmp_path / "data")
    first = await started(*arguments)
    while not list(tmp_path.glob("log.jsonl.*")):
        await asyncio.sleep(0.005)
        assert first.returncode is None
    first.send_signal(signal.SIGSTOP)
    try:
        second = await ended_of(await started(*arguments))
        parts = list(tmp_path.glob("log.jsonl.*"))
    finally:
        first.send_signal(signal.SIGCONT)
    late = await ended_of(first)
    assert (second.code, second.errors, late.code) == (0, "", 1)
    assert len(parts) == 1
    assert late.errors == (
        f"foldlog: {tmp_path / 'log.jsonl'} exists already, and nothing is overwritten. Name another file.\n"
    )
    assert [path.name for path in tmp_path.glob("log.jsonl*")] == ["log.jsonl"]
    assert len(lines_of(tmp_path / "log.jsonl")) == 20_002


@pytest.mark.parametrize("command", ["export", "import"])
@pytest.mark.parametrize("number", [signal.SIGINT, *slow([signal.SIGTERM])])
async def test_interrupted_it_leaves_nothing(tmp_path: Path, command: str, number: signal.Signals) -> None:
    async with serving(tmp_path / "data") as server:
        await server.write("order-x", 20_000, 10)
    file, new = tmp_path / "log.jsonl", tmp_path / "new"
    if command == "import":
        assert (await foldlog("export", file, "--data", tmp_path / "data")).code == 0
        process, begun = await started("import", file, "--data", new), "new/log.db.part"
    else:
        process, begun = await started("export", file, "--data", tmp_path / "data"), "log.jsonl.*"
    while not [path for path in tmp_path.glob(begun) if path.stat().st_size]:
        await asyncio.sleep(0.005)
        assert process.returncode is None
    process.send_signal(number)
    interrupted = await ended_of(process)
    assert interrupted.code == 1
    assert interrupted.errors == "foldlog: Interrupted. What was incomplete has been removed.\n"
    assert {path.name for path in tmp_path.iterdir()} == (
        {"data"} if command == "export" else {"data", "log.jsonl"}
    )


async def test_a_place_that_cannot_be_is_told_with_what_to_do(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "log.jsonl"
    ended = await foldlog("export", file, "--data", server.data)
    assert ended.errors.startswith(f"foldlog: {file} cannot be written: ")
    assert ended.errors.endswith(". Make the directory, or choose another place.\n")
    for source in (file, tmp_path):
        ended = await foldlog("import", source, "--data", tmp_path / "new")
        assert (ended.code, ended.errors.count("\n")) == (1, 1)
        assert ended.errors.startswith(f"foldlog: {source} cannot be read: ")
        assert ended.errors.endswith("Name a file that `foldlog export` made, or - for the input.\n")
        assert not (tmp_path / "new").exists()
