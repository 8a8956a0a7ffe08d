"""Whatever is appended, in whatever order and company, a store is what a dictionary would be."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from foldlog_server.errors import WrongExpectedVersion
from foldlog_server.log.event_store import (
    Append,
    Appended,
    DuplicateRequest,
    EventStore,
    LinkedAppendFailed,
    StreamRange,
)
from foldlog_server.stores.memory import MemoryEventStore
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from tests.contract.appends import (
    Clock,
    append,
    chain_of,
    decoded,
    everything,
    new_id,
    part,
    payloads,
    positions,
    request,
)

T = TypeVar("T")

STREAMS = ["order-1", "order-2", "stock-ż"]
REQUEST_IDS = [f"00000000-0000-0000-0000-00000000000{number}" for number in range(4)]


@dataclass
class Plan:
    """An append, still to be given its expected versions."""

    streams: list[str]
    off: int
    """How far the first expected version is off."""
    events: int
    request_id: str | None
    link: bool
    """Whether it is linked to the append before it."""


plans = st.builds(
    Plan,
    st.lists(st.sampled_from(STREAMS), min_size=1, max_size=3, unique=True),
    st.sampled_from([0, 0, 0, 0, 1, -1]),
    st.integers(0, 3),
    st.none() | st.sampled_from(REQUEST_IDS),
    st.booleans(),
)


@dataclass
class Model:
    """What a store holds, in plain values."""

    log: list[tuple[str, bytes]] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    requests: dict[str, tuple[StreamRange, ...]] = field(default_factory=dict)

    def settle(self, new: Append, link_failed: bool) -> type[object]:
        if link_failed:
            return LinkedAppendFailed
        if new.request and new.request.key.request_id in self.requests:
            return DuplicateRequest
        if any(item.expected_version != self.versions.get(item.stream, 0) for item in new.streams):
            return WrongExpectedVersion
        ranges = []
        for item in new.streams:
            self.log += [(item.stream, event.data) for event in item.events]
            self.versions[item.stream] = item.expected_version + len(item.events)
            ranges.append(StreamRange(item.stream, item.expected_version + 1, self.versions[item.stream]))
        if new.request:
            self.requests[new.request.key.request_id] = tuple(ranges)
        return Appended


class StoreMachine(RuleBasedStateMachine):
    """Runs batches of appends against a store and the model."""

    async def make(self) -> EventStore:
        return MemoryEventStore(clock=Clock(), new_id=new_id)

    @initialize()
    def start(self) -> None:
        self.runner = asyncio.Runner()
        self.model = Model()
        self.count = 0
        self.store = self.run(self.make())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @rule(batch=st.lists(plans, min_size=1, max_size=6))
    def append_at_once(self, batch: list[Plan]) -> None:
        self.run(self.append_batch(batch))

    async def append_batch(self, batch: list[Plan]) -> None:
        wanted: list[type[object]] = []
        futures: list[asyncio.Future[Appended]] = []
        before: Append | None = None
        for plan in batch:
            new = self.make_append(plan, before)
            failed = bool(new.after) and wanted[-1] is not Appended
            wanted.append(self.model.settle(new, failed))
            futures.append(self.store.append(new))
            before = new
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
        assert [type(item) for item in outcomes] == wanted

    def make_append(self, plan: Plan, before: Append | None) -> Append:
        parts = []
        for index, stream in enumerate(plan.streams):
            self.count += 1
            version = max(self.model.versions.get(stream, 0) + (plan.off if index == 0 else 0), 0)
            parts.append(part(stream, version, *[b"%d" % self.count] * plan.events))
        new_request = request(plan.request_id) if plan.request_id else None
        after = [before] if plan.link and before else []
        return append(*parts, request=new_request, after=after)

    @invariant()
    def the_store_is_what_the_model_is(self) -> None:
        self.run(self.compare())

    async def compare(self) -> None:
        log = await everything(self.store)
        assert [(message.stream, message.payload.value) for message in decoded(log)] == self.model.log
        assert positions(log) == list(range(1, len(log) + 1))
        assert self.store.head == (len(log), chain_of(log))
        for stream in STREAMS:
            found = await self.store.read_stream(stream)
            assert payloads(found) == [data for name, data in self.model.log if name == stream]
            assert [message.version for message in decoded(found)] == list(range(1, len(found) + 1))
        for request_id in REQUEST_IDS:
            recorded = await self.store.find_request(request(request_id).key)
            assert (recorded.streams if recorded else None) == self.model.requests.get(request_id)

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.run(self.store.close())
            self.runner.close()


class SqliteMachine(StoreMachine):
    """The same with files, which are closed and opened again now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()

    async def make(self) -> EventStore:
        def unexpected(error: BaseException) -> None:
            raise AssertionError from error

        return await SqliteEventStore.open(
            Path(self.directory.name), clock=Clock(), new_id=new_id, on_failure=unexpected
        )

    @rule()
    def open_again(self) -> None:
        self.run(self.store.close())
        self.store = self.run(self.make())

    def teardown(self) -> None:
        super().teardown()
        self.directory.cleanup()


_bounded = settings(max_examples=25, stateful_step_count=12, suppress_health_check=[HealthCheck.too_slow])

TestMemoryStore = StoreMachine.TestCase
TestMemoryStore.settings = _bounded
TestSqliteStore = SqliteMachine.TestCase
TestSqliteStore.settings = _bounded
