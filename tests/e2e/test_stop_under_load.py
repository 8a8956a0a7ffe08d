"""A process that is told to end while many work: nothing fails for a client that makes calls again."""

import asyncio
import shutil
from pathlib import Path

import pytest

import foldlog_client
from foldlog_client import Client, Retry
from tests.support.processes import serving
from tests.support.wire import SECONDS

WORKERS = 16


@pytest.mark.slow
async def test_a_server_that_ends_at_sigterm_under_load_fails_no_call_of_a_client_that_retries(
    new_log: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(new_log, tmp_path / "data"))
    acknowledged: list[int] = []
    is_over = asyncio.Event()

    async def work(client: Client) -> None:
        while not is_over.is_set():
            reply = await client.inventory.receive_stock(product_id="tea", quantity=1)
            acknowledged.append(reply.result.position)

    async def more() -> None:
        enough = len(acknowledged) + 100
        async with asyncio.timeout(SECONDS):
            while len(acknowledged) < enough:  # noqa: ASYNC110  nobody here sets an event
                await asyncio.sleep(0.001)

    async with serving(data) as first:
        address = first.address
        quick = Retry(first=0.01, longest=0.1)
        async with foldlog_client.connect(address, retry=quick, timeout=SECONDS) as client:
            working = [asyncio.ensure_future(work(client)) for _ in range(WORKERS)]
            await more()
            assert (await first.stop()).code == 0
            for _ in range(2):
                async with serving(data, "--listen", address) as following:
                    await more()
                    assert (await following.stop()).code == 0
            async with serving(data, "--listen", address):
                await more()
                is_over.set()
                await asyncio.gather(*working)
                found = await client.inventory.get_inventory(product_id="tea")
    assert sorted(acknowledged) == list(range(1, len(acknowledged) + 1))
    assert found.freshness.head == len(acknowledged)
