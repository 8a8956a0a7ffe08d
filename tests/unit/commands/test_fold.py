"""A fold is the same with snapshots and without, and with them it reads less."""

import asyncio
from collections.abc import Sequence
from operator import le

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog.inventory.v1.events_pb2 import StockReceived
from foldlog_server.commands import fold as folding
from foldlog_server.commands.fold import Folds
from foldlog_server.commands.pending_command import StreamState
from foldlog_server.commands.snapshots import Snapshot, Until
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domains.inventory.stock import STOCK
from foldlog_server.log.event_store import Append, StreamAppend
from foldlog_server.log.events import ANY, EncodedEvent, NewEvent
from tests.support.commands import CODEC, Commands, HeldStore

STREAM = "stock-tea"


class Kept:
    """Snapshots that remember everything, and what was asked of them."""

    def __init__(self) -> None:
        self.all: list[Snapshot] = []
        self.asked: list[Until] = []

    def newest(self, stream: str, decider: AnyDecider, until: Until) -> Snapshot | None:
        self.asked.append(until)
        within = [
            one
            for one in self.all
            if one.version <= until.version and one.position <= until.position and one.time <= until.time
        ]
        return max(within, default=None, key=lambda one: one.version)

    def keep(self, stream: str, decider: AnyDecider, snapshot: Snapshot) -> None:
        assert (stream, decider) == (STREAM, STOCK)
        self.all.append(snapshot)


class Ticking(HeldStore):
    """Stamps each append with the next number, and counts the events that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[int] = []
        self._clock = lambda: self._time + 1

    async def read_stream(
        self, stream: str, *, from_version: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        events = await super().read_stream(
            stream, from_version=from_version, backwards=backwards, limit=limit
        )
        self.read.append(len(events))
        return events


async def received(store: Ticking, count: int) -> None:
    """A stream of so many events, with one of another stream behind each."""
    for version in range(count):
        for stream in (STREAM, "stock-jam"):
            data = StockReceived(quantity=version + 1).SerializeToString()
            new = NewEvent(f"{stream} {version + 1}", StockReceived.DESCRIPTOR.full_name, data)
            await store.append(Append((StreamAppend(stream, version, (new,)),)))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshots are due every ten events, and looked for after four."""
    monkeypatch.setattr(folding, "EVERY", 10)
    monkeypatch.setattr(folding, "_FEW", 4)


def told(state: StreamState) -> tuple[int, int, object]:
    return state.version, state.position, state.state


@pytest.mark.usefixtures("small")
class TestFold:
    async def test_a_long_fold_keeps_a_snapshot_every_so_many_events(self) -> None:
        store, kept = Ticking(), Kept()
        await received(store, 35)
        folded = await Folds(store, CODEC, kept).fold(STOCK, STREAM)
        assert [one.version for one in kept.all] == [10, 20, 30]
        assert [(one.position, one.time, one.event_id) for one in kept.all] == [
            (version * 2 - 1, version * 2 - 1, f"{STREAM} {version}") for version in (10, 20, 30)
        ]
        assert folded.version == 35
        assert folded.state.on_hand == 35 * 36 // 2

    async def test_the_next_fold_begins_with_the_newest(self) -> None:
        store, kept = Ticking(), Kept()
        await received(store, 35)
        folds = Folds(store, CODEC, kept)
        first = await folds.fold(STOCK, STREAM)
        store.read.clear()
        assert told(await folds.fold(STOCK, STREAM)) == told(first)
        assert store.read == [4, 1, 5, 0]
        assert len(kept.asked) == 2

    async def test_a_short_stream_asks_for_none(self) -> None:
        store, kept = Ticking(), Kept()
        await received(store, 3)
        assert (await Folds(store, CODEC, kept).fold(STOCK, STREAM)).version == 3
        assert kept.asked == []

    async def test_a_snapshot_of_another_history_is_not_used(self) -> None:
        store, kept = Ticking(), Kept()
        await received(store, 15)
        kept.all.append(Snapshot(10, 19, 19, "another event", STOCK.initial))
        folded = await Folds(store, CODEC, kept).fold(STOCK, STREAM)
        assert folded.state.on_hand == 15 * 16 // 2

    async def test_a_snapshot_beyond_the_stream_is_not_used(self) -> None:
        store, kept = Ticking(), Kept()
        await received(store, 15)
        kept.all.append(Snapshot(20, 39, 39, f"{STREAM} 20", STOCK.initial))
        assert (await Folds(store, CODEC, kept).fold(STOCK, STREAM)).version == 15

    async def test_a_snapshot_that_is_passed_already_is_not_used(self) -> None:
        store, kept = Ticking(), Kept()
        await received(store, 6)
        kept.all.append(Snapshot(3, 5, 5, f"{STREAM} 3", STOCK.initial))
        assert (await Folds(store, CODEC, kept).fold(STOCK, STREAM)).state.on_hand == 21

    @pytest.mark.parametrize(("former", "version", "count"), [(8, 9, 0), (8, 12, 1), (9, 10, 1), (10, 11, 0)])
    async def test_one_is_due_whenever_a_multiple_is_passed(
        self, former: int, version: int, count: int
    ) -> None:
        store, kept = Ticking(), Kept()
        await received(store, 1)
        reached = StreamState(STREAM, version, 1, STOCK.initial)
        Folds(store, CODEC, kept).reached(STOCK, former, reached, store._log[0])
        assert [one.version for one in kept.all] == [version] * count

    async def test_an_aggregate_that_grows_in_memory_leaves_snapshots(self) -> None:
        store, kept = HeldStore(), Kept()
        commands = Commands(store, snapshots=kept)
        for _ in range(25):
            outcome = await commands.execute(ReceiveStock(product_id="tea", quantity=1))
        assert [one.version for one in kept.all] == [10, 20]
        assert [(one.position, one.state.on_hand) for one in kept.all] == [(10, 10), (20, 20)]  # type: ignore[attr-defined]
        assert kept.all[1].event_id == CODEC.decode(store._log[19]).envelope.event_id
        assert outcome.streams[0].version == 25


@given(
    st.integers(0, 45),
    st.lists(
        st.one_of(
            st.builds(Until, version=st.integers(0, 50)),
            st.builds(Until, position=st.integers(0, 100)),
            st.builds(Until, time=st.integers(0, 100)),
            st.just(Until()),
        ),
        min_size=1,
        max_size=8,
    ),
)
def test_any_folds_in_any_order_give_what_was_received_until_then(length: int, asked: list[Until]) -> None:
    async def compare() -> None:
        store = Ticking()
        await received(store, length)
        folds = Folds(store, CODEC, Kept())
        for until in asked:
            folded = await folds.fold(STOCK, STREAM, until)
            places = [(version, version * 2 - 1, version * 2 - 1) for version in range(1, length + 1)]
            covered = [place for place in places if all(map(le, place, until))]
            assert (folded.version, folded.position) == (covered[-1][:2] if covered else (0, 0))
            assert folded.state.on_hand == folded.version * (folded.version + 1) // 2

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "EVERY", 10)
        patch.setattr(folding, "_FEW", 4)
        asyncio.run(compare())


def test_no_bound_is_what_a_database_can_compare_with() -> None:
    assert Until() == (ANY, ANY, ANY)
    assert ANY.bit_length() == 63
