"""A server in a process of its own that can be ended at any point, and a channel to it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio

from tests.support.wire import SECONDS, Wire, connected


class Dying(Wire):
    """A client's view of a server that will end without warning."""

    def __init__(self, process: asyncio.subprocess.Process, channel: grpc.aio.Channel) -> None:
        self.process = process
        self.channel = channel

    async def ended(self) -> int:
        """How it ended: less than 0 by a signal of this number."""
        return await asyncio.wait_for(self.process.wait(), SECONDS)


@asynccontextmanager
async def dying(data: Path, point: str = "", number: int = 0) -> AsyncIterator[Dying]:
    """A server that ends at a point of its first commit; without one, only when it is killed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.crash.dying_server", str(data), point, str(number)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])},
    )
    assert process.stdout is not None
    try:
        address = (await asyncio.wait_for(process.stdout.readline(), SECONDS)).decode().strip()
        assert address, "The server did not start."
        channel = connected(address)
        yield Dying(process, channel)
        await channel.close()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
