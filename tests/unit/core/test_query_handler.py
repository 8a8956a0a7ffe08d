"""How long a query waits for its view."""

from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from foldlog.v1.reads_pb2 import ReadOptions
from foldlog_server.core.errors import ReadRefused
from foldlog_server.core.query_handler import Reads


class BehindProjector:
    """A view that stays behind, and keeps how long it was waited for."""

    view = SimpleNamespace(name="orders")
    position = 1
    failed = None

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def wait_for(self, position: int, max_wait: float) -> bool:
        self.waits.append(max_wait)
        return False


@pytest.mark.parametrize(
    ("max_wait", "seconds"),
    [(None, 2.0), (Duration(), 0.0), (Duration(nanos=5_000_000), 0.005), (Duration(seconds=30), 30.0)],
    ids=["2 seconds if not said", "0", "5 milliseconds", "30 seconds"],
)
async def test_a_query_waits_as_long_as_it_says(max_wait: Duration | None, seconds: float) -> None:
    projector = BehindProjector()
    store: Any = SimpleNamespace(head=SimpleNamespace(position=2))
    projectors: Any = SimpleNamespace(of=lambda _: projector)
    with pytest.raises(ReadRefused):
        await Reads(store, projectors, lambda: 0).wait(
            "orders", ReadOptions(min_position=2, max_wait=max_wait)
        )
    assert projector.waits == [seconds]
