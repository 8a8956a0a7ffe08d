"""A projector applies each event exactly once, in order, at its own pace, and stops alone."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from foldlog.orders.v1.events_pb2 import OrderCreated
from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage
from foldlog_server.domain.view import AnyView, Key
from foldlog_server.log.codec import Codec
from foldlog_server.log.events import AnyRecordedEvent, EncodedEvent
from foldlog_server.views.batch import SLICE
from foldlog_server.views.group import TURNS
from foldlog_server.views.projector import SKIPPED_EVENTS, Projector
from foldlog_server.views.read_model import Checkpoint
from foldlog_server.views.scheduler import LONGEST_REST, PACE, REST, RETRY, Scheduler
from tests.support.dict_read_model import DictReadModel
from tests.support.list_log import ListLog
from tests.support.manual_timer import ManualTimer, settle
from tests.support.order_counts import (
    CUSTOMERS,
    ORDER_COUNTS,
    ORDERS,
    added,
    cancelled,
    created,
    replay,
    unseen,
)


class Setting:
    """A log, a clock that stands still, and one projector."""

    def __init__(self, view: AnyView = ORDER_COUNTS, *, batch_events: int = 2000) -> None:
        self.log = ListLog()
        self.timer = ManualTimer()
        self.batch_events = batch_events
        self.model = DictReadModel()
        self.projector = self.another(view, self.model)

    def another(self, view: AnyView = ORDER_COUNTS, model: DictReadModel | None = None) -> Projector:
        read_model: Any = model or DictReadModel()
        return Projector(view, read_model, timer=self.timer)

    def scheduler(self, *projectors: Projector) -> Scheduler:
        members = projectors or (self.projector,)
        return Scheduler(members, self.log, timer=self.timer, batch_events=self.batch_events)

    @asynccontextmanager
    async def running(self, *projectors: Projector) -> AsyncIterator[None]:
        """The projectors, or the one, are on their way."""
        scheduler = self.scheduler(*projectors)
        scheduler.start()
        await settle()
        try:
            async with asyncio.timeout(10):  # so that a defect fails and does not hang
                yield
        finally:
            await scheduler.stop()


def item_count(model: DictReadModel, order_id: str) -> int:
    order: Any = ORDER_COUNTS.collections[ORDERS].FromString(model.rows[Key(ORDERS, order_id)][1])
    return int(order.item_count)


def failing_at(position: int, where: str = "evolve") -> AnyView:
    def keys(recorded: AnyRecordedEvent) -> Sequence[Key]:
        if recorded.position == position and where == "keys":
            raise ArithmeticError("no key")
        return list(ORDER_COUNTS.keys(recorded))

    def evolve(key: Key, document: Message | None, recorded: AnyRecordedEvent) -> Message | None:
        if recorded.position == position and where == "evolve":
            raise ArithmeticError("no document")
        return ORDER_COUNTS.evolve(key, document, recorded)

    return replace(ORDER_COUNTS, name="fragile", keys=keys, evolve=evolve)


# Documents


async def test_a_batch_stores_each_document_once_with_the_checkpoint_and_the_chain_at_it() -> None:
    setting = Setting()
    setting.log.add("order-1", created(), added(2), added(3))
    async with setting.running():
        assert setting.model.writes == [
            (0, [Key(ORDERS, "1"), Key(CUSTOMERS, "c1")], Checkpoint(*setting.log.head))
        ]
        assert setting.model.rows == replay(setting.log.events)
        assert item_count(setting.model, "1") == 5


async def test_a_checkpoint_before_the_head_has_the_hash_of_its_own_position() -> None:
    setting = Setting(batch_events=2)
    setting.log.add("order-1", created(), added(), added(), added(), added())
    async with setting.running():
        checkpoints = [checkpoint for _, _, checkpoint in setting.model.writes]
        assert checkpoints == [Checkpoint(position, setting.log.chain[position]) for position in (2, 4)]


async def test_a_document_that_comes_and_goes_in_one_batch_is_not_written() -> None:
    setting = Setting()
    setting.log.add("order-1", created(), cancelled())
    async with setting.running():
        assert [keys for _, keys, _ in setting.model.writes] == [[Key(CUSTOMERS, "c1")]]


async def test_a_document_made_again_counts_from_when_it_was_made_again() -> None:
    setting = Setting()
    setting.log.add("order-1", created(), cancelled(), created())
    setting.log.add("order-2", created())
    async with setting.running():
        assert setting.model.rows[Key(ORDERS, "1")][0] == 3
        setting.log.add("order-2", cancelled(), created())
        await setting.timer.advance(PACE)
        assert setting.model.rows[Key(ORDERS, "2")][0] == 6


histories = st.lists(
    st.tuples(
        st.sampled_from("123"), st.sampled_from([created(), created("c2"), added(), cancelled(), unseen()])
    ),
    max_size=40,
)


@given(history=histories, batches=st.lists(st.integers(1, 7), min_size=1), stops=st.sets(st.integers(0, 40)))
@settings(max_examples=60)
async def test_random_batches_and_restarts_give_what_a_plain_replay_gives(
    history: list[tuple[str, Message]], batches: list[int], stops: set[int]
) -> None:
    setting = Setting()
    setting.batch_events = batches[0]
    scheduler = setting.scheduler()
    scheduler.start()
    for number, (id, payload) in enumerate(history):
        setting.log.add(f"order-{id}", payload)
        if number in stops:
            await setting.projector.wait_for(setting.log.head.position // 2, 1)
            await scheduler.stop()
            setting.batch_events = batches[number % len(batches)]
            scheduler = setting.scheduler()
            scheduler.start()
    assert await setting.projector.wait_for(setting.log.head.position, 1)
    await scheduler.stop()
    assert setting.model.rows == replay(setting.log.events)


# Pace


async def test_while_nobody_waits_a_busy_log_is_read_once_a_pace() -> None:
    setting = Setting()
    async with setting.running():
        setting.log.add("order-1", created())
        await settle()
        assert setting.model.position == 1
        for _ in range(100):
            setting.log.add("order-1", added())
            await settle()
        assert setting.model.position == 1
        await setting.timer.advance(PACE)
        assert setting.model.position == 101
        assert len(setting.model.writes) == 2


async def test_a_reader_that_waits_is_served_at_once() -> None:
    setting = Setting()
    async with setting.running():
        setting.log.add("order-1", created())
        await settle()
        setting.log.add("order-1", added())
        assert await setting.projector.wait_for(2, 1)
        assert item_count(setting.model, "1") == 1
        assert setting.timer.now == 1000.0


async def test_a_reader_that_waits_does_not_shorten_the_pace_for_later_events() -> None:
    setting = Setting()
    async with setting.running():
        setting.log.add("order-1", created())
        assert await setting.projector.wait_for(1, 1)
        await settle()
        setting.log.add("order-1", added())
        await settle()
        assert setting.model.position == 1


async def test_a_rest_is_a_multiple_of_what_the_batch_took_and_bounded() -> None:
    setting = Setting()
    setting.log.add("order-1", created())
    for seconds, rest in ((0.01, 0.01 * REST), (1.0, LONGEST_REST)):
        setting.model.gate.clear()
        async with setting.running():
            await setting.timer.advance(seconds)
            setting.model.gate.set()
            await settle()
            seen = setting.model.position
            setting.log.add("order-1", added())
            await setting.timer.advance(rest - 0.001)
            assert setting.model.position == seen
            await setting.timer.advance(0.002)
            assert setting.model.position == seen + 1
            setting.log.add("order-1", added())


async def test_far_behind_it_goes_on_without_rest() -> None:
    setting = Setting(batch_events=3)
    setting.log.add("order-1", created(), *[added()] * 9)
    async with setting.running():
        assert setting.model.position == 9
        await setting.timer.advance(PACE)
        assert setting.model.position == 10


async def test_at_the_head_it_sleeps_until_the_store_wakes_it() -> None:
    setting = Setting()
    setting.log.add("order-1", created())
    async with setting.running():
        await setting.timer.advance(PACE)
        reads = len(setting.log.reads)
        for _ in range(10):
            await setting.timer.advance(PACE)
        assert len(setting.log.reads) == reads
        assert setting.timer.alarms == []


async def turns_of_others_during(setting: Setting) -> int:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    scheduler = setting.scheduler()
    scheduler.start()
    async with asyncio.timeout(10):
        assert await setting.projector.wait_for(setting.log.head.position, 1)
    task.cancel()
    await scheduler.stop()
    return turns


async def test_between_slices_of_a_long_batch_others_have_their_turns() -> None:
    setting = Setting()
    setting.log.add("order-1", created(), *[added()] * 1999)
    slices = 2 * (2000 // SLICE)  # of decoding, and of changing
    assert TURNS * slices <= await turns_of_others_during(setting) < 2 * TURNS * slices


async def test_an_event_that_touches_many_documents_is_a_slice_of_its_own() -> None:
    def keys(recorded: AnyRecordedEvent) -> Sequence[Key]:
        return [Key(ORDERS, f"{recorded.id} {number}") for number in range(320)]

    setting = Setting(replace(ORDER_COUNTS, keys=keys))
    for id in range(10):
        setting.log.add(f"order-{id}", created())
    changing_and_encoding = 2 * (3200 // SLICE)
    assert await turns_of_others_during(setting) >= TURNS * changing_and_encoding


# Waiting


async def test_waiting_ends_with_the_time_allowed() -> None:
    setting = Setting()
    async with setting.running():
        waiting = asyncio.create_task(setting.projector.wait_for(1, 2.0))
        await settle()
        await setting.timer.advance(1.9)
        assert not waiting.done()
        await setting.timer.advance(0.2)
        assert waiting.result() is False
        assert not setting.projector.is_awaited


async def test_a_reader_that_will_not_wait_is_answered_at_once() -> None:
    setting = Setting()
    async with setting.running():
        assert await setting.projector.wait_for(0, 0)
        setting.log.add("order-1", created())
        assert not await setting.projector.wait_for(1, 0)


async def test_readers_wait_for_their_own_positions() -> None:
    setting = Setting()
    async with setting.running():
        near, far = (asyncio.create_task(setting.projector.wait_for(p, 5)) for p in (1, 2))
        await settle()
        setting.log.add("order-1", created())
        await settle()
        assert near.result() is True
        assert not far.done()
        far.cancel()


async def test_stopping_releases_who_waits() -> None:
    setting = Setting()
    async with setting.running():
        waiting = asyncio.create_task(setting.projector.wait_for(1, 5))
        await settle()
    await settle()
    assert waiting.result() is False


# What changes nothing


async def test_events_that_change_nothing_move_the_position_and_not_the_file() -> None:
    setting = Setting()
    setting.log.add("order-1", unseen(), unseen())
    async with setting.running():
        assert setting.projector.position == 2
        assert setting.model.writes == []
        setting.log.add("order-1", created())
        assert await setting.projector.wait_for(3, 1)
        assert [checkpoint.position for _, _, checkpoint in setting.model.writes] == [3]


async def test_the_checkpoint_follows_before_too_much_would_be_looked_at_again() -> None:
    setting = Setting()
    setting.log.add("order-1", *[unseen()] * (SKIPPED_EVENTS + 10))
    scheduler = setting.scheduler()
    scheduler.start()
    assert await setting.projector.wait_for(SKIPPED_EVENTS, 1)
    setting.log.add("order-1", unseen())
    assert await setting.projector.wait_for(SKIPPED_EVENTS + 11, 1)
    await scheduler.stop()
    assert [checkpoint.position for _, _, checkpoint in setting.model.writes] == [SKIPPED_EVENTS]


async def test_the_payload_of_an_event_that_the_view_does_not_look_at_is_not_decoded() -> None:
    setting = Setting()
    setting.log.add("order-1", created(), unseen(), added())
    setting.log.damage(2, with_a_payload_that_cannot_be_read(setting.log.events[1]))
    async with setting.running():
        assert setting.projector.position == 3


def with_a_payload_that_cannot_be_read(event: EncodedEvent) -> bytes:
    record = RecordedEventMessage.FromString(event.record)
    record.payload.value = b"\x12\x99"
    return record.SerializeToString()


# Together


async def test_views_at_one_place_have_the_log_read_and_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting()
    decoded: list[EncodedEvent] = []
    decode_known = Codec.decode_known

    def watched(self: Codec, event: EncodedEvent) -> AnyRecordedEvent | None:
        decoded.append(event)
        return decode_known(self, event)

    monkeypatch.setattr(Codec, "decode_known", watched)
    second = setting.another()
    setting.log.add("order-1", created(), added())
    async with setting.running(setting.projector, second):
        assert setting.projector.position == second.position == 2
        assert [event.position for event in decoded] == [1, 2]
        assert [first for first, _ in setting.log.reads] == [1]


async def test_a_view_that_is_behind_goes_on_alone_until_it_meets_the_others() -> None:
    setting = Setting(batch_events=3)
    setting.log.add("order-1", created(), *[added()] * 8)
    async with setting.running():
        pass
    ahead, behind = setting.projector, setting.another()
    assert ahead.position == 9
    async with setting.running(ahead, behind):
        assert behind.position == 9
        setting.log.add("order-1", added())
        await settle()
        await setting.timer.advance(PACE)
        setting.log.reads.clear()
        setting.log.add("order-1", added())
        assert await behind.wait_for(11, 1)
        assert ahead.position == 11
        assert setting.log.reads == [(11, 3)]


async def test_a_view_that_is_behind_reads_no_further_than_to_the_next_one() -> None:
    setting = Setting()
    setting.log.add("order-1", created(), added())
    async with setting.running():
        pass
    ahead, behind = setting.projector, setting.another()
    setting.log.add("order-1", added(), added())
    async with setting.running(ahead):
        pass
    setting.model.gate.clear()
    setting.log.add("order-1", added())
    setting.batch_events = 2
    setting.log.reads.clear()
    async with setting.running(ahead, behind):
        assert [read for read in setting.log.reads if read[0] < 5] == [(1, 2), (3, 2)]
    setting.batch_events = 3
    behind = setting.another()
    setting.log.reads.clear()
    async with setting.running(ahead, behind):
        await setting.timer.advance(PACE)
        assert [read for read in setting.log.reads if read[0] < 5] == [(1, 3), (4, 1)]


async def test_a_reader_of_one_view_is_served_at_once_wherever_that_has_joined() -> None:
    setting = Setting()
    setting.log.add("order-1", created())
    async with setting.running():
        pass
    ahead, behind = setting.projector, setting.another()
    async with setting.running(ahead, behind):
        for position in (2, 3):
            setting.log.add("order-1", added())
            assert await behind.wait_for(position, 1)
            assert await ahead.wait_for(position, 1)
    assert setting.timer.now == 1000.0


async def test_a_view_that_cannot_be_written_does_not_hold_the_others_up() -> None:
    setting = Setting()
    model = DictReadModel()
    model.refusals = 1
    refused = setting.another(model=model)
    setting.log.add("order-1", created())
    async with setting.running(setting.projector, refused):
        assert (setting.projector.position, refused.position) == (1, 0)
        setting.log.add("order-1", added())
        await setting.timer.advance(PACE)
        assert (setting.projector.position, refused.position) == (2, 0)
        await setting.timer.advance(RETRY)
        assert refused.position == 2
        assert model.rows == setting.model.rows == replay(setting.log.events)
        setting.log.reads.clear()
        setting.log.add("order-1", added())
        assert await refused.wait_for(3, 1)
        assert setting.projector.position == 3
        assert len(setting.log.reads) == 1


async def test_nobody_joins_others_whose_batch_is_on_its_way() -> None:
    setting = Setting()
    model = DictReadModel()
    model.refusals = 1
    late = setting.another(model=model)
    setting.log.add("order-1", created())
    async with setting.running(setting.projector, late):
        setting.model.gate.clear()
        setting.log.add("order-1", added())
        await setting.timer.advance(PACE)
        await setting.timer.advance(RETRY)
        await setting.timer.advance(PACE)
        assert (setting.projector.position, late.position) == (1, 2)
        setting.model.gate.set()
        setting.log.add("order-1", added())
        assert await setting.projector.wait_for(3, 1)
        assert await late.wait_for(3, 1)
        assert model.rows == setting.model.rows == replay(setting.log.events)


async def test_a_reader_of_a_view_that_joins_others_at_rest_does_not_wait_for_the_rest_to_end() -> None:
    setting = Setting()
    model = DictReadModel()
    model.refusals = 1
    late = setting.another(model=model)
    setting.log.add("order-1", created())
    async with setting.running(setting.projector, late):
        await setting.timer.advance(RETRY - PACE / 2)
        setting.log.add("order-1", added())
        await settle()
        setting.log.add("order-1", added())
        waiting = asyncio.create_task(late.wait_for(3, 5))
        await settle()
        assert setting.projector.position == 2  # it is not the one that is waited for
        await setting.timer.advance(PACE * 0.75)
        assert waiting.result() is True
        assert setting.projector.position == 3


async def test_a_read_model_that_has_moved_by_itself_stops_its_view_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setting = Setting()
    model = DictReadModel()
    moved = setting.another(model=model)

    async def refuse(*_: Any) -> None:
        raise RuntimeError("moved")

    monkeypatch.setattr(model, "write", refuse)
    setting.log.add("order-1", created())
    async with setting.running(setting.projector, moved):
        assert isinstance(moved.failed, RuntimeError)
        assert setting.projector.failed is None
        assert setting.projector.position == 1


async def test_a_view_is_not_shown_what_only_another_view_looks_at() -> None:
    setting = Setting()
    shown: list[str] = []

    def keys(recorded: AnyRecordedEvent) -> Sequence[Key]:
        shown.append(recorded.type)
        return ()

    narrow = setting.another(replace(ORDER_COUNTS, events=(OrderCreated,), keys=keys))
    setting.log.add("order-1", created(), added())
    async with setting.running(setting.projector, narrow):
        assert narrow.position == 2
        assert shown == [OrderCreated.DESCRIPTOR.full_name]


# Failing


async def test_a_view_that_cannot_say_what_an_event_touches_stops_just_before_it_and_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    setting = Setting()
    model = DictReadModel()
    fragile = setting.another(failing_at(3, "keys"), model)
    setting.log.add("order-1", created(), added(), added(), added())
    with caplog.at_level(logging.ERROR):
        async with setting.running(fragile, setting.projector):
            assert fragile.failed is not None
            assert isinstance(fragile.failed.__cause__, ArithmeticError)
            assert fragile.position == 2
            assert model.rows == replay(setting.log.events[:2])
            assert setting.projector.failed is None
            assert setting.projector.position == 4
    [record] = caplog.records
    assert "fragile has stopped at position 2" in record.getMessage()
    assert "ArithmeticError" in caplog.text


async def test_what_comes_before_the_event_that_stops_a_view_is_applied_or_parked() -> None:
    def keys(recorded: AnyRecordedEvent) -> Sequence[Key]:
        if recorded.position == 4:
            raise ArithmeticError("no key")
        return list(ORDER_COUNTS.keys(recorded))

    setting = Setting(replace(failing_at(3), keys=keys))
    setting.log.add("order-1", created(), added(), added(), added())
    async with setting.running():
        assert setting.projector.failed is not None
        assert setting.projector.position == 3
        assert setting.model.rows == replay(setting.log.events[:2])
        assert [(event.key.id, event.position) for event in setting.model.queued] == [("1", 3)]


async def test_bytes_that_cannot_be_read_stop_the_view() -> None:
    setting = Setting()
    setting.log.add("order-1", created(), added())
    setting.log.damage(2, b"\x12\x99")
    async with setting.running():
        assert setting.projector.failed is not None
        assert setting.projector.position == 1


async def test_who_waits_for_a_view_that_stops_is_told_at_once() -> None:
    setting = Setting(failing_at(1, "keys"))
    async with setting.running():
        waiting = asyncio.create_task(setting.projector.wait_for(1, 60))
        await settle()
        setting.log.add("order-1", created())
        assert await waiting is False
        assert await setting.projector.wait_for(1, 60) is False
        assert setting.timer.now == 1000.0


async def test_a_read_model_that_cannot_be_written_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    setting = Setting()
    setting.model.refusals = 2
    setting.log.add("order-1", created(), added())
    with caplog.at_level(logging.ERROR):
        async with setting.running():
            for _ in range(2):
                assert setting.model.rows == {}
                await setting.timer.advance(RETRY)
            assert setting.projector.failed is None
            assert setting.model.rows == replay(setting.log.events)
            assert len(caplog.records) == 1
            setting.model.refusals = 1  # once more, and told once more
            setting.log.add("order-1", added())
            await setting.timer.advance(RETRY)
            await setting.timer.advance(RETRY)
            assert setting.model.rows == replay(setting.log.events)
    assert len(caplog.records) == 2


async def test_stopping_in_the_middle_of_a_write_leaves_nothing_behind() -> None:
    setting = Setting()
    setting.model.gate.clear()
    setting.log.add("order-1", created())
    async with setting.running():
        assert setting.model.writes == []
    assert setting.projector.failed is None
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert setting.timer.alarms == []
