"""A watcher ends up with exactly what the view holds, however it is cut off, left behind, or made to begin anew."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldlog.orders.v1.queries_pb2 import CurrentOrder
from foldlog.v1.options_pb2 import COMPARISON_UNSPECIFIED
from foldlog_server.errors import ReadRefused
from foldlog_server.queries.watch import Limits, Move, Place, Watched, watch
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import ColumnFilter
from tests.support.list_log import ListLog
from tests.support.manual_timer import ManualTimer, settle
from tests.support.order_counts import ORDER_COUNTS, ORDERS, added, cancelled, created, unseen
from tests.support.replayed_read_model import ReplayedReadModel

USUAL = Limits()
OF_C1 = ColumnFilter("customer_id", COMPARISON_UNSPECIFIED, "c1")


class Setting:
    """A log, a view that a test moves, and one watcher with what it was given."""

    def __init__(
        self,
        *,
        ids: Collection[str] | None = None,
        filters: Sequence[ColumnFilter] = (),
        limits: Limits = USUAL,
    ) -> None:
        self.log = ListLog()
        self.timer = ManualTimer()
        self.model = ReplayedReadModel(self.log)
        self.projector = self._any_projector()
        self.watched = Watched(ORDERS, ids, filters)
        self.limits = limits
        self.looks = 0
        """How often it was looked where the view stands."""
        self.given: dict[str, bytes] = {}
        self.place: Place | None = None
        self._moves: AsyncGenerator[Move] | None = None
        self._next: asyncio.Task[Move] | None = None

    def _any_projector(self) -> Projector:
        model: Any = self.model
        return Projector(ORDER_COUNTS, model, timer=self.timer)

    def _projector_of(self, _: str) -> Projector:
        self.looks += 1
        return self.projector

    def make_anew(self, edition: str) -> None:
        """Have another projector, with other documents, take the place of the former one."""
        former, self.projector = self.projector, self._any_projector()
        self.model.edition = edition
        former.wake_followers()

    def view_sees(self, events: int = 1_000_000) -> None:
        """Move the view on by so many events, as far as the log goes."""
        self.model.position = min(self.model.position + events, self.log.head.position)
        self.projector.release_satisfied()

    async def next(self) -> Move | None:
        """The next message if there is one without time passing; takes it in, and looks at what is there."""
        if self._moves is None:
            self._moves = watch(
                self.log,
                self._projector_of,
                self.watched,
                self.place,
                timer=self.timer,
                limits=self.limits,
            )
        if self._next is None:
            self._next = asyncio.ensure_future(anext(self._moves))
        await settle()
        if not self._next.done():
            return None
        move, self._next = self._next.result(), None
        self._take(move)
        return move

    async def all(self) -> list[Move]:
        """All messages that there are without time passing."""
        moves = []
        while (move := await self.next()) is not None:
            moves.append(move)
        return moves

    async def cut(self) -> None:
        """Lose the connection; the watcher goes on from the last message it got."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait([self._next])
        if self._moves is not None:
            await self._moves.aclose()
        self._moves = self._next = None

    def held(self, position: int) -> dict[str, bytes]:
        """What the view holds at a position of what is watched."""
        documents = self.model.documents(position, self.watched.filters)
        ids = self.watched.ids
        return {id: row[1] for id, row in documents.items() if ids is None or id in ids}

    def _take(self, move: Move) -> None:
        if move.resets:
            self.given.clear()
            self.place = None
        for document in move.puts:
            self.given[CurrentOrder.FromString(document).order_id] = document
        for id in move.gone:
            self.given.pop(id, None)
        before = self.place.position if self.place else 0
        if move.completes or move.place.position != before:
            assert move.place.position >= before
            assert self.given == self.held(move.place.position)
        self.place = move.place


def ids_of(move: Move) -> list[str]:
    return [CurrentOrder.FromString(document).order_id for document in move.puts]


# The snapshot


async def test_a_watch_of_nothing_is_complete_at_once() -> None:
    setting = Setting()
    [move] = await setting.all()
    assert move.completes
    assert not move.resets
    assert not [*move.puts, *move.gone]
    assert move.place.position == 0


