"""Calls that are under way together are taken up together; a lone one never waits."""

import asyncio

import pytest

from foldlog_server.transport.arrivals import TURNS, Arrivals


@pytest.fixture
async def arrivals() -> Arrivals:
    return Arrivals()


async def turns_of(task: "asyncio.Task[None]") -> int:
    for count in range(1000):
        if task.done():
            return count
        await asyncio.sleep(0)
    raise AssertionError("it never came in")


async def come(arrivals: Arrivals, count: int) -> "list[asyncio.Task[None]]":
    tasks = [asyncio.create_task(arrivals.join()) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_a_lone_call_never_waits(arrivals: Arrivals) -> None:
    for _ in range(3):
        assert await turns_of(asyncio.create_task(arrivals.join())) == 1
        assert await turns_of(asyncio.create_task(arrivals.ready())) == 1
        arrivals.leave()


async def test_those_who_come_while_others_are_under_way_come_in_together(arrivals: Arrivals) -> None:
    await asyncio.gather(*(arrivals.join() for _ in range(TURNS)))
    early = await come(arrivals, 3)
    for _ in range(TURNS // 2):
        await asyncio.sleep(0)
    late = await come(arrivals, 3)
    assert not any(task.done() for task in early)
    await early[0]
    await asyncio.sleep(0)

    assert all(task.done() for task in [*early, *late])


async def test_few_calls_wait_for_few_turns_and_many_for_no_more_than_a_bound(arrivals: Arrivals) -> None:
    await arrivals.join()
    few = await turns_of(asyncio.create_task(arrivals.join()))
    await asyncio.gather(*(arrivals.join() for _ in range(500)))
    many = await turns_of(asyncio.create_task(arrivals.join()))

    assert few < 8
    assert few < many <= TURNS + 3


async def test_answers_are_sent_when_those_of_the_same_turn_are_ready(arrivals: Arrivals) -> None:
    happened: list[str] = []

    async def answer(name: str) -> None:
        happened.append(f"{name} made")
        await arrivals.ready()
        happened.append(f"{name} sent")

    await asyncio.gather(arrivals.join(), arrivals.join())
    await asyncio.gather(answer("a"), answer("b"))

    assert happened == ["a made", "b made", "a sent", "b sent"]


async def test_who_gives_up_while_waiting_holds_nobody_up_and_is_no_company(arrivals: Arrivals) -> None:
    await arrivals.join()
    impatient, patient = await come(arrivals, 2)
    impatient.cancel()
    await patient
    for _ in range(3):
        arrivals.leave()

    assert await turns_of(asyncio.create_task(arrivals.join())) == 1
