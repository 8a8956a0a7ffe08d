"""A real server in the loop of its test, and what a test does to it behind its back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import foldlog_client
from foldlog_server.app.app import App
from foldlog_server.app.server_clock import Reading, monotonic_ns
from foldlog_server.log.event_store import Append, Appended, RecordedRequest, RequestKey, StreamAppend
from foldlog_server.log.events import NewEvent
from foldlog_server.settings import Settings
from tests.support.in_threads import Connect
from tests.support.wire import SECONDS, Wire, connected


class Server(Wire):
    """A server on a port and directory that stay the same when it is started again."""

    def __init__(self, data: Path, **settings: Any) -> None:
        self.data = data
        self.settings = settings
        self.port = 0
        self.clock: Reading = time.time_ns
        self.monotonic: Reading = monotonic_ns
        self.app: App

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self, on_failure: Callable[[BaseException], None] | None = None) -> None:
        settings = Settings(f"127.0.0.1:{self.port}", self.data, **self.settings)
        self.app = await App.start(
            settings, clock=self.clock, monotonic=self.monotonic, on_failure=on_failure
        )
        self.port = self.app.port
        self.channel = connected(self.address)

    async def stop(self, grace: float = 0) -> None:
        await self.channel.close()
        await self.app.stop(grace)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    # What a test does behind the server's back

    def projector(self, collection: str) -> Any:
        """What keeps a collection up to date."""
        return self.app.parts.projectors.of(collection)

    @property
    def views(self) -> Any:
        """What lets all views go on; stopped, they lag."""
        return self.app.parts.projectors._scheduler

    async def recorded_request(self, request_id: str) -> RecordedRequest | None:
        return await self.app.parts.store.find_request(RequestKey("", request_id))

    async def write(self, stream: str, count: int, size: int) -> None:
        """Events of one commit in a new stream, of a type that no view looks at."""
        new = tuple(NewEvent(f"{stream}/{number}", "test.v1.Written", b"x" * size) for number in range(count))
        await self.app.parts.store.append(Append((StreamAppend(stream, 0, new),)))

    def hold_appends(self) -> "HeldAppends":
        return HeldAppends(self.app)


class HeldAppends:
    """Appends that are kept from the store for as long as a test wants."""

    def __init__(self, app: Any) -> None:
        self._store = app.parts.store
        self._append = self._store.append
        self._held: list[tuple[Append, asyncio.Future[Appended]]] = []
        self.came = asyncio.Event()
        """Set when there is one."""
        self._store.append = self._hold

    def __len__(self) -> int:
        return len(self._held)

    def _hold(self, append: Append) -> "asyncio.Future[Appended]":
        future: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self._held.append((append, future))
        self.came.set()
        return future

    def release(self) -> None:
        """Let them be stored, and hold no more."""
        self._store.append = self._append
        for append, future in self._held:
            self._append(append).add_done_callback(partial(_pass_on, future))


def _pass_on(future: "asyncio.Future[Appended]", stored: "asyncio.Future[Appended]") -> None:
    error = stored.exception()
    if error is None:
        future.set_result(stored.result())
    else:
        future.set_exception(error)


@asynccontextmanager
async def serving(data: Path, **settings: Any) -> AsyncIterator[Server]:
    server = Server(data, **settings)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def client_of(
    server: Server, connect: Connect = foldlog_client.connect, **options: Any
) -> AsyncIterator[foldlog_client.Client]:
    async with connect(server.address, **options) as client:
        yield client


async def until(condition: Callable[[], object]) -> None:
    """Let others go on until something is so."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110  nobody here sets an event
            await asyncio.sleep(0.001)
