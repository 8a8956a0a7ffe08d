"""A way to a server that cuts connections at chance moments."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Relay:
    """Passes bytes on to a server, and cuts each connection after a chance number of them."""

    def __init__(self, port: int, chance: random.Random, within: int) -> None:
        self.cuts = 0
        self.may_cut = 0
        """Cuts in all: a batch may be larger than what a connection that is cut lets pass."""
        self._port = port
        self._chance = chance
        self._within = within

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:  # the server is being started again
            writer.transport.abort()
            return
        left = self._chance.randrange(self._within)
        sending = asyncio.ensure_future(self._pass_all(reader, back))
        with suppress(ConnectionError):  # one side is gone: so is the other then
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
async def relayed(
    port: int, chance: random.Random, *, within: int = 40_000
) -> AsyncIterator[tuple[Relay, str]]:
    """A relay, and its address; it cuts a connection within so many bytes to the client."""
    relay = Relay(port, chance, within)
    listening = await asyncio.start_server(relay, "127.0.0.1", 0)
    try:
        yield relay, f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        await listening.wait_closed()
