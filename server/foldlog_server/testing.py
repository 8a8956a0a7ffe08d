"""A real server in a line, for tests: `with testing.server() as server:`, or `async with`.

It listens on a free port, over a temporary directory that goes with it, and runs in a thread and an event
loop of its own: neither who waits in a test nor who blocks a loop stands in its way. It needs the extra
`server`.
"""

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TypeVar, overload

from foldlog_server.installed import missing

if _missing := missing():
    raise ModuleNotFoundError(f"foldlog_server.testing needs a server. {_missing}")

import foldlog_client
from foldlog_client import sync
from foldlog_server.app.app import App
from foldlog_server.process import loop_factory
from foldlog_server.settings import Settings

__all__ = ["AsyncServer", "Server", "server"]

SyncClient = TypeVar("SyncClient", bound=sync.Client)
AsyncClient = TypeVar("AsyncClient", bound=foldlog_client.Client)
Work = Callable[[], Coroutine[None, None, None]]


def server(data: Path | None = None, *, domains: Sequence[str] = (), shop: bool = True) -> "_Opening":
    """A server, in `with` a `Server` and in `async with` an `AsyncServer`.

    With a directory of yours it serves that, and leaves it where it is. `domains` are the names of your
    own, such as "bank.domain:BANK"; they are served beside the shop, unless that is left out. Entering it
    raises `foldlog_server.domains.loading.DomainsUnfit` if they cannot be served.
    """
    return _Opening(data, domains, shop)


class Server:
    """A running server, for code that blocks and for the sync client."""

    def __init__(self, running: "_Running") -> None:
        self._running = running

    @property
    def address(self) -> str:
        """Host and port; the same after a restart."""
        return self._running.address

    @property
    def data(self) -> Path:
        """The data directory."""
        return self._running.data

    @overload
    def connect(self) -> sync.Client: ...

    @overload
    def connect(self, client: type[SyncClient]) -> SyncClient: ...

    def connect(self, client: type[sync.Client] = sync.Client) -> sync.Client:
        """A client of its own, to be closed by you; of another class, such as the generated
        `bank.v1.sync_client.Client`. With options: `foldlog_client.sync.connect(server.address, ...)`."""
        return client.connect(self.address)

    def stop(self) -> None:
        """Be gone: calls under way are cut off, and clients find nobody. What was answered is kept."""
        self._running.do(self._running.stop)

    def start(self) -> None:
        """Be there again, at the same address and over the same data."""
        self._running.do(self._running.start)

    def restart(self) -> None:
        """Stop and start: connections are lost and made again, subscriptions and watches go on."""
        self.stop()
        self.start()


class AsyncServer:
    """A running server, for coroutines and for the async client."""

    def __init__(self, running: "_Running") -> None:
        self._running = running

    @property
    def address(self) -> str:
        """Host and port; the same after a restart."""
        return self._running.address

    @property
    def data(self) -> Path:
        """The data directory."""
        return self._running.data

    @overload
    def connect(self) -> foldlog_client.Client: ...

    @overload
    def connect(self, client: type[AsyncClient]) -> AsyncClient: ...

    def connect(self, client: type[foldlog_client.Client] = foldlog_client.Client) -> foldlog_client.Client:
        """A client of its own, to be closed by you; of another class, such as the generated
        `bank.v1.async_client.Client`. With options: `foldlog_client.connect(server.address, ...)`."""
        return client.connect(self.address)

    async def stop(self) -> None:
        """Be gone: calls under way are cut off, and clients find nobody. What was answered is kept."""
        await self._running.done(self._running.stop)

    async def start(self) -> None:
        """Be there again, at the same address and over the same data."""
        await self._running.done(self._running.start)

    async def restart(self) -> None:
        """Stop and start: connections are lost and made again, subscriptions and watches go on."""
        await self.stop()
        await self.start()


class _Opening:
    """From nothing to a server and back to nothing."""

    def __init__(self, data: Path | None, domains: Sequence[str], shop: bool) -> None:
        self._data = data
        self._domains = domains
        self._shop = shop
        self._running: _Running | None = None

    def __enter__(self) -> Server:
        running = self._begun()
        try:
            running.do(running.start)
        except BaseException:
            self._end(running)
            raise
        return Server(running)

    def __exit__(self, *_: object) -> None:
        assert self._running is not None
        self._end(self._running)

    async def __aenter__(self) -> AsyncServer:
        running = self._begun()
        try:
            await running.done(running.start)
        except BaseException:
            self._end(running)
            raise
        return AsyncServer(running)

    async def __aexit__(self, *_: object) -> None:
        running = self._running
        assert running is not None
        try:
            await running.done(running.stop)
        finally:
            self._end(running)

    def _begun(self) -> "_Running":
        if self._running is not None:
            raise RuntimeError("This server runs already: each `with` takes a server() of its own.")
        self._running = _Running(self._data, self._domains, self._shop)
        return self._running

    def _end(self, running: "_Running") -> None:
        self._running = None
        running.close()


class _Running:
    """A server in the loop of a thread of its own, and its directory."""

    def __init__(self, data: Path | None, domains: Sequence[str], shop: bool) -> None:
        self._domains = domains
        self._shop = shop
        self.data = data or Path(tempfile.mkdtemp(prefix="foldlog-testing-"))
        self._is_temporary = data is None
        self._port = 0
        self._app: App | None = None
        self._turn = asyncio.Lock()
        self._failures: list[BaseException] = []
        self._has_loop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="foldlog-testing", daemon=True)
        self._thread.start()
        self._has_loop.wait()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def do(self, work: Work) -> None:
        """Have the thread do it, and wait."""
        self._handed_over(work).result()

    async def done(self, work: Work) -> None:
        """Have the thread do it. Who is cancelled waits no longer, but half a server is none: it is done
        to its end."""
        await asyncio.shield(asyncio.wrap_future(self._handed_over(work)))

    def _handed_over(self, work: Work) -> "Future[None]":
        if not self._thread.is_alive():
            raise RuntimeError("The server went with its `with`, and cannot be had back.")
        return asyncio.run_coroutine_threadsafe(work(), self._loop)

    async def start(self) -> None:
        """Serve, unless it does."""
        async with self._turn:
            if self._app is None:
                settings = Settings(self.address, self.data, grace=0, domains=self._domains, shop=self._shop)
                self._app = await App.start(settings, on_failure=self._failures.append)
                self._port = self._app.port

    async def stop(self) -> None:
        """Serve no more. Raises what has made the store fail."""
        async with self._turn:
            app, self._app = self._app, None
            if app is not None:
                await app.stop(0)
            if self._failures:
                raise self._failures.pop()

    def close(self) -> None:
        """Serve no more, end the thread, and remove the directory if it is temporary. Raises as `stop`."""
        try:
            self.do(self.stop)
        finally:
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join()
            if self._is_temporary:
                with suppress(FileNotFoundError):  # a test may have removed it
                    shutil.rmtree(self.data)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            self._loop = runner.get_loop()
            runner.run(self._until_closed())

    async def _until_closed(self) -> None:
        self._ending = asyncio.Event()
        self._has_loop.set()
        await self._ending.wait()
