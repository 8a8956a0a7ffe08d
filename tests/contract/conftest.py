"""Every engine there is, one at a time, under the name `store`."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from foldlog_server.core.event_store import EventStore
from foldlog_server.stores.memory import MemoryEventStore
from foldlog_server.stores.sqlite import SqliteEventStore
from tests.contract.appends import Clock, new_id

WINDOW = timedelta(hours=24)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _unexpected(error: BaseException) -> None:
    raise AssertionError("the store failed") from error


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[EventStore]:
    engine: EventStore
    if request.param == "memory":
        engine = MemoryEventStore(clock=clock, new_id=new_id, request_window=WINDOW)
    else:
        engine = await SqliteEventStore.open(
            tmp_path, clock=clock, new_id=new_id, request_window=WINDOW, on_failure=_unexpected
        )
    yield engine
    await engine.close()
