"""Calls that are under way together are begun together; a lone one waits at most once, after others."""

import asyncio

import pytest

from foldlog_server.transport.arrivals import LONGEST, TURNS, Arrivals


@pytest.fixture
async def arrivals() -> Arrivals:
    return Arrivals(lambda: 0.0)  # turns take no time here


async def come(arrivals: Arrivals, count: int) -> list[int]:
    """So many calls come; gives the numbers of those that have begun, from now on."""
    begun: list[int] = []

    async def call(number: int) -> None:
        await arrivals.enter()
        begun.append(number)

    for number in range(count):
        _calls.add(task := asyncio.get_running_loop().create_task(call(number)))
        task.add_done_callback(_calls.discard)
    await asyncio.sleep(0)
    return begun


_calls: set["asyncio.Task[None]"] = set()


async def turns_until(begun: list[int], calls: int = 1) -> int:
    """The turns of the loop until so many calls have begun."""
    for count in range(1000):
        if len(begun) >= calls:
            return count
        await asyncio.sleep(0)
    raise AssertionError("they did not begin")


async def test_a_lone_call_never_waits(arrivals: Arrivals) -> None:
    for _ in range(3):
        assert await come(arrivals, 1) == [0]
        arrivals.leave()


async def test_those_who_come_while_others_are_under_way_are_begun_together_in_order(
    arrivals: Arrivals,
) -> None:
    await turns_until(await come(arrivals, TURNS), TURNS)
    early = await come(arrivals, 3)
    for _ in range(TURNS // 2):
        await asyncio.sleep(0)
    late = await come(arrivals, 3)
    assert not early
    await turns_until(early)

    assert early == late == [0, 1, 2]


async def test_few_calls_wait_for_few_turns_and_many_for_no_more_than_a_bound(arrivals: Arrivals) -> None:
    await come(arrivals, 1)
    few = await turns_until(await come(arrivals, 1))
    await come(arrivals, 500)
    await turns_until(await come(arrivals, 1))
    many = await turns_until(await come(arrivals, 1))

    assert few < 100
    assert few < many <= TURNS + 3


async def test_nobody_waits_long_where_turns_take_long() -> None:
    now = 0.0
    arrivals = Arrivals(lambda: now)
    await come(arrivals, 1)
    waiting = await come(arrivals, 1)
    for _ in range(3):
        await asyncio.sleep(0)
        now += LONGEST / 3
        assert not waiting
    now += LONGEST / 3

    assert await turns_until(waiting) == 2


async def test_nobody_waits_any_longer_when_all_are_there_who_were_lately(arrivals: Arrivals) -> None:
    await go_through(arrivals, 100)
    back = await come(arrivals, 99)
    for _ in range(TURNS // 2):
        await asyncio.sleep(0)
    assert not back
    await come(arrivals, 1)

    assert await turns_until(back) <= 2


async def test_the_first_to_come_again_waits_for_the_others(arrivals: Arrivals) -> None:
    await go_through(arrivals, 3)
    first, others = await come(arrivals, 1), await come(arrivals, 2)
    assert not first
    await turns_until(first)

    assert others


async def test_whoever_is_alone_waits_once_for_those_who_have_gone(arrivals: Arrivals) -> None:
    await go_through(arrivals, 3)
    await go_through(arrivals, 1)

    assert await come(arrivals, 1) == [0]


async def go_through(arrivals: Arrivals, count: int) -> None:
    """So many calls come together, and are answered."""
    await turns_until(await come(arrivals, count), count)
    for _ in range(count):
        arrivals.leave()
