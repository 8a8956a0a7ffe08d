"""Runs the suite with every engine, one at a time, as the fixture `store`."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from foldlog_server.log.event_store import EventStore
from foldlog_server.stores.memory import MemoryEventStore
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from tests.contract.appends import Clock, new_id

WINDOW = timedelta(seconds=8)
"""Short enough to pass in a few steps: a store counts at most 10 seconds between two calls."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def monotonic() -> Clock:
    return Clock(5_000)


def _unexpected(error: BaseException) -> None:
    raise AssertionError("the store failed") from error


@pytest.fixture(params=["memory", "sqlite"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock, monotonic: Clock
) -> AsyncIterator[EventStore]:
    engine: EventStore
    if request.param == "memory":
        engine = MemoryEventStore(clock=clock, monotonic=monotonic, new_id=new_id, request_window=WINDOW)
    else:
        engine = await SqliteEventStore.open(
            tmp_path,
            clock=clock,
            monotonic=monotonic,
            new_id=new_id,
            request_window=WINDOW,
            on_failure=_unexpected,
        )
    yield engine
    await engine.close()
