"""The client's subscription over a connection that is cut at chance moments: no gap, no duplicate."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

import foldlog_client
from foldlog_client import Retry
from tests.support.server import Server
from tests.support.wire import SECONDS


class Relay:
    """Passes bytes on to a server, and cuts each connection after a chance number of them."""

    def __init__(self, port: int, chance: random.Random) -> None:
        self.cuts = 0
        self.may_cut = 0
        """Cuts in all: a batch may be larger than what a connection that is cut lets pass."""
        self._port = port
        self._chance = chance

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:  # the server is being started again
            writer.transport.abort()
            return
        left = self._chance.randrange(40_000)
        sending = asyncio.ensure_future(self._pass_all(reader, back))
        while data := await there.read(4096):
            if self.cuts < self.may_cut and left < len(data):
                self.cuts += 1
                writer.write(data[:left])
                break
            left -= len(data)
            writer.write(data)
        sending.cancel()
        writer.transport.abort()
        back.close()
        await asyncio.gather(sending, return_exceptions=True)

    async def _pass_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)
        writer.close()


@asynccontextmanager
async def relayed(server: Server, chance: random.Random) -> AsyncIterator[tuple[Relay, str]]:
    relay = Relay(server.port, chance)
    listening = await asyncio.start_server(relay, "127.0.0.1", 0)
    try:
        yield relay, f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        await listening.wait_closed()


@pytest.mark.parametrize("seed", range(6))
async def test_a_connection_cut_at_chance_moments_makes_no_gap_and_no_duplicate(
    server: Server, seed: int
) -> None:
    chance, last = random.Random(seed), 600
    quick = Retry(first=0.01, longest=0.05)
    seen: list[int] = []
    async with (
        relayed(server, chance) as (relay, address),
        foldlog_client.connect(address, retry=quick) as client,
        client.events.subscribe() as events,
        asyncio.timeout(SECONDS),
    ):
        for number in range(6):
            await server.write(f"note-{number}", 100, chance.randrange(300))
            if number == 2:
                await server.restart()
            upto = chance.randrange(len(seen), 100 * (number + 1) + 1)
            relay.may_cut += 4
            while len(seen) < upto:
                seen.append((await anext(events)).position)
        while len(seen) < last:
            seen.append((await anext(events)).position)
    assert seen == list(range(1, last + 1))
    assert relay.cuts
