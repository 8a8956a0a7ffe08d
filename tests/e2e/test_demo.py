"""`make demo` opens a shop in an empty directory, tells its day, and leaves nothing behind."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from rich.console import Console

from examples.demo.feed import Feed
from examples.demo.story import Story
from examples.serving import ServerFailed, serve
from foldlog_client import AlreadyExists, connect
from tests.support.wire import SECONDS

ROOT = Path(__file__).parents[2]


async def test_the_demo_tells_its_story_and_leaves_nothing_behind(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "examples.demo"),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "100"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    told = output.decode()
    assert (process.returncode, errors.decode()) == (0, "")
    for part in (
        "order-A-1 v1  OrderCreated",
        "Refused: INSUFFICIENT_STOCK",
        "available=1, order_id=G-1, product_id=kettle, requested=2",
        "The second answer: replayed, version 6",
        "Current orders",
        "Order history",
        "Customers",
        "Inventory",
        "everything turned out as it must",
    ):
        assert part in told
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_demo_that_is_stopped_ends_its_server_and_leaves_nothing_behind(
    tmp_path: Path, number: int
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "examples.demo"),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1", "GRPC_VERBOSITY": "NONE"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.readline()  # the server is started
    process.send_signal(number)
    # The end of both pipes: the server, which has them too, is gone.
    _, errors = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 130
    [told] = errors.decode().splitlines()
    assert told.startswith("Interrupted.")
    assert os.listdir(tmp_path) == []


async def test_every_event_is_told_once_and_in_order(tmp_path: Path) -> None:
    lines: list[str] = []
    async with (
        serve(tmp_path) as server,
        connect(server.address) as client,
        Feed(client, lines.append) as feed,
    ):
        story = Story(client, feed, Console(quiet=True))
        await story.run()
        head = await client.events.head()
    assert story.wrong == []
    assert [int(line.split()[0]) for line in lines] == list(range(1, head.position + 1))


async def test_a_story_that_turns_out_otherwise_is_told(tmp_path: Path) -> None:
    async with serve(tmp_path) as server, connect(server.address) as client:
        await client.inventory.receive_stock(product_id="tea", quantity=1)
        async with Feed(client, lambda _: None) as feed:
            story = Story(client, feed, Console(quiet=True))
            await story.run()
            assert story.wrong == ["the stock adds up"]
            with pytest.raises(AlreadyExists):
                await story.run()


async def test_a_server_that_does_not_start_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServerFailed, match="did not start"):
        async with serve(tmp_path / "file"):
            pass


async def test_a_server_that_ends_ends_the_work(tmp_path: Path) -> None:
    async with serve(tmp_path) as server:
        server.process.kill()
        with pytest.raises(ServerFailed, match="exit code -9"):
            await server.unless_it_ends(asyncio.sleep(3600))
