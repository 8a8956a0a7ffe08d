"""A server process of one's own: started on a free port, and always ended, it and no other."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

_STARTED = re.compile(r" at (?P<address>\S+:\d+)\. ")
_SECONDS_TO_START = 120
_SECONDS_TO_STOP = 20


class ServerFailed(Exception):
    """The server process did not start, or ended before it was told to."""


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A running server."""

    address: str
    """Host and port."""
    process: asyncio.subprocess.Process

    async def ended(self) -> ServerFailed:
        """Waits until the process ends by itself, and gives the reason to stop."""
        code = await self.process.wait()
        return ServerFailed(f"The server ended with exit code {code}.")


@asynccontextmanager
async def serve(data: Path) -> AsyncIterator[ServerProcess]:
    """Serve a data directory for as long as the block lasts. Raises ServerFailed."""
    # A session of its own: Ctrl-C is for the example, which then ends the server in order.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "foldlog_server", "serve"),
        *("--listen", "127.0.0.1:0", "--data", str(data), "--log-level", "error"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    try:
        yield ServerProcess(await _address(process), process)
    finally:
        await _end(process)


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), _SECONDS_TO_START)).decode()
    except TimeoutError:
        raise ServerFailed(f"The server did not start within {_SECONDS_TO_START} seconds.") from None
    found = _STARTED.search(line)
    if found is None:
        raise ServerFailed(f"The server did not start; it said {line.strip()!r} and what stands above.")
    return found["address"]


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _SECONDS_TO_STOP)
    except TimeoutError:
        process.kill()
        await process.wait()
