"""However commands race, fail, are given up and sent again, the log explains what everyone was told."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foldlog.inventory.v1.commands_pb2 import (
    DispatchStock,
    ReceiveStock,
    ReleaseStock,
    ReserveStock,
)
from foldlog_server.errors import StoreFull, StoreUnavailable, WrongExpectedVersion
from foldlog_server.stores.memory import MemoryEventStore
from tests.support.commands import Commands, HeldStore, settle
from tests.support.observing import Observer
from tests.support.racing import COMMANDS

STOCKED = [ReceiveStock(product_id=product, quantity=4) for product in ("tea", "jam", "oil")]


@dataclass(frozen=True)
class Send:
    """Send a command that was not sent before."""

    command: Message
    expected_version: int | None


@dataclass(frozen=True)
class Again:
    """Send one of the latest commands again."""

    back: int


@dataclass(frozen=True)
class GiveUp:
    """Cancel one of the latest calls."""

    back: int


@dataclass(frozen=True)
class Store:
    """Store so many of the appends that wait."""

    count: int


@dataclass(frozen=True)
class Fail:
    """Refuse so many of the appends that wait."""

    count: int
    error: Exception


@dataclass(frozen=True)
class Loads:
    """Hold whoever reads a stream, or let them read on."""

    held: bool


@dataclass(frozen=True)
class Crash:
    """End the process with so many of the appends stored, whether it could still tell that the store failed."""

    stored: int
    told: bool


SEND = st.builds(Send, COMMANDS, st.sampled_from([None, None, None, 0, 1, 2])).filter(
    lambda send: send.expected_version is None or not _names_several(send.command)
)
BURST = st.lists(st.one_of(SEND, st.builds(Again, st.integers(1, 4))), min_size=2, max_size=6)
TROUBLE = st.one_of(
    st.builds(GiveUp, st.integers(1, 4)),
    st.builds(
        Fail, st.integers(1, 4), st.sampled_from([StoreFull(), WrongExpectedVersion("stock-tea", 1, 2)])
    ),
    st.builds(Loads, st.booleans()),
    st.builds(Crash, st.integers(0, 4), st.booleans()),
)
ROUND = st.tuples(BURST, TROUBLE, st.builds(Store, st.integers(0, 6)))


def _names_several(command: Message) -> bool:
    return isinstance(command, ReserveStock | ReleaseStock | DispatchStock)


class Race:
    """A server in memory, and its callers."""

    def __init__(self) -> None:
        self.observer = Observer()
        self.store = HeldStore()
        self.store.holds = True
        self.commands = Commands(self.store, capacity=2)
        self.new_id = self.commands.new_id
        self.sent: list[tuple[str, Send]] = []
        self.calls: list[asyncio.Task[None]] = []

    async def take(self, step: object) -> None:
        match step:
            case Send():
                self.sent.append((str(UUID(int=len(self.sent) + 1)), step))
                self.ask(*self.sent[-1])
            case Again(back) if self.sent:
                self.ask(*self.sent[-back:][0])
            case GiveUp(back) if self.calls:
                self.calls[-back:][0].cancel()
            case Store(count):
                await self.store.release(count)
            case Fail(count, error):
                await self.store.fail(count, error)
            case Loads(held):
                (self.store.may_load.clear if held else self.store.may_load.set)()
            case Crash(stored, told):
                await self.crash(stored, told)
            case _:
                pass

    def ask(self, request_id: str, send: Send) -> None:
        options = {} if send.expected_version is None else {"expected_version": send.expected_version}
        asking = self.observer.ask(self.commands, request_id, send.command, **options)
        self.calls.append(asyncio.get_running_loop().create_task(asking))

    async def crash(self, stored: int, told: bool) -> None:
        held = list(self.store.held)
        if told:
            await self.store.fail(len(held), StoreUnavailable())
        for call in self.calls:
            call.cancel()
        # What still waits for a load would go on later, after its process has ended.
        self.store.may_load.set()
        await settle()
        self.store.held = []
        for append, _ in held[:stored]:
            append.after = ()
            MemoryEventStore.append(self.store, append).exception()
        self.commands = Commands(self.store, capacity=2)
        self.commands.aggregates._new_id = self.new_id  # no id comes twice

    async def finish(self) -> None:
        """Store whatever waits, as often as something is decided again."""
        self.store.may_load.set()
        await settle()
        for _ in range(1000):
            if not self.store.held:
                break
            await self.store.release()


async def run(rounds: Sequence[tuple[Sequence[object], object, object]]) -> Race:
    race = Race()
    for command in STOCKED:
        await race.take(Send(command, None))
    await race.finish()
    for burst, trouble, store in rounds:
        for step in burst:
            await race.take(step)
        await settle()
        await race.take(trouble)
        await race.take(store)
    await race.finish()
    return race


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ROUND, min_size=4, max_size=12))
def test_the_log_explains_whatever_was_told(
    rounds: list[tuple[list[object], object, object]],
) -> None:
    race = asyncio.run(run(rounds))
    assert all(call.done() for call in race.calls), "somebody waits for ever"
    assert race.commands.handler._flights == {}
    assert race.observer.flaws(race.store._log) == []
