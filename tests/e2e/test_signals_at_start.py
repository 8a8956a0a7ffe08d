"""Ctrl-C and SIGTERM end a server that starts, at whatever moment they come."""

import asyncio
import random
import signal
from pathlib import Path

import pytest

from tests.support.processes import ended, foldlog, serving, started
from tests.support.slow import slow

SPREAD_SECONDS = 1.0
"""Some of the signals come before Python runs, some while modules are loaded, some when it serves."""


async def end(data: Path, number: signal.Signals, delay: float) -> None:
    process = await started("serve", "--data", data, "--listen", "127.0.0.1:0")
    await asyncio.sleep(delay)
    process.send_signal(number)
    result = await ended(process)
    # Python itself has its own answer to Ctrl-C until the first line of ours runs.
    is_pythons = result.code == 1 and "KeyboardInterrupt" in result.errors
    assert result.code in (0, -number) or is_pythons, result


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("times", [4, *slow([60])])
async def test_a_start_ends_at_a_signal_whenever_it_comes(
    tmp_path: Path, number: signal.Signals, times: int
) -> None:
    chosen = random.Random(times)
    for nth in range(times):
        await end(tmp_path / str(nth), number, chosen.random() * SPREAD_SECONDS)


async def test_what_a_signal_left_of_a_start_is_served(tmp_path: Path) -> None:
    for nth in range(5):
        await end(tmp_path / "data", signal.SIGTERM, SPREAD_SECONDS * nth / 5)
    async with serving(tmp_path / "data") as server:
        assert (await foldlog("views", "list", "--address", server.address)).code == 0
        assert (await server.stop()).code == 0