async def test_a_snapshot_comes_in_pages_in_the_order_in_which_the_documents_were_made() -> None:
    setting = Setting(limits=Limits(rows=2))
    for number in range(5):
        setting.log.add(f"order-{9 - number}", created())
    setting.view_sees()
    *pages, last = await setting.all()
    assert [ids_of(move) for move in pages] == [["9", "8"], ["7", "6"], ["5"]]
    assert [move.place.position for move in pages] == [0, 0, 0]
    assert not any(move.completes for move in pages)
    assert last.completes
    assert last.place.position == 5
    assert not last.puts


async def test_a_message_of_the_snapshot_is_no_larger_than_a_message_may_be_but_has_a_document() -> None:
    setting = Setting(limits=Limits(message_bytes=60))
    for number in range(6):
        setting.log.add(f"order-{number}", created())
    setting.log.add("order-long", created("c" * 64))
    setting.view_sees()
    *pages, last = await setting.all()
    assert all(sum(map(len, move.puts)) <= 60 or len(move.puts) == 1 for move in pages)
    assert len(pages) > 2
    assert max(len(move.puts) for move in pages) > 1
    assert last.completes


async def test_what_is_touched_while_the_snapshot_is_read_is_given_again_before_it_is_complete() -> None:
    setting = Setting(limits=Limits(rows=1))
    setting.log.add("order-1", created())
    setting.log.add("order-2", created())
    setting.view_sees()
    first = await setting.next()
    assert first is not None
    assert ids_of(first) == ["1"]
    setting.log.add("order-1", cancelled())
    setting.log.add("order-3", created())
    setting.view_sees()
    rest = await setting.all()
    assert [move.completes for move in rest] == [False] * (len(rest) - 1) + [True]
    assert [id for move in rest for id in move.gone] == ["1"]
    assert set(setting.given) == {"2", "3"}


async def test_some_ids_alone_are_complete_in_one_step_and_the_others_are_passed_over() -> None:
    setting = Setting(ids={"2", "none"})
    setting.log.add("order-1", created())
    setting.log.add("order-2", created())
    setting.view_sees()
    [move] = await setting.all()
    assert move.completes
    assert ids_of(move) == ["2"]
    setting.log.add("order-1", added())
    setting.view_sees()
    assert await setting.all() == []
    setting.log.add("order-2", cancelled())
    setting.view_sees()
    [move] = await setting.all()
    assert (move.gone, move.place.position) == (["2"], 4)


# Changes


async def test_each_message_moves_the_watcher_by_all_that_the_view_has_seen() -> None:
    setting = Setting()
    await setting.all()
    setting.log.add("order-1", created(), added(2), added(3))
    setting.log.add("order-2", created(), cancelled())
    assert await setting.next() is None  # the view has not seen them
    setting.view_sees()
    [move] = await setting.all()
    assert ids_of(move) == ["1"]
    assert CurrentOrder.FromString(move.puts[0]).item_count == 5
    assert move.gone == ["2"]  # it came and went, and was never shown
    assert move.place.position == 5


async def test_a_document_that_does_not_match_any_more_or_never_did_is_gone() -> None:
    setting = Setting(filters=[OF_C1])
    setting.log.add("order-1", created("c1"))
    setting.view_sees()
    await setting.all()
    setting.log.add("order-1", created("c2"))
    setting.log.add("order-2", created("c2"))
    setting.log.add("order-3", created("c1"))
    setting.view_sees()
    [move] = await setting.all()
    assert (ids_of(move), move.gone) == (["3"], ["1", "2"])


async def test_a_slow_watcher_gets_merged_states() -> None:
    setting = Setting()
    setting.log.add("order-1", created())
    setting.view_sees()
    await setting.all()
    for _ in range(50):
        setting.log.add("order-1", added(1))
        setting.view_sees()
    [move] = await setting.all()
    assert [CurrentOrder.FromString(document).item_count for document in move.puts] == [50]


async def test_a_step_of_several_messages_moves_the_position_with_the_last() -> None:
    setting = Setting(limits=Limits(message_bytes=60))
    await setting.all()
    for number in range(6):
        setting.log.add(f"order-{number}", created())
    setting.log.add("order-x", created(), cancelled())
    setting.view_sees()
    moves = await setting.all()
    assert len(moves) > 2
    assert [move.place.position for move in moves] == [0] * (len(moves) - 1) + [8]
    assert all(sum(map(len, move.puts)) <= 60 for move in moves)
    assert moves[-1].gone == ["x"]


async def test_a_long_way_is_gone_in_steps_that_can_be_resumed_at() -> None:
    setting = Setting(limits=Limits(events=2))
    await setting.all()
    for number in range(5):
        setting.log.add(f"order-{number}", created())
    setting.view_sees()
    moves = await setting.all()
    assert [move.place.seen for move in moves] == [2, 4, 5]
    assert [move.place.position for move in moves] == [0, 0, 5]


