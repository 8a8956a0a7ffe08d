"""Runs a program while its server is killed again and again."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import IO

from examples.clients.building import environment
from examples.clients.languages import Language
from examples.clients.mortal_server import MortalServer
from foldlog.orders.v1.events_pb2 import OrderCreated
from foldlog_client import connect

_SECONDS = 120


@dataclass(slots=True)
class Run:
    """The result of a run."""

    lines: list[str] = field(default_factory=list)
    """What the program printed, in order."""
    errors: str = ""
    """What it wrote to stderr."""
    exit_code: int | None = None
    """None = it did not end in time, and was killed."""
    kill_times: list[float] = field(default_factory=list)
    """When its server was killed, in seconds since the epoch."""
    seconds: float = 0.0
    """How long it ran."""


async def run(language: Language, server: MortalServer, orders: int, kills: int) -> Run:
    """Run the program to its end. When n sixths of its orders are written, the server is killed for
    the n-th time.

    Raises ServerFailed.
    """
    began, came = time.monotonic(), Run()

    async def kill() -> None:
        came.kill_times.append(time.time())
        await server.restart()

    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = await started(language, server.address, orders, output, errors)
        ended = asyncio.create_task(process.wait())
        try:
            async with asyncio.timeout(_SECONDS):
                await at_sixths(kills, kill, server.address, orders, ended)
                came.exit_code = await asyncio.shield(ended)
        except TimeoutError:
            pass
        finally:
            if process.returncode is None:
                process.kill()
            await ended
        came.lines, came.errors = text(output).splitlines(), text(errors).strip()
    came.seconds = time.monotonic() - began
    return came


async def started(
    language: Language, address: str, orders: int, output: IO[bytes], errors: IO[bytes]
) -> asyncio.subprocess.Process:
    """Start a built program, as a process that writes to the two files."""
    return await asyncio.create_subprocess_exec(
        # A path is relative to the program's directory; a name is searched in the PATH.
        *("env", *language.run, address, str(orders)),
        cwd=language.directory,
        env=environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
    )


async def at_sixths(
    times: int, act: Callable[[], Awaitable[None]], address: str, orders: int, ended: asyncio.Task[int]
) -> None:
    """Act when each of the first sixths of a program's orders is written, unless it has ended."""
    for sixth in range(1, times + 1):
        # The program's first order comes before those that it is asked to write.
        reached = asyncio.create_task(written(address, 1 + orders * sixth // 6))
        await asyncio.wait({reached, ended}, return_when=asyncio.FIRST_COMPLETED)
        reached.cancel()
        await asyncio.gather(reached, return_exceptions=True)
        if ended.done():
            return
        await act()


async def written(address: str, orders: int) -> None:
    """Wait until the log has so many orders."""
    async with connect(address) as client, client.events.subscribe(event_types=[OrderCreated]) as events:
        async for _ in events:
            orders -= 1
            if orders == 0:
                break


def text(file: IO[bytes]) -> str:
    """Return the whole text of a file."""
    file.seek(0)
    return file.read().decode(errors="replace")
