"""The example clients of other languages, each against a server of its own."""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

import pytest

from examples.clients.building import Skipped, build
from examples.clients.languages import LANGUAGES, Language
from examples.clients.mortal_server import MortalServer
from examples.clients.running import started, text, written
from tests.support.processes import FOLDLOG
from tests.support.wire import SECONDS

ROOT = Path(__file__).parents[2]

each_language = pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)


@pytest.mark.slow
@each_language
def test_it_sees_everything_once_through_kills_of_its_server(language: Language) -> None:
    command = (sys.executable, "-m", "examples.clients", language.name)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    verdict = done.stdout.splitlines()[-1]
    if verdict.startswith(f"{language.name}: skipped: "):
        pytest.skip(verdict)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert verdict.startswith(f"{language.name}: passed"), done.stdout


@pytest.mark.slow
@each_language
async def test_it_goes_on_when_its_server_is_stopped_in_order(language: Language, tmp_path: Path) -> None:
    orders, stops = 600, 5
    async with (
        MortalServer(FOLDLOG, tmp_path / "data") as server,
        running(language, server.address, orders) as (process, output, errors),
    ):
        for stop in range(1, stops + 1):
            await written(server.address, stop * orders // (stops + 1))
            await server.restart_in_order()
        code = await asyncio.wait_for(process.wait(), SECONDS)
        assert (code, text(errors)) == (0, "")
        assert f"done: {orders} orders written, {2 * orders} events" in text(output)


@pytest.mark.slow
@each_language
async def test_a_log_that_was_replaced_ends_it(language: Language, tmp_path: Path) -> None:
    data, endless = tmp_path / "data", 1_000_000
    async with (
        MortalServer(FOLDLOG, data) as server,
        running(language, server.address, endless) as (process, _, errors),
    ):
        await written(server.address, 10)
        await server.restart(between=lambda: shutil.rmtree(data))
        code = await asyncio.wait_for(process.wait(), SECONDS)
        [told] = text(errors).splitlines()
        assert (code, "and this is log" in told) == (1, True), told


@asynccontextmanager
async def running(
    language: Language, address: str, orders: int
) -> AsyncIterator[tuple[asyncio.subprocess.Process, IO[bytes], IO[bytes]]]:
    """The program's process with what it prints and what it says on stderr; killed at the end if need be."""
    try:
        await asyncio.to_thread(build, language)
    except Skipped as reason:
        pytest.skip(f"{language.name}: {reason}")
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = await started(language, address, orders, output, errors)
        try:
            yield process, output, errors
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