async def test_few_documents_are_looked_up_at_once() -> None:
    setting = Setting(limits=Limits(ids=2))
    await setting.all()
    for number in range(5):
        setting.log.add(f"order-{number}", created())
    setting.view_sees()
    assert [len(move.puts) for move in await setting.all()] == [2, 2, 1]


async def test_a_position_is_not_told_while_some_documents_are_newer() -> None:
    setting = Setting(limits=Limits(events=1))
    await setting.all()
    setting.log.add("order-1", created(), unseen(), added())
    setting.view_sees(1)
    setting.model.before_reading = setting.view_sees  # the first step reads what the third event made
    moves = await setting.all()
    assert [(move.place.seen, move.place.position) for move in moves] == [(1, 0), (3, 3)]


async def test_a_position_that_was_not_told_is_not_told_with_newer_documents() -> None:
    setting = Setting(ids={"1"}, limits=Limits(events=1))
    await setting.all()
    setting.log.add("order-2", created())
    setting.log.add("order-1", created(), added())
    setting.view_sees()
    moves = await setting.all()
    assert [(move.place.seen, move.place.position) for move in moves] == [(2, 0), (3, 3)]


async def test_a_snapshot_is_not_complete_while_some_of_its_documents_are_newer() -> None:
    setting = Setting(limits=Limits(rows=1, events=1, unsent_seconds=0))
    setting.log.add("order-1", created())
    setting.log.add("order-2", created())
    setting.view_sees()
    assert await setting.next() is not None
    setting.log.add("order-2", unseen(), added())
    setting.view_sees()
    moves = await setting.all()
    assert [move.place.position for move in moves if move.completes] == [4]


async def test_a_watcher_that_was_cut_off_is_not_told_a_position_while_some_documents_are_newer() -> None:
    setting = Setting(limits=Limits(events=1, unsent_seconds=0))
    await setting.all()
    setting.log.add("order-1", created(), unseen(), added())
    setting.view_sees(1)
    setting.model.before_reading = setting.view_sees
    assert await setting.next() is not None
    await setting.cut()
    moves = await setting.all()
    assert [(move.place.seen, move.place.position) for move in moves] == [(3, 3)]


async def test_on_a_long_way_without_anything_to_tell_the_place_is_told_every_second() -> None:
    setting = Setting(limits=Limits(events=10))
    await setting.all()
    setting.log.add("order-1", *[unseen()] * 100)
    await setting.timer.advance(1.1)
    setting.view_sees()
    [move] = await setting.all()
    assert move.place.position == 10


# Silence


async def test_a_watcher_hears_every_ten_seconds_that_nothing_happens() -> None:
    setting = Setting()
    await setting.all()
    await setting.timer.advance(9.9)
    assert await setting.next() is None
    await setting.timer.advance(0.2)
    [move] = await setting.all()
    assert (move.puts, move.gone, move.completes) == ((), (), False)
    await setting.timer.advance(9.9)
    assert await setting.next() is None


async def test_a_watcher_hears_within_a_second_of_a_position_at_which_nothing_happened_to_it() -> None:
    setting = Setting()
    await setting.all()
    setting.log.add("order-1", *[unseen()] * 500)
    setting.view_sees()
    assert await setting.next() is None
    await setting.timer.advance(0.9)
    setting.log.add("order-1", unseen())
    setting.view_sees()
    assert await setting.next() is None
    await setting.timer.advance(0.2)
    [move] = await setting.all()
    assert (move.puts, move.gone, move.place.position) == ((), (), 501)
    await setting.timer.advance(9.9)
    assert await setting.next() is None


# Going on


async def test_a_watcher_goes_on_where_it_was_cut_off() -> None:
    setting = Setting()
    setting.log.add("order-1", created())
    setting.view_sees()
    await setting.all()
    await setting.cut()
    setting.log.add("order-2", created())
    setting.view_sees()
    [move] = await setting.all()
    assert (ids_of(move), move.resets, move.completes) == (["2"], False, False)


