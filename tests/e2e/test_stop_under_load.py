"""A process that is told to end while many work and read: nothing fails for a client that makes calls again,
nothing is missed, and streams are told why they end."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode

import foldlog_client
from foldlog.v1.event_service_pb2 import SubscribeRequest
from foldlog_client import Client, Retry
from tests.support.processes import Served, serving
from tests.support.server import until
from tests.support.wire import SECONDS, all_of, connected, refused

WORKERS = 16
READERS = 8
RESTARTS = 3


class Load:
    """What a client does all the while."""

    def __init__(self, client: Client) -> None:
        self.acknowledged: list[int] = []
        self.followed: list[int] = []
        self._client = client
        self._is_over = False
        self._working = [asyncio.ensure_future(self._work()) for _ in range(WORKERS)]
        self._following = asyncio.ensure_future(self._follow())

    async def more(self) -> None:
        enough = len(self.acknowledged) + 100
        await until(lambda: len(self.acknowledged) >= enough)

    async def end(self) -> None:
        self._is_over = True
        await asyncio.gather(*self._working)
        await until(lambda: len(self.followed) >= len(self.acknowledged))
        self._following.cancel()

    async def _work(self) -> None:
        while not self._is_over:
            reply = await self._client.inventory.receive_stock(product_id="tea", quantity=1)
            self.acknowledged.append(reply.result.position)

    async def _follow(self) -> None:
        async for event in self._client.events.subscribe():
            self.followed.append(event.position)


async def told_why(address: str) -> None:
    """A stream that does not come back is told why it ends."""
    async with connected(address) as channel:
        opened: Any = channel.unary_stream("/foldlog.v1.EventService/Subscribe")
        refusal = await refused(all_of(opened(SubscribeRequest().SerializeToString())))
    assert (refusal.code, refusal.reason) == (StatusCode.UNAVAILABLE, "DRAINING")


async def end_amid(load: Load, server: Served) -> None:
    """Tell a server to end while many work and read."""
    reading = [asyncio.ensure_future(told_why(server.address)) for _ in range(READERS)]
    await load.more()
    assert (await server.stop()).code == 0
    await asyncio.gather(*reading)


@pytest.mark.slow
async def test_a_server_that_ends_at_sigterm_under_load_fails_no_call_of_a_client_that_retries(
    new_log: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(new_log, tmp_path / "data"))
    quick = Retry(first=0.01, longest=0.1)
    async with serving(data) as first:
        address = first.address
        async with foldlog_client.connect(address, retry=quick, timeout=SECONDS) as client:
            load = Load(client)
            await end_amid(load, first)
            for _ in range(RESTARTS - 1):
                async with serving(data, "--listen", address) as server:
                    await end_amid(load, server)
            async with serving(data, "--listen", address):
                await load.more()
                await load.end()
                found = await client.inventory.get_inventory(product_id="tea")
    everything = list(range(1, len(load.acknowledged) + 1))
    assert sorted(load.acknowledged) == load.followed == everything
    assert found.freshness.head == len(everything)
