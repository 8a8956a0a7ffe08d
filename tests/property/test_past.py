"""Whatever happened, every past state is what a query would have answered then."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from foldlog.v1.reads_pb2 import AsOf
from foldlog_server.commands.past import Past
from foldlog_server.errors import FoldlogError, ReadRefused
from tests.support.commands import DECIDERS, Commands, HeldStore, create, settle
from tests.support.racing import COMMANDS

STREAMS = [("order", "1"), ("order", "2"), ("stock", "tea"), ("stock", "jam"), ("stock", "oil")]


class Then(NamedTuple):
    """What there was after a command."""

    position: int
    time: int
    shown: dict[tuple[str, str], tuple[int, Message | None]]
    """The version and what a query showed, of each aggregate."""


class Clock:
    """Goes on by hand, and sometimes back: the log's time never does."""

    now = 1_000_000_000

    def __call__(self) -> int:
        return self.now


@settings(max_examples=60)
@given(st.lists(st.tuples(COMMANDS, st.integers(-2, 5)), max_size=25))
def test_as_of_a_version_position_or_time_is_what_was_then(steps: Sequence[tuple[Message, int]]) -> None:
    asyncio.run(replay(steps))


async def replay(steps: Sequence[tuple[Message, int]]) -> None:
    clock = Clock()
    store = HeldStore()
    store._clock = clock
    commands = Commands(store)
    history = [Then(0, 0, dict.fromkeys(STREAMS, (0, None)))]
    for command, ticks in steps:
        clock.now += ticks
        try:
            await commands.execute(command)
        except FoldlogError:
            continue
        shown = {(kind, id): await latest(commands, kind, id) for kind, id in STREAMS}
        history.append(Then(store.head.position, store._time, shown))
    clock.now += 100
    await compare(Past(store, commands.folds, DECIDERS, clock), history)


async def latest(commands: Commands, category: str, id: str) -> tuple[int, Message | None]:
    decider = DECIDERS[category]
    found = await commands.aggregates.latest(f"{category}-{id}", decider)
    return found.version, decider.render(id, found.version, found.state)


async def compare(past: Past, history: Sequence[Then]) -> None:
    last_of_time = {then.time: then.shown for then in history if then.time}
    for position, time, shown in history:
        for (kind, id), (version, was) in shown.items():
            assert await past.render(kind, id, AsOf(position=position)) == was
            assert await past.render(kind, id, AsOf(version=version)) == was
            if time:
                at = Timestamp()
                at.FromNanoseconds(time)
                assert await past.render(kind, id, AsOf(time=at)) == last_of_time[time][kind, id][1]


async def test_what_was_on_its_way_at_a_time_is_waited_for() -> None:
    clock = Clock()
    store = HeldStore()
    store._clock = clock
    commands = Commands(store)
    store.holds = True
    sent = commands.send(create("1"))
    await settle()
    then = Timestamp()
    then.FromNanoseconds(clock.now)
    clock.now += 1
    asked = asyncio.create_task(
        Past(store, commands.folds, DECIDERS, clock).render("order", "1", AsOf(time=then))
    )
    await settle()
    assert not asked.done()
    clock.now -= 1  # the batch was stamped before the question came
    await store.release()
    assert await asked == (await sent).streams[0].aggregate


@pytest.mark.parametrize("ahead", [0, 1, 10**12])
async def test_a_time_that_is_not_over_is_refused(ahead: int) -> None:
    clock = Clock()
    past = Past(HeldStore(), Commands(HeldStore()).folds, DECIDERS, clock)
    asked = Timestamp()
    asked.FromNanoseconds(clock.now + ahead)
    with pytest.raises(ReadRefused, match="not over"):
        await past.render("order", "1", AsOf(time=asked))
    asked.FromNanoseconds(clock.now - 1)
    assert await past.render("order", "1", AsOf(time=asked)) is None
