"""Runs a real server in a test, in one line: `with testing.server() as server:`, or `async with`.

It listens on a free port, over a temporary directory that is removed with it. It runs in a thread and an
event loop of its own, so that a test that waits or blocks its loop does not block the server. It needs the
extra `server`.
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

    If you give a directory, it is served, and kept afterwards. `domains` are the names of your own domains,
    such as "bank.domain:BANK"; they are served beside the shop, unless `shop` is false. Entering the `with`
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
        """A new client, which you must close; of another class if you name one, such as the generated
        `bank.v1.sync_client.Client`. For one with options, call
        `foldlog_client.sync.connect(server.address, ...)`."""
        return client.connect(self.address)

    def stop(self) -> None:
        """Stop serving: calls under way are cut off, and new ones fail. What was stored is kept."""
        self._running.do(self._running.stop)

    def start(self) -> None:
        """Serve again, at the same address and from the same data."""
        self._running.do(self._running.start)

    def restart(self) -> None:
        """Stop and start: connections are lost and opened again, subscriptions and watches resume."""
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
        """A new client, which you must close; of another class if you name one, such as the generated
        `bank.v1.async_client.Client`. For one with options, call
        `foldlog_client.connect(server.address, ...)`."""
        return client.connect(self.address)

    async def stop(self) -> None:
        """Stop serving: calls under way are cut off, and new ones fail. What was stored is kept."""
        await self._running.done(self._running.stop)

    async def start(self) -> None:
        """Serve again, at the same address and from the same data."""
        await self._running.done(self._running.start)

    async def restart(self) -> None:
        """Stop and start: connections are lost and opened again, subscriptions and watches resume."""
        await self.stop()
        await self.start()


class _Opening:
    """The context manager that starts a server and removes it."""

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
            raise RuntimeError("This server runs already: each `with` needs a server() of its own.")
        self._running = _Running(self._data, self._domains, self._shop)
        return self._running

    def _end(self, running: "_Running") -> None:
        self._running = None
        running.close()


class _Running:
    """A server in the event loop of a thread of its own, and its directory."""

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
        """Run work in the thread, and wait for it."""
        self._handed_over(work).result()

    async def done(self, work: Work) -> None:
        """Run work in the thread, and await it. If the caller is cancelled, the work still runs to its end:
        nothing can use a server that is half started."""
        await asyncio.shield(asyncio.wrap_future(self._handed_over(work)))

    def _handed_over(self, work: Work) -> "Future[None]":
        if not self._thread.is_alive():
            raise RuntimeError("The server has ended with its `with`, and cannot be used any more.")
        return asyncio.run_coroutine_threadsafe(work(), self._loop)

    async def start(self) -> None:
        """Start serving, unless it does already."""
        async with self._turn:
            if self._app is None:
                settings = Settings(self.address, self.data, grace=0, domains=self._domains, shop=self._shop)
                self._app = await App.start(settings, on_failure=self._failures.append)
                self._port = self._app.port

    async def stop(self) -> None:
        """Stop serving. Raises the failure of the store, if there was one."""
        async with self._turn:
            app, self._app = self._app, None
            if app is not None:
                await app.stop(0)
            if self._failures:
                raise self._failures.pop()

    def close(self) -> None:
        """Stop serving, end the thread, and remove the directory if it is temporary. Raises as `stop`."""
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
