"""Every failed start ends by itself, with exit code 1 and one line that names its cause: docs/starts.md."""

import asyncio
import random
import re
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog_server.stores.sqlite.reader import SqliteLogReader
from tests.format.trading import trade
from tests.support.processes import FOLDLOG, Ended, ended
from tests.support.server import Server, serving, until
from tests.support.slow import slow
from tests.support.start_faults import FAULTS, CannotOccur, Start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="what goes wrong is told by POSIX's errors")

PAGE = Path(__file__).parents[2] / "docs" / "starts.md"
SERVES = "serves"
TEA = ReceiveStock(product_id="tea", name="Tea", quantity=1)


class Row(NamedTuple):
    """A row of the page's table."""

    what: str
    state: str
    said: str
    """The name of the line; or that it serves."""


def table(mark: str) -> Sequence[Sequence[str]]:
    lines = PAGE.read_text("utf-8").split(f"<!-- {mark} -->")[1].strip().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


LINES: dict[str, str] = {cells[0]: cells[1] for cells in table("lines")}
ROWS = [Row(*cells) for cells in table("starts")]


class Directories(NamedTuple):
    """Data directories, to be copied."""

    stopped: Path
    killed: Path
    other: Path
    other_killed: Path


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> Directories:
    place = tmp_path_factory.mktemp("starts")

    async def make() -> None:
        for name in ("one", "other"):
            async with serving(place / name) as server:
                await trade(server)
                if name == "one":  # which makes a snapshot
                    await asyncio.gather(*(server.send(TEA) for _ in range(1_000)))
                await _all_stored(server)
                ignored = shutil.ignore_patterns("*-shm", "lock")
                shutil.copytree(place / name, place / f"{name}-killed", ignore=ignored)

    asyncio.run(make())
    return Directories(place / "one", place / "one-killed", place / "other", place / "other-killed")


async def _all_stored(server: Server) -> None:
    head = (await server.head()).position
    models = [projector.read_model for projector in server.app.parts.projectors.all]
    await until(lambda: sum(model.stored == head for model in models) >= 1)


@pytest.fixture
def start(directories: Directories, tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as opened:
        data = Path(shutil.copytree(directories.stopped, tmp_path / "data"))
        yield Start(data, data, *directories[1:], opened)


async def run(start: Start) -> Ended | None:
    """How a start ended by itself; None if it serves, and then ends at a signal."""
    process = await asyncio.create_subprocess_exec(
        *(*start.before, str(FOLDLOG), "serve", "--data", str(start.data), "--listen", start.listen),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=start.limit,
    )
    try:
        assert process.stdout is not None
        greeting = await process.stdout.readline()
        if greeting:
            process.terminate()
        result = await ended(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if not greeting:
        return result
    assert " serves " in greeting.decode()
    assert (result.code, "Traceback" in result.errors) == (0, False), result
    return None


def test_the_page_has_what_is_injected_and_nothing_else() -> None:
    assert [row[:2] for row in ROWS] == list(FAULTS)


def rows() -> Iterator[object]:
    """The first of each line; the others only in `make check-slow`, with the one that waits for ten seconds."""
    seen = {"locked"}
    for row in ROWS:
        marks = [pytest.mark.slow] if row.said in seen else []
        seen.add(row.said)
        yield pytest.param(row, id=f"{row.what}: {row.state}", marks=marks)


@pytest.mark.parametrize("row", list(rows()))
async def test_a_start_says_what_is_wrong(row: Row, start: Start) -> None:
    try:
        FAULTS[row[:2]](start)
    except CannotOccur as reason:
        pytest.skip(str(reason))
    result = await run(start)
    if row.said == SERVES:
        assert result is None, result
        return
    assert result is not None, "it serves"
    assert (result.code, result.output) == (1, "")
    [line] = result.errors.splitlines()
    said = line.removeprefix("foldlog: ").replace(str(start.place), "DATA")
    expected = re.escape(LINES[row.said]).replace("…", ".*").replace("PATH", "DATA[^ ]*")
    assert re.fullmatch(expected, said), said


async def test_a_start_that_waits_for_another_program_ends_at_a_signal(start: Start) -> None:
    FAULTS["log.db", "another program writes it and does not end"](start)
    for number in (signal.SIGTERM, signal.SIGINT):
        process = await asyncio.create_subprocess_exec(
            *(FOLDLOG, "serve", "--data", start.data, "--listen", "127.0.0.1:0"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await asyncio.sleep(1)
        process.send_signal(number)
        result = await ended(process)
        # Not as it ends by itself, but for a machine on which ten seconds have gone by.
        assert result.code == -number or (result.code == 1 and "Traceback" not in result.errors), result


# Whatever happens to any file


def damage(chosen: random.Random, data: Path) -> str:
    """Something done to a file that there is; gives what."""
    files = sorted(file for file in data.rglob("*") if file.is_file())
    file, other = chosen.choice(files), chosen.choice(files)
    content = bytearray(file.read_bytes())
    kind = chosen.choice(["flip", "truncate", "zero", "swap", "remove"])
    at = chosen.randrange(max(len(content), 1))
    if kind == "flip" and content:
        content[at] ^= 1 << chosen.randrange(8)
    elif kind == "truncate":
        del content[at:]
    elif kind == "zero":
        page = slice(at // 4096 * 4096, at // 4096 * 4096 + 4096)
        content[page] = bytes(len(content[page]))
    elif kind == "swap":
        kept = other.read_bytes()
        other.write_bytes(content)
        content = bytearray(kept)
    file.write_bytes(content)
    if kind == "remove":
        file.unlink()
    return f"{kind} {file.relative_to(data)} at {at}, {other.relative_to(data)}"


def head_of(data: Path) -> tuple[str, int, bytes]:
    with SqliteLogReader.open(data) as reader:
        return (reader.log_id, *reader.head)


@pytest.mark.parametrize("seed", [*range(4), *slow(range(4, 48))])
async def test_whatever_happens_to_a_file_a_start_serves_all_or_says_in_a_line_why_not(
    start: Start, seed: int
) -> None:
    chosen = random.Random(seed)
    if chosen.random() < 0.5:
        start.kill()
    expected = head_of(start.data)
    done = damage(chosen, start.data)
    result = await run(start)
    if result is None:
        found = head_of(start.data)
        assert found == expected, done
    else:
        assert (result.code, result.output) == (1, ""), (done, result)
        assert len(result.errors.splitlines()) == 1, (done, result)
        assert "not foreseen" not in result.errors, (done, result)