async def test_a_snapshot_goes_on_after_the_last_row_that_arrived() -> None:
    setting = Setting(limits=Limits(rows=2))
    for number in range(5):
        setting.log.add(f"order-{number}", created())
    setting.view_sees()
    first = await setting.next()
    assert first is not None
    await setting.cut()
    setting.log.add("order-0", added())
    setting.view_sees()
    rest = await setting.all()
    assert [ids_of(move) for move in rest] == [["2", "3"], ["4"], ["0"]]
    assert rest[-1].completes


@pytest.mark.parametrize("other", [("other", "g1"), ("log", "g0")])
async def test_a_place_in_another_log_or_edition_begins_anew(other: tuple[str, str]) -> None:
    setting = Setting()
    setting.log.add("order-1", created())
    setting.view_sees()
    await setting.all()
    await setting.cut()
    assert setting.place is not None
    setting.place = setting.place._replace(log_id=other[0], edition=other[1])
    first, *rest = await setting.all()
    assert first.resets
    assert ids_of(first) == ["1"]
    assert not any(move.resets for move in rest)
    assert rest[-1].completes


async def test_a_place_far_on_in_another_log_begins_anew() -> None:
    setting = Setting()
    setting.place = Place("other", "g1", position=9, seen=9, is_listed=True, is_complete=True)
    [move] = await setting.all()
    assert move.resets
    assert move.completes


async def test_a_view_that_is_made_anew_while_it_is_watched_begins_anew() -> None:
    setting = Setting()
    setting.log.add("order-1", created())
    setting.view_sees()
    await setting.all()
    setting.model.edition = "g2"
    setting.log.add("order-1", cancelled())
    setting.view_sees()
    [move] = await setting.all()
    assert move.resets
    assert move.completes
    assert setting.given == {}


async def test_a_watcher_of_a_quiet_view_hears_at_once_that_it_was_made_anew() -> None:
    setting = Setting()
    setting.log.add("order-1", created())
    setting.view_sees()
    await setting.all()
    setting.make_anew("g2")
    first, *_, last = await setting.all()
    assert first.resets
    assert last.completes
    assert setting.given == setting.held(1)
    setting.log.add("order-2", created())
    setting.view_sees()
    [move] = await setting.all()
    assert not move.resets
    assert ids_of(move) == ["2"]


async def test_nothing_is_told_of_what_was_read_while_the_view_was_made_anew() -> None:
    setting = Setting()
    setting.log.add("order-1", created())
    setting.view_sees()
    await setting.all()
    editions = ["g2"]
    setting.model.before_reading = lambda: setting.make_anew(editions.pop()) if editions else None
    setting.log.add("order-2", created())
    setting.view_sees()
    first, *_, last = await setting.all()
    assert first.resets
    assert first.place.edition == "g2"
    assert last.completes
    assert setting.given == setting.held(2)


async def test_a_snapshot_that_begins_anew_tells_no_position_before_it_is_complete() -> None:
    setting = Setting(ids={"1", "2"}, limits=Limits(message_bytes=30))
    setting.log.add("order-1", created())
    setting.log.add("order-2", created())
    setting.view_sees()
    await setting.all()
    setting.model.edition = "g2"
    setting.log.add("order-1", added())
    setting.view_sees()
    moves = await setting.all()
    assert [(move.resets, move.completes, move.place.position) for move in moves] == [
        (True, False, 0),
        (False, True, 3),
    ]


async def test_a_place_within_a_snapshot_is_gone_on_from_while_the_view_is_behind_the_log() -> None:
    """It says what the newest document was: the snapshot is complete without what came after it."""
    setting = Setting(limits=Limits(rows=2))
    for number in range(3):
        setting.log.add(f"order-{number}", created())
    setting.view_sees()
    await setting.next()
    await setting.cut()
    setting.log.add("order-0", added())
    moves = await setting.all()
    assert [ids_of(move) for move in moves] == [["2"], []]
    assert (moves[-1].completes, moves[-1].place.position) == (True, 3)


async def test_a_place_of_a_former_release_waits_for_all_that_it_may_have_been_given() -> None:
    """Documents may have been given as of the head: a view that is not there again is waited for."""
    setting = Setting(limits=Limits(rows=2))
    for number in range(3):
        setting.log.add(f"order-{number}", created())
    setting.view_sees()
    first = await setting.next()
    assert first is not None
    assert first.place.cursor is not None
    await setting.cut()
    setting.place = first.place._replace(newest=0, run=b"")
    setting.log.add("order-0", added())
    assert [ids_of(move) for move in await setting.all()] == [["2"]]
    setting.looks = 0
    assert await setting.next() is None
    await settle()
    assert setting.looks < 20  # it sleeps
    setting.view_sees()
    *_, last = await setting.all()
    assert last.completes
    assert last.place.position == 4


