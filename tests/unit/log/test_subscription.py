"""A subscription catches up and then follows, without gap, duplicate or reorder, for any reader's speed."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_server.errors import DataDamaged, ReadRefused
from foldlog_server.log.events import EncodedEvent
from foldlog_server.log.reading import read_all_batches, read_stream_batches
from foldlog_server.log.subscription import (
    EVERYTHING,
    Batch,
    CaughtUp,
    CheckpointReached,
    EventFilter,
    FellBehind,
    Limits,
    Message,
    follow,
)
from tests.support.list_log import ListLog
from tests.support.manual_timer import ManualTimer, settle
from tests.support.order_counts import added, created, unseen

ORDER_CREATED = "foldlog.orders.v1.OrderCreated"
ITEM_ADDED = "foldlog.orders.v1.ItemAdded"
AT_ONCE = Limits(spacing_seconds=0)


class Reader:
    """Reads the messages of a subscription one by one."""

    def __init__(self, messages: AsyncGenerator[Message]) -> None:
        self._messages = messages
        self._next: asyncio.Task[Message] | None = None

    async def next(self) -> Message | None:
        """The next message, if there is one before any time passes."""
        if self._next is None:
            self._next = asyncio.ensure_future(anext(self._messages))
        await settle()
        if not self._next.done():
            return None
        message, self._next = self._next.result(), None
        return message

    async def all(self) -> list[Message]:
        """All messages that come before any time passes."""
        messages = []
        while (message := await self.next()) is not None:
            messages.append(message)
        return messages

    async def close(self) -> None:
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait([self._next])
        await self._messages.aclose()


@asynccontextmanager
async def reading(
    log: ListLog,
    after: int = 0,
    wanted: EventFilter = EVERYTHING,
    *,
    timer: ManualTimer | None = None,
    limits: Limits = AT_ONCE,
) -> AsyncIterator[Reader]:
    reader = Reader(follow(log, after, wanted, timer=timer or ManualTimer(), limits=limits))
    try:
        yield reader
    finally:
        await reader.close()


def filled(count: int) -> ListLog:
    log = ListLog()
    for number in range(count):
        log.add(f"order-{number % 3}", added() if number % 4 else created())
    return log


def delivered(messages: Sequence[Message]) -> list[int]:
    return [event.position for message in messages if isinstance(message, Batch) for event in message.events]


# Catching up and following


async def test_an_empty_log_is_caught_up_with_at_once_and_then_followed() -> None:
    log = ListLog()
    async with reading(log) as reader:
        assert await reader.all() == [CaughtUp(0)]
        log.add("order-1", created(), added())
        assert await reader.all() == [Batch(2, log.events)]
        log.add("order-1", added())
        assert await reader.all() == [Batch(3, log.events[2:])]


async def test_it_catches_up_in_batches_and_says_so_once() -> None:
    log = filled(10)
    async with reading(log, limits=Limits(read_events=4, spacing_seconds=0)) as reader:
        assert await reader.all() == [
            Batch(4, log.events[:4]),
            Batch(8, log.events[4:8]),
            Batch(10, log.events[8:]),
            CaughtUp(10),
        ]
        log.add("order-1", added())
        assert await reader.all() == [Batch(11, log.events[10:])]


async def test_a_log_that_never_rests_is_caught_up_with_where_a_batch_reached_its_head() -> None:
    log = filled(2)
    async with reading(log) as reader:
        messages = []
        for _ in range(3):
            messages.append(await reader.next())
            log.add("order-1", added())
    assert messages == [Batch(2, log.events[:2]), CaughtUp(2), Batch(4, log.events[2:4])]


async def test_after_the_head_is_a_start_and_beyond_it_is_refused() -> None:
    log = filled(3)
    async with reading(log, 3) as reader:
        assert await reader.all() == [CaughtUp(3)]
    with pytest.raises(ReadRefused) as refusal:
        await anext(follow(log, 4))
    assert refusal.value.reason.name == "POSITION_BEYOND_HEAD"


@given(events=st.integers(0, 30), more=st.integers(0, 10), after=st.integers(0, 30), limit=st.integers(1, 7))
@settings(max_examples=40)
async def test_resuming_after_any_position_gives_exactly_what_was_still_to_come(
    events: int, more: int, after: int, limit: int
) -> None:
    log, after = filled(events), min(after, events)
    wanted = EventFilter(event_types=[ORDER_CREATED])
    expected = [p for p in range(1, events + more + 1) if p > after]
    created_only = [p for p in expected if (p - 1) % 4 == 0]
    limits = Limits(read_events=limit, spacing_seconds=0)
    async with (
        reading(log, after, limits=limits) as reader,
        reading(log, after, wanted, limits=limits) as choosy,
    ):
        messages, chosen = await reader.all(), await choosy.all()
        for number in range(events, events + more):
            log.add("order-9", added() if number % 4 else created())
            messages += await reader.all()
            chosen += await choosy.all()
    assert delivered(messages) == expected
    assert delivered(chosen) == created_only
    for seen in (messages, chosen):
        assert [m.position for m in seen] == sorted(m.position for m in seen)


async def test_every_position_of_a_message_is_a_place_to_resume() -> None:
    log = filled(40)
    wanted = EventFilter(event_types=[ORDER_CREATED])
    limits = Limits(read_events=3, left_out_events=2, spacing_seconds=0)
    async with reading(log, 0, wanted, limits=limits) as reader:
        messages = await reader.all()
    for number, message in enumerate(messages):
        async with reading(log, message.position, wanted, limits=limits) as resumed:
            assert delivered(messages[: number + 1]) + delivered(await resumed.all()) == delivered(messages)


async def test_nothing_is_read_before_the_reader_asks_for_more() -> None:
    log = filled(10)
    async with reading(log, limits=Limits(read_events=2, spacing_seconds=0)) as reader:
        await settle()
        assert log.reads == []
        await reader.next()
        await settle()
        assert log.reads == [(1, 2)]


async def test_a_slow_reader_and_a_fast_one_see_the_same_and_do_not_wait_for_each_other() -> None:
    log = filled(6)
    limits = Limits(read_events=2, spacing_seconds=0)
    async with reading(log, limits=limits) as slow, reading(log, limits=limits) as fast:
        first = await slow.next()
        assert first is not None
        fast_messages = await fast.all()
        for _ in range(5):
            log.add("order-1", added())
            fast_messages += await fast.all()
        assert delivered(fast_messages) == list(range(1, 12))
        assert delivered([first, *await slow.all()]) == list(range(1, 12))


# Waking


async def test_at_the_head_a_burst_of_commits_is_read_at_most_once_a_spacing() -> None:
    log, timer = filled(0), ManualTimer()
    async with reading(log, timer=timer, limits=Limits()) as reader:
        await reader.all()
        log.add("order-1", created())
        await timer.advance(1)
        assert await reader.all() == [Batch(1, log.events)]
        for _ in range(50):
            log.add("order-1", added())
            assert await reader.all() == []
        await timer.advance(0.001)
        assert await reader.all() == [Batch(51, log.events[1:])]
        assert len(log.reads) == 2


async def test_at_the_head_an_event_after_a_silence_is_delivered_at_once() -> None:
    log, timer = filled(1), ManualTimer()
    async with reading(log, timer=timer, limits=Limits()) as reader:
        await reader.all()
        await timer.advance(1)
        log.add("order-1", added())
        assert delivered(await reader.all()) == [2]


async def test_a_subscription_that_is_let_go_leaves_nothing_behind() -> None:
    log, timer = filled(1), ManualTimer()
    async with reading(log, timer=timer) as reader:
        await reader.all()
        assert timer.alarms
    assert timer.alarms == []
    assert asyncio.all_tasks() == {asyncio.current_task()}


# Checkpoints


async def test_an_idle_subscription_says_where_it_is_every_ten_seconds() -> None:
    log, timer = filled(2), ManualTimer()
    async with reading(log, timer=timer) as reader:
        await reader.all()
        for _ in range(3):
            await timer.advance(9.9)
            assert await reader.all() == []
            await timer.advance(0.1)
            assert await reader.all() == [CheckpointReached(2)]


async def test_the_ten_seconds_begin_with_every_message() -> None:
    log, timer = filled(2), ManualTimer()
    async with reading(log, timer=timer) as reader:
        await reader.all()
        await timer.advance(8)
        log.add("order-1", added())
        assert delivered(await reader.all()) == [3]
        await timer.advance(8)
        assert await reader.all() == []
        await timer.advance(2)
        assert await reader.all() == [CheckpointReached(3)]


async def test_a_trickle_of_left_out_events_does_not_put_the_checkpoint_off() -> None:
    log, timer = filled(0), ManualTimer()
    async with reading(log, 0, EventFilter(event_types=["none"]), timer=timer) as reader:
        await reader.all()
        for _ in range(9):
            log.add("order-1", added())
            await timer.advance(1)
            assert await reader.all() == []
        await timer.advance(1)
        assert await reader.all() == [CheckpointReached(9)]


async def test_a_flood_of_left_out_events_does_not_put_the_checkpoint_off() -> None:
    timer = ManualTimer()

    class Flood(ListLog):
        async def read_all(self, **options: Any) -> Sequence[EncodedEvent]:
            timer.now += 1
            self.add("order-1", unseen())
            return await super().read_all(**options)

    log = Flood()
    log.add("order-1", unseen())
    limits = Limits(read_events=1, spacing_seconds=0)
    async with reading(log, 0, EventFilter(event_types=["none"]), timer=timer, limits=limits) as reader:
        assert await reader.next() == CheckpointReached(10)
        assert await reader.next() == CheckpointReached(20)


@pytest.mark.parametrize("read_events", [1000, 300, 4000])
async def test_every_thousand_left_out_events_make_a_checkpoint(read_events: int) -> None:
    log = ListLog()
    log.add("order-1", *[unseen()] * 2500)
    limits = Limits(read_events=read_events, spacing_seconds=0)
    async with reading(log, 0, EventFilter(event_types=[ORDER_CREATED]), limits=limits) as reader:
        assert await reader.all() == [CheckpointReached(1000), CheckpointReached(2000), CaughtUp(2500)]


async def test_a_match_among_left_out_events_is_progress_enough() -> None:
    log = ListLog()
    log.add("order-1", *[unseen()] * 10, created(), *[unseen()] * 13)
    limits = Limits(read_events=5, left_out_events=8, spacing_seconds=0)
    async with reading(log, 0, EventFilter(event_types=[ORDER_CREATED]), limits=limits) as reader:
        assert await reader.all() == [
            CheckpointReached(8),
            Batch(13, [log.events[10]]),
            CheckpointReached(21),
            CaughtUp(24),
        ]


# Falling behind


async def test_a_reader_that_falls_far_behind_is_told_and_told_again_when_it_is_back() -> None:
    log = filled(1)
    limits = Limits(behind_events=10, read_events=6, spacing_seconds=0)
    async with reading(log, limits=limits) as reader:
        await reader.all()
        log.add("order-1", *[added()] * 11)
        assert await reader.all() == [
            FellBehind(1, 12),
            Batch(7, log.events[1:7]),
            Batch(12, log.events[7:12]),
            CaughtUp(12),
        ]


async def test_a_reader_a_little_behind_is_not_told() -> None:
    log = filled(1)
    async with reading(log, limits=Limits(behind_events=10, spacing_seconds=0)) as reader:
        await reader.all()
        log.add("order-1", *[added()] * 10)
        assert await reader.all() == [Batch(11, log.events[1:])]


async def test_far_behind_is_more_than_10_000_events() -> None:
    log = filled(1)
    async with reading(log, limits=Limits(spacing_seconds=0, read_events=10_001)) as reader:
        await reader.all()
        log.add("order-1", *[added()] * 10_000)
        assert [type(message) for message in await reader.all()] == [Batch]
        log.add("order-1", *[added()] * 10_001)
        assert [type(message) for message in await reader.all()] == [FellBehind, Batch, CaughtUp]


async def test_who_is_still_catching_up_does_not_fall_behind() -> None:
    log = filled(30)
    limits = Limits(behind_events=10, read_events=20, spacing_seconds=0)
    async with reading(log, limits=limits) as reader:
        assert [type(message) for message in await reader.all()] == [Batch, Batch, CaughtUp]


# Filters

_streams = st.sampled_from(["order-1", "order-12", "orders-1", "stock-1", "order"])
_correlations = st.sampled_from(["", "a", "b"])
_payloads = st.sampled_from([created(), added(), unseen()])


@given(
    events=st.lists(st.tuples(_streams, _payloads, _correlations), max_size=12),
    categories=st.sets(st.sampled_from(["order", "stock", "orders", "ord", ""])),
    prefixes=st.sets(st.sampled_from(["order-1", "o", "stock-2", "order-12", ""])),
    types=st.sets(st.sampled_from([ORDER_CREATED, ITEM_ADDED, "ItemAdded", ""])),
    correlations=st.sets(st.sampled_from(["a", "c", ""])),
)
@settings(max_examples=200)
def test_a_filter_is_one_of_the_values_within_a_kind_and_all_kinds_given(
    events: list[tuple[str, Any, str]],
    categories: set[str],
    prefixes: set[str],
    types: set[str],
    correlations: set[str],
) -> None:
    log = ListLog()
    for stream, payload, correlation in events:
        log.add(stream, payload, correlation_id=correlation)

    def matches(event: EncodedEvent) -> bool:
        recorded = RecordedEvent.FromString(event.record)
        kinds = [
            [recorded.stream.split("-")[0] == category for category in categories],
            [recorded.stream[: len(prefix)] == prefix for prefix in prefixes],
            [recorded.payload.type_url == f"type.googleapis.com/{name}" for name in types],
            [recorded.metadata.correlation_id == correlation for correlation in correlations],
        ]
        return all(any(values) for values in kinds if values)

    wanted = EventFilter(
        categories=categories, stream_prefixes=prefixes, event_types=types, correlation_ids=correlations
    )
    assert list(wanted.choose(log.events)) == [event for event in log.events if matches(event)]


async def test_without_a_filter_no_record_is_decoded() -> None:
    log = filled(2)
    log.damage(2, b"\xff")
    async with reading(log) as reader:
        assert delivered(await reader.all()) == [1, 2]


async def test_a_record_that_cannot_be_read_is_not_silently_left_out() -> None:
    log = filled(2)
    log.damage(2, b"\xff")
    with pytest.raises(DataDamaged):
        await anext(follow(log, 0, EventFilter(categories=["order"])))


# Bounded reads


async def positions(batches: AsyncIterator[Sequence[EncodedEvent]]) -> list[int]:
    return [event.position async for batch in batches for event in batch]


@given(count=st.integers(0, 8), start=st.integers(0, 8), max_count=st.integers(0, 9), backwards=st.booleans())
@settings(max_examples=100)
async def test_a_read_of_the_log_is_a_slice_of_it(
    count: int, start: int, max_count: int, backwards: bool
) -> None:
    start = min(start, count)
    log = filled(count)
    expected = [p for p in range(1, count + 1) if not start or (p <= start if backwards else p >= start)]
    expected = (expected[::-1] if backwards else expected)[: max_count or None]
    assert (
        await positions(read_all_batches(log, from_position=start, backwards=backwards, max_count=max_count))
        == expected
    )


@pytest.mark.parametrize("backwards", [False, True])
async def test_a_read_of_the_log_ends_where_the_log_ended_when_it_began(backwards: bool) -> None:
    log = filled(2500)
    seen: list[int] = []
    async for batch in read_all_batches(log, backwards=backwards):
        seen += [event.position for event in batch]
        log.add("order-1", added())
    assert sorted(seen) == list(range(1, 2501))
    assert seen == sorted(seen, reverse=backwards)


async def test_a_read_from_beyond_the_head_is_refused() -> None:
    log = filled(2)
    assert await positions(read_all_batches(log, from_position=2)) == [2]
    assert await positions(read_all_batches(log, from_position=3)) == []
    for refused in (
        read_all_batches(log, from_position=4),
        read_all_batches(log, from_position=3, backwards=True),
    ):
        with pytest.raises(ReadRefused) as refusal:
            await positions(refused)
        assert refusal.value.reason.name == "POSITION_BEYOND_HEAD"


async def test_a_read_of_a_stream_from_beyond_its_end_is_refused() -> None:
    log = filled(6)  # order-0 has two events
    assert await positions(read_stream_batches(log, "order-0", from_version=3)) == []
    with pytest.raises(ReadRefused) as refusal:
        await positions(read_stream_batches(log, "order-0", from_version=4))
    assert refusal.value.metadata == {"stream": "order-0", "version": "4", "end": "2"}


@given(
    count=st.integers(1, 20), start=st.integers(0, 9), max_count=st.integers(0, 9), backwards=st.booleans()
)
@settings(max_examples=100)
async def test_a_read_of_a_stream_is_a_slice_of_it(
    count: int, start: int, max_count: int, backwards: bool
) -> None:
    log = filled(count)
    own = [p for p in range(1, count + 1) if (p - 1) % 3 == 0]
    expected = [p for v, p in enumerate(own, 1) if not start or (v <= start if backwards else v >= start)]
    expected = (expected[::-1] if backwards else expected)[: max_count or None]
    batches = read_stream_batches(
        log, "order-0", from_version=start, backwards=backwards, max_count=max_count
    )
    if not backwards and start > len(own) + 1:
        with pytest.raises(ReadRefused):
            await positions(batches)
    else:
        assert await positions(batches) == expected


@pytest.mark.parametrize("backwards", [False, True])
async def test_a_read_of_a_stream_ends_where_the_stream_ended_when_it_began(backwards: bool) -> None:
    log = ListLog()
    log.add("order-1", *[added()] * 1500)
    seen: list[int] = []
    async for batch in read_stream_batches(log, "order-1", backwards=backwards):
        seen += [event.position for event in batch]
        log.add("order-1", added())
    assert sorted(seen) == list(range(1, 1501))
    assert seen == sorted(seen, reverse=backwards)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("growth", [1, 1500])
async def test_what_is_stored_between_the_beginning_of_a_read_and_its_first_event_is_not_read(
    growth: int, backwards: bool
) -> None:
    class Growing(ListLog):
        async def read_stream(self, stream: str, **options: Any) -> Sequence[EncodedEvent]:
            if len(self.events) == 2:
                self.add("order-1", *[added()] * growth)
            return await super().read_stream(stream, **options)

    log = Growing()
    log.add("order-1", created(), added())
    batches = read_stream_batches(log, "order-1", backwards=backwards)
    assert await positions(batches) == ([2, 1] if backwards else [1, 2])


async def test_a_stream_that_does_not_exist_is_not_found() -> None:
    log = filled(3)
    with pytest.raises(ReadRefused) as refusal:
        await positions(read_stream_batches(log, "order-9"))
    assert refusal.value.reason.name == "STREAM_NOT_FOUND"
    assert await positions(read_stream_batches(log, "order-1", from_version=2)) == []
