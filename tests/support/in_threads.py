"""The sync client behind the face of the async one, so that one suite is run over both.

Whatever is awaited of the async client is called of the sync one in a thread, and awaited there. Names are looked
up in both: what only one of them has cannot be tested here.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, Self, cast

import foldlog_client
from foldlog_client import Client, sync

_THREADS = 32
_END = object()

Connect = Callable[..., Client]


def connect(target: str, **options: Any) -> Client:
    """As `foldlog_client.connect`, of the sync client."""
    return cast(Client, _SyncClient(sync.connect(target, **options), ThreadPoolExecutor(_THREADS)))


class _InThreads:
    """An object of the sync client."""

    def __init__(self, blocking: Any, threads: ThreadPoolExecutor) -> None:
        self._blocking = blocking
        self._threads = threads
        self._twin = _twin_of(type(blocking))

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._blocking, name)
        if not callable(value):
            return _InThreads(value, self._threads) if _has_twin(type(value)) else value
        twin = getattr(self._twin, name)
        assert inspect.signature(value).parameters.keys() == inspect.signature(twin).parameters.keys() - {
            "self"
        }
        if inspect.iscoroutinefunction(twin):
            return lambda *args, **named: self._do(value, *args, **named)
        return lambda *args, **named: _Iterator(value(*args, **named), self._threads)

    async def _do(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: function(*args, **named))


class _SyncClient(_InThreads):
    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
        self._threads.shutdown(wait=False)

    async def close(self) -> None:
        await self._do(self._blocking.close)


class _Iterator:
    """A subscription, a watch or a generator of the sync client."""

    def __init__(self, blocking: Any, threads: ThreadPoolExecutor) -> None:
        self._blocking = blocking
        self._threads = threads

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blocking, name)

    def messages(self) -> "_Iterator":
        return _Iterator(self._blocking.messages(), self._threads)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._blocking.close)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        loop = asyncio.get_running_loop()
        item = await loop.run_in_executor(self._threads, next, self._blocking, _END)
        if item is _END:
            raise StopAsyncIteration
        return item


def _has_twin(kind: type) -> bool:
    return kind.__module__.endswith(".sync_client") or kind.__module__.startswith(sync.__name__)


def _twin_of(kind: type) -> type:
    """The async client's class of the same name."""
    module = kind.__module__.replace(".sync_client", ".async_client").replace(
        sync.__name__, "foldlog_client.aio"
    )
    return cast(type, getattr(import_module(module), kind.__name__))


BOTH: dict[str, Connect] = {"async": foldlog_client.connect, "sync": connect}
"""How to connect either client."""
