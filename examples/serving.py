"""Starts a server process on a free port, and always ends it, and no other process."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_STARTED = re.compile(r" at (?P<address>\S+:\d+)\. ")
_SECONDS_TO_START = 120
_SECONDS_TO_STOP = 20


class ServerFailed(Exception):
    """The server process did not start, or ended by itself."""


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A running server."""

    address: str
    """Host and port."""
    process: asyncio.subprocess.Process

    async def unless_it_ends(self, work: Coroutine[None, None, T]) -> T:
        """Return the result of the work. Raises ServerFailed as soon as the server has ended by itself."""
        working, ended = asyncio.ensure_future(work), asyncio.ensure_future(self.process.wait())
        try:
            await asyncio.wait({working, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise ServerFailed(f"The server ended by itself, with exit code {ended.result()}.")
            return working.result()
        finally:
            for task in (working, ended):
                task.cancel()
            await asyncio.gather(working, ended, return_exceptions=True)


def cancel_at_sigterm() -> None:
    """Make SIGTERM cancel this task, as Ctrl-C does, so that a server which it started is ended too."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


@asynccontextmanager
async def serve(data: Path) -> AsyncIterator[ServerProcess]:
    """Serve a data directory while the block lasts. Raises ServerFailed."""
    # In a session of its own: Ctrl-C goes to the example, which then stops the server.
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
