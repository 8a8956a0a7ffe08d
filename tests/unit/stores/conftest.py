"""Stores in a directory of their own, closed at the end of the test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from tests.contract.appends import Clock, new_id

OpenStore = Callable[[], Awaitable[SqliteEventStore]]


@pytest.fixture
def failures() -> list[BaseException]:
    """The errors with which stores called `on_failure`."""
    return []


@pytest.fixture
async def open_store(tmp_path: Path, failures: list[BaseException]) -> AsyncIterator[OpenStore]:
    """Opens the log in `tmp_path`."""
    async with AsyncExitStack() as stores:

        async def open_one() -> SqliteEventStore:
            store = await SqliteEventStore.open(
                tmp_path, clock=Clock(), new_id=new_id, on_failure=failures.append
            )
            stores.push_async_callback(store.close)
            return store

        yield open_one


@pytest.fixture
async def store(open_store: OpenStore) -> SqliteEventStore:
    return await open_store()
