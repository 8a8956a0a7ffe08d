"""A day of a real retailer's invoices, backed up in the middle of its import, is that history again elsewhere."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from foldlog_server.domains.shop import SHOP
from tests.support.copies import backed_up, log_in, restored
from tests.support.processes import foldlog, serving

ROOT = Path(__file__).parents[2]
DATA = os.environ.get("FOLDLOG_RETAIL_DATA")
ENOUGH = 3_000
"""Events of the middle: the day has more than twice as many."""


@pytest.mark.slow
@pytest.mark.skipif(DATA is None, reason="FOLDLOG_RETAIL_DATA names no file of the Online Retail data set")
async def test_a_backup_in_the_middle_of_a_days_import_is_its_history_elsewhere(tmp_path: Path) -> None:
    data, backup, elsewhere = tmp_path / "data", tmp_path / "backup", tmp_path / "elsewhere"
    async with serving(data) as server:
        retail = (
            "-m",
            "examples.online_retail",
            str(DATA),
            "--day",
            "2010-12-01",
            "--address",
            server.address,
        )
        importing = await asyncio.create_subprocess_exec(
            sys.executable,
            *retail,
            cwd=ROOT,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            while (await position(server.address)) < ENOUGH:
                assert importing.returncode is None, "the import was over before the backup began"
            await backed_up(data, backup)
            assert importing.returncode is None, "the import was over before the backup was"
            assert await importing.wait() == 0  # it agreed with every read model, backup or not
        finally:
            if importing.returncode is None:
                importing.kill()
                await importing.wait()
    await restored(backup, elsewhere)
    whole, copy = log_in(data), log_in(elsewhere)
    assert ENOUGH <= len(copy.events) < len(whole.events)
    assert copy.events == whole.events[: len(copy.events)]
    async with serving(elsewhere) as server:  # its views are made, and verified beside it
        while not await seen_all(server.address, len(copy.events)):  # noqa: ASYNC110  nobody sets an event
            await asyncio.sleep(0.1)
        await server.stop()
    ended = await foldlog("verify", "--full", "--json", "--data", elsewhere)
    found = json.loads(ended.output)
    assert (ended.code, found["damages"], found["notes"]) == (0, [], [])
    assert (found["events"], found["views"]) == (len(copy.events), len(SHOP.views))


async def position(address: str) -> int:
    return int((await views(address))["head"])


async def seen_all(address: str, head: int) -> bool:
    return all(int(view["position"]) == head for view in (await views(address))["views"])


async def views(address: str) -> dict[str, Any]:
    listed: dict[str, Any] = json.loads(
        (await foldlog("views", "list", "--json", "--address", address)).output
    )
    return listed
