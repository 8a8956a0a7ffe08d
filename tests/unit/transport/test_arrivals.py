"""Calls go in rounds: whoever comes while others are under way waits for them, and never for long."""

from functools import partial
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foldlog_server.transport import arrivals
from foldlog_server.transport.arrivals import MOST_WAITS, PATIENCE, Arrivals, Round
from tests.support.manual_timer import ManualTimer


class Door:
    """Lets calls in by number, and writes down who is taken up."""

    def __init__(self) -> None:
        self.timer = ManualTimer()
        self.worked = 0.0
        self.taken_up: list[int] = []
        self._arrivals = Arrivals(timer=self.timer, worked=lambda: self.worked)
        self._rounds: dict[int, Round] = {}

    def come(self, *calls: int) -> None:
        for call in calls:
            self._rounds[call] = self._arrivals.enter(partial(self.taken_up.append, call))

    def answer(self, *calls: int) -> None:
        for call in calls:
            self._arrivals.leave(self._rounds.pop(call))

    async def pass_time(self, seconds: float, *, busy: bool = False) -> None:
        if busy:
            self.worked += seconds
        await self.timer.advance(seconds)

    async def waits_for_callers(self) -> bool:
        """Whether a call waits, when two were answered of whom neither comes."""
        self.come(-1, -2)
        self.answer(-1)
        await self.pass_time(0)
        waited = self.taken_up[-1] != -2
        await self.pass_time(PATIENCE)
        assert self.taken_up[-1] == -2
        self.answer(-2)
        return waited


@pytest.fixture
def door() -> Door:
    return Door()


def test_a_lone_call_never_waits(door: Door) -> None:
    for call in range(3):
        door.come(call)
        assert door.taken_up[-1] == call
        door.answer(call)


def test_who_comes_while_another_is_under_way_waits_for_it_and_until_it_comes_again(door: Door) -> None:
    door.come(0, 1, 2)
    assert door.taken_up == [0]
    door.answer(0)
    assert door.taken_up == [0]
    door.come(3)
    assert door.taken_up == [0, 1, 2, 3]


def test_the_first_to_come_again_waits_for_all_others(door: Door) -> None:
    door.come(0, 1, 2)
    door.answer(0)
    door.come(3)
    door.answer(1)
    door.come(4)
    door.answer(2, 3)
    door.come(5)
    assert door.taken_up == [0, 1, 2, 3]
    door.come(6)
    assert door.taken_up == [0, 1, 2, 3, 4, 5, 6]


async def test_who_does_not_come_again_is_not_waited_for_when_nobody_comes(door: Door) -> None:
    door.come(0, 1)
    door.answer(0)
    await door.pass_time(PATIENCE - 0.0001)
    assert door.taken_up == [0]
    await door.pass_time(0.0001)

    assert door.taken_up == [0, 1]


async def test_calls_are_waited_for_as_long_as_they_keep_the_loop_busy_but_not_for_ever(door: Door) -> None:
    everybody = range(1, 3 * MOST_WAITS)
    door.come(0, *everybody)
    door.answer(0)
    door.come(0)
    door.answer(0, *everybody)

    before = len(door.taken_up)
    for call in range(MOST_WAITS):
        assert len(door.taken_up) == before
        door.come(call)
        await door.pass_time(PATIENCE / 2, busy=True)
        door.come(100 + call)
        await door.pass_time(PATIENCE / 2, busy=True)
    assert len(door.taken_up) == before + 2 * MOST_WAITS


async def test_calls_that_keep_coming_by_chance_are_not_waited_for_nor_is_other_work(door: Door) -> None:
    door.come(0, 1, 2)
    door.answer(0)
    await door.pass_time(PATIENCE)  # 2 came
    assert door.taken_up == [0, 1, 2]

    door.come(3)
    await door.pass_time(PATIENCE, busy=True)  # nobody came
    assert door.taken_up == [0, 1, 2, 3]


async def test_nobody_waits_for_who_gave_up(door: Door) -> None:
    door.come(0, 1, 2, 3)
    door.answer(2, 3)  # before they were taken up
    await door.pass_time(PATIENCE)
    assert door.taken_up == [0, 1, 2, 3]
    door.answer(0, 1)
    door.come(4)

    assert door.taken_up[-1] == 4


