"""Runs a server that can be killed, and started again at the same address over the same data."""

import asyncio
import os
import random
import socket
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from examples.serving import ServerFailed

_SECONDS_TO_START = 60
# Below the ports that systems give to outgoing connections. There, a client that tries to connect while no
# server listens can get the very port it tries, is connected with itself, and the server cannot bind its port
# again.
_PORTS = range(20_000, 32_000)


class MortalServer:
    """`async with MortalServer(foldlog, data) as server:` serves; the end of the block kills it."""

    def __init__(self, foldlog: Path, data: Path) -> None:
        """`foldlog` is the command of the release to run."""
        self.address = f"127.0.0.1:{_free_port()}"
        self._command = (str(foldlog), "serve", "--listen", self.address, "--data", str(data))
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._kill()

    async def restart(self, between: Callable[[], None] = lambda: None) -> None:
        """Kill it as a crash does, call `between` while no server runs, and serve again. Raises
        ServerFailed."""
        await self._kill()
        between()
        await self._start()

    async def restart_in_order(self) -> None:
        """Stop it with SIGTERM, and serve again. Raises ServerFailed."""
        assert self._process is not None
        self._process.terminate()
        await self._process.wait()
        await self._start()

    async def _start(self) -> None:
        variables = {name: value for name, value in os.environ.items() if not name.startswith("FOLDLOG_")}
        # In a session of its own: Ctrl-C goes to the program that started it, which then ends it.
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            *("--log-level", "error"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            env={**variables, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        assert self._process.stdout is not None
        try:
            greeting = await asyncio.wait_for(self._process.stdout.readline(), _SECONDS_TO_START)
        except TimeoutError:
            raise ServerFailed(f"The server did not start within {_SECONDS_TO_START} seconds.") from None
        if self.address.encode() not in greeting:
            raise ServerFailed(f"The server did not start; it said {greeting!r} and what stands above.")

    async def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


def _free_port() -> int:
    for port in random.sample(_PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerFailed(f"None of 100 ports of {_PORTS.start} to {_PORTS.stop} is free.")
