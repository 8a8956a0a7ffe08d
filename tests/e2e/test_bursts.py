"""Thousands of calls at once on one connection: each is taken up, none is cut off for being one too many."""

import asyncio
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.processes import serving
from tests.support.wire import SECONDS

BURST = 3_000


@pytest.mark.slow
async def test_beside_thousands_of_subscriptions_a_command_is_answered_and_seen_by_all(
    new_log: Path, tmp_path: Path
) -> None:
    async with serving(Path(shutil.copytree(new_log, tmp_path / "data"))) as server:
        burst = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.support.burst", server.address, str(BURST)),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            said, _ = await asyncio.wait_for(burst.communicate(), 2 * SECONDS)
        finally:
            if burst.returncode is None:
                burst.kill()
                await burst.wait()
    assert said.split() == [b"3000", b"3000"]
