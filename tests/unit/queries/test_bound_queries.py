"""How long a query waits for its view."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.duration_pb2 import Duration

from foldlog.v1.reads_pb2 import Freshness, ReadOptions
from foldlog_server.errors import ReadRefused
from foldlog_server.log.lineage import Lineage
from foldlog_server.queries.reads import Reads
from foldlog_server.views.read_model import Found


class BehindProjector:
    """A view that stays behind, and keeps how long it was waited for."""

    view = SimpleNamespace(name="orders")
    position = 1
    failed = None
    damage = ""
    answers_from = 0

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


async def test_the_latest_is_what_the_log_has_when_it_is_asked_for() -> None:
    projector = BehindProjector()
    store: Any = SimpleNamespace(head=SimpleNamespace(position=9))
    projectors: Any = SimpleNamespace(of=lambda _: projector)
    reads = Reads(store, projectors, lambda: 0)
    with pytest.raises(ReadRefused) as refused:
        await reads.wait("orders", ReadOptions(min_position=1, latest=True, max_wait=Duration()))
    assert refused.value.metadata["min_position"] == "9"
    store.head.position = projector.position = 10
    await reads.wait("orders", ReadOptions(latest=True))
    with pytest.raises(ReadRefused, match="beyond"):
        await reads.wait("orders", ReadOptions(min_position=11, latest=True))


async def test_freshness_made_once_is_that_of_the_position_and_of_a_view_that_goes_on() -> None:
    store: Any = SimpleNamespace(
        log_id="log", head=SimpleNamespace(position=0), lineage=Lineage(str(UUID(int=1)), ())
    )
    view = SimpleNamespace(failed=None, damage="")
    projectors: Any = SimpleNamespace(of=lambda _: view)
    reads = Reads(store, projectors, lambda: 0)

    async def found(position: int, incomplete: bool = False) -> tuple[str, int, int, bool]:
        answer = Found(b"", position, incomplete)
        fresh = Freshness.FromString(await reads.encoded_freshness(answer, "orders"))
        assert fresh.HasField("lag_time")
        return fresh.log_id, fresh.position, fresh.head, fresh.incomplete

    assert await found(0) == ("log", 0, 0, False)
    store.head.position = 7
    assert await found(7) == await found(7) == ("log", 7, 7, False)
    assert await found(8) == ("log", 8, 8, False)
    assert await found(8, incomplete=True) == ("log", 8, 8, True)
    assert await found(8) == ("log", 8, 8, False)
    view.failed = ArithmeticError()
    assert await found(8) == ("log", 8, 8, True)