async def test_a_call_that_takes_long_holds_up_one_round_for_a_moment_and_no_other(door: Door) -> None:
    door.come(0, 1, 2)  # 0 is not answered
    await door.pass_time(PATIENCE, busy=True)  # somebody came
    assert door.taken_up == [0]
    await door.pass_time(PATIENCE)
    assert door.taken_up == [0, 1, 2]

    door.answer(1, 2)
    door.come(3)
    await door.pass_time(0)
    assert door.taken_up == [0, 1, 2]  # it waits: nobody who was answered has stayed away so far
    door.come(4)
    assert door.taken_up == [0, 1, 2, 3, 4]


async def test_an_answer_goes_out_before_others_are_taken_up(door: Door) -> None:
    await door.waits_for_callers()
    door.come(0, 1)
    door.answer(0)
    assert door.taken_up[-1] == 0
    await door.pass_time(0)

    assert door.taken_up[-1] == 1


async def test_who_waits_for_a_round_waits_for_all_of_it_and_for_no_other(door: Door) -> None:
    await door.waits_for_callers()  # so the next does not wait for callers
    door.come(0, 1, 2)
    await door.pass_time(PATIENCE)
    door.come(3)
    door.answer(0, 1)
    await door.pass_time(0)
    assert door.taken_up[-1] == 2
    door.answer(2)
    await door.pass_time(0)

    assert door.taken_up[-1] == 3


async def test_a_wait_that_has_ended_disturbs_no_later_round(door: Door) -> None:
    door.come(0, 1)
    door.answer(0)
    door.come(2)
    await door.pass_time(PATIENCE)
    door.come(3)
    assert door.taken_up == [0, 1, 2]


async def test_a_wait_that_is_cut_short_disturbs_no_later_round(door: Door) -> None:
    await door.waits_for_callers()  # so the next does not wait for callers
    door.come(0, 1)
    door.answer(0)
    await door.pass_time(PATIENCE / 2)
    assert door.taken_up[-1] == 1
    door.come(2)
    await door.pass_time(PATIENCE / 2)
    assert door.taken_up[-1] == 1


async def test_after_a_wait_in_vain_others_do_without_and_twice_as_many_each_time(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "MOST_PASSED", 4)
    waits = [await door.waits_for_callers() for _ in range(17)]

    assert [place for place, waited in enumerate(waits) if waited] == [0, 2, 6, 11, 16]


async def test_after_waits_in_vain_whoever_comes_first_waits_for_nobody(door: Door) -> None:
    assert [await door.waits_for_callers() for _ in range(7)].count(True) == 3
    door.come(0, 1)
    door.answer(0)
    door.come(2)
    door.answer(1, 2)
    door.come(3)
    await door.pass_time(0)

    assert door.taken_up[-1] == 3


async def test_when_callers_come_again_they_are_waited_for_again(door: Door) -> None:
    assert [await door.waits_for_callers() for _ in range(15)].count(True) == 4
    door.come(0, 1)
    door.answer(0)
    await door.pass_time(0)
    assert door.taken_up[-1] == 1  # it did not wait
    door.answer(1)

    door.come(0, 1)
    door.answer(0)
    door.come(2)
    door.answer(1, 2)
    for _ in range(3):
        door.come(1, 2)
        door.answer(1, 2)
    door.come(3)
    await door.pass_time(0)
    assert door.taken_up[-1] == 2  # it waits


Deed: TypeAlias = tuple[str, int]
DEEDS = st.lists(st.tuples(st.sampled_from(["come", "answer", "idle", "busy"]), st.integers(0, 7)))


@given(DEEDS)
async def test_every_call_is_taken_up_once_and_in_order_and_waits_no_longer_than_it_may(
    deeds: list[Deed],
) -> None:
    door = Door()
    came: dict[int, float] = {}
    answered: set[int] = set()

    def check() -> None:
        assert door.taken_up == list(came)[: len(door.taken_up)]
        for call in list(came)[len(door.taken_up) :]:
            assert door.timer.now < came[call] + MOST_WAITS * PATIENCE + 1e-9

    for deed, number in deeds:
        if deed == "come":
            came[len(came)] = door.timer.now
            door.come(len(came) - 1)
        elif deed == "answer":
            if waiting := [call for call in door.taken_up if call not in answered]:
                call = waiting[number % len(waiting)]
                answered.add(call)
                door.answer(call)
        else:
            await door.pass_time(number * PATIENCE / 8, busy=deed == "busy")
        check()
    for _ in range(MOST_WAITS):
        await door.pass_time(PATIENCE)
    assert door.taken_up == list(came)