async def test_a_place_that_the_view_has_not_reached_is_waited_for() -> None:
    setting = Setting()
    setting.log.add("order-1", created())
    setting.view_sees()
    await setting.all()
    await setting.cut()
    setting.model.position = 0  # its file was lost, and is made anew
    assert await setting.next() is None
    setting.view_sees()
    setting.log.add("order-2", created())
    setting.view_sees()
    [move] = await setting.all()
    assert ids_of(move) == ["2"]


async def test_a_snapshot_goes_on_only_where_the_view_has_seen_what_its_beginning_had() -> None:
    setting = Setting(limits=Limits(rows=1))
    setting.log.add("order-1", created())
    setting.log.add("order-2", created())
    setting.view_sees()
    assert await setting.next() is not None
    await setting.cut()
    setting.model.position = 1  # its file was lost, and is made anew
    assert await setting.next() is None
    setting.view_sees()
    moves = await setting.all()
    assert moves[-1].completes
    assert set(setting.given) == {"1", "2"}


async def test_a_place_beyond_the_head_is_refused() -> None:
    setting = Setting()
    setting.place = Place("log", "g1", position=1, seen=1, is_listed=True, is_complete=True)
    with pytest.raises(ReadRefused) as refused:
        await setting.next()
    assert refused.value.reason.name == "POSITION_BEYOND_HEAD"


async def test_a_view_that_has_stopped_gives_what_it_has_and_then_says_so() -> None:
    setting = Setting()
    setting.log.add("order-1", created())
    setting.view_sees()
    setting.projector.fail(ArithmeticError("no document"))
    setting.log.add("order-2", created())
    with pytest.raises(ReadRefused) as refused:
        await setting.all()
    assert refused.value.reason.name == "VIEW_STOPPED"
    assert set(setting.given) == {"1"}


async def test_a_view_that_stops_while_it_is_watched_says_so() -> None:
    setting = Setting()
    await setting.all()
    setting.projector.fail(ArithmeticError("no document"))
    with pytest.raises(ReadRefused) as refused:
        await setting.next()
    assert refused.value.reason.name == "VIEW_STOPPED"


# Whatever happens

STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("event"), st.integers(0, 3), st.sampled_from(["created", "added", "gone", "other"])
        ),
        st.tuples(st.just("view"), st.integers(1, 6), st.just("")),
        st.tuples(st.just("next"), st.integers(1, 5), st.just("")),
        st.tuples(st.just("cut"), st.integers(0, 0), st.just("")),
        st.tuples(st.just("anew"), st.integers(0, 3), st.just("")),
    ),
    max_size=60,
)


@settings(max_examples=100)
@given(
    steps=STEPS,
    drift=st.lists(st.integers(0, 3), max_size=30),
    watched=st.sampled_from([(None, ()), (None, (OF_C1,)), ({"1", "2"}, ())]),
    size=st.integers(1, 4),
)
async def test_whatever_happens_a_watcher_receives_exactly_what_the_view_holds(
    steps: list[tuple[str, int, str]],
    drift: list[int],
    watched: tuple[Collection[str] | None, Sequence[ColumnFilter]],
    size: int,
) -> None:
    """`Setting` compares at every message that moves the position; at the end all is there."""
    limits = Limits(rows=size, events=size, ids=size, message_bytes=30 * size)
    setting = Setting(ids=watched[0], filters=watched[1], limits=limits)
    setting.model.before_reading = lambda: setting.view_sees(drift.pop()) if drift else None
    for step, number, kind in steps:
        match step:
            case "event":
                payload = {
                    "created": created(f"c{number % 2 + 1}"),
                    "added": added(),
                    "gone": cancelled(),
                    "other": unseen(),
                }
                setting.log.add(f"order-{number}", payload[kind])
            case "view":
                setting.view_sees(number)
            case "next":
                for _ in range(number):
                    await setting.next()
            case "cut":
                await setting.cut()
            case _:
                setting.make_anew(f"g{number}")
                setting.model.position = min(setting.model.position, number)
    setting.view_sees()
    await setting.all()
    await setting.timer.advance(10.1)
    await setting.all()
    assert setting.place is not None
    assert setting.place.position == setting.log.head.position
    assert setting.given == setting.held(setting.log.head.position)
    await setting.cut()
