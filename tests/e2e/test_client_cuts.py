"""The client's subscription over a connection that is cut at chance moments: no gap, no duplicate."""

import asyncio
import random

import pytest

from foldlog_client import Retry
from tests.support.in_threads import Connect
from tests.support.relay import relayed
from tests.support.server import Server
from tests.support.slow import slow
from tests.support.wire import SECONDS


@pytest.mark.parametrize("seed", [0, 1, *slow(range(2, 6))])
async def test_a_connection_cut_at_chance_moments_makes_no_gap_and_no_duplicate(
    connect: Connect, server: Server, seed: int
) -> None:
    chance, last = random.Random(seed), 600
    quick = Retry(first=0.01, longest=0.05)
    seen: list[int] = []
    async with (
        relayed(server.port, chance) as (relay, address),
        connect(address, retry=quick) as client,
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
