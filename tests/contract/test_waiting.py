"""Followers wait for the head to move; closing stores what was accepted, and wakes them."""

import asyncio

import pytest

from foldlog_server.errors import StoreUnavailable
from foldlog_server.log.event_store import EventStore
from tests.contract.appends import outcome, to


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_is_behind_does_not_wait(store: EventStore) -> None:
    await store.append(to("order-1", 0, b"a", b"b"))

    await store.wait_beyond(0)
    await store.wait_beyond(1)


async def test_who_is_at_the_head_waits_for_the_next_event(store: EventStore) -> None:
    waiting = asyncio.create_task(store.wait_beyond(0))
    await turns()
    assert not waiting.done()

    await store.append(to("order-1", 0, b"a"))
    await waiting


async def test_who_waits_for_more_sleeps_on(store: EventStore) -> None:
    waiting = asyncio.create_task(store.wait_beyond(2))
    for version in range(2):
        await store.append(to("order-1", version, b"a"))
        await turns()
        assert not waiting.done()

    await store.append(to("order-1", 2, b"a"))
    await waiting
    assert store.head.position == 3


async def test_all_who_wait_are_woken(store: EventStore) -> None:
    waiting = [asyncio.create_task(store.wait_beyond(0)) for _ in range(20)]
    await turns()
    await store.append(to("order-1", 0, b"a"))
    await asyncio.gather(*waiting)


async def test_what_stores_nothing_wakes_nobody(store: EventStore) -> None:
    waiting = asyncio.create_task(store.wait_beyond(0))
    await store.append(to("order-1", 0))
    await outcome(store.append(to("order-1", 5, b"lost")))
    await turns()

    assert not waiting.done()
    waiting.cancel()


async def test_who_stops_waiting_disturbs_nobody(store: EventStore) -> None:
    first, second = (asyncio.create_task(store.wait_beyond(0)) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    assert first.cancelled()
    assert not second.done()

    await store.append(to("order-1", 0, b"a"))
    await second


async def test_a_follower_misses_nothing(store: EventStore) -> None:
    async def follow() -> list[int]:
        seen: list[int] = []
        while len(seen) < 50:
            await store.wait_beyond(len(seen))
            seen += [event.position for event in await store.read_all(from_position=len(seen) + 1, limit=7)]
        return seen

    followers = [asyncio.create_task(follow()) for _ in range(3)]
    for number in range(50):
        await store.append(to(f"order-{number}", 0, b"x"))
    assert await asyncio.gather(*followers) == [list(range(1, 51))] * 3


async def test_closing_stores_what_was_accepted(store: EventStore) -> None:
    futures = [store.append(to(f"order-{number}", 0, b"x")) for number in range(2)]
    await turns(3)  # these are being written, and the others gather behind them
    futures += [store.append(to(f"order-{number}", 0, b"x")) for number in range(2, 20)]
    await store.close()

    assert [future.result().events[0].position for future in futures] == list(range(1, 21))


async def test_closing_wakes_those_who_wait(store: EventStore) -> None:
    waiting = asyncio.create_task(store.wait_beyond(0))
    await turns()
    await store.close()

    with pytest.raises(StoreUnavailable):
        await waiting
    with pytest.raises(StoreUnavailable):
        await store.wait_beyond(0)


async def test_a_closed_store_takes_no_appends(store: EventStore) -> None:
    await store.close()
    late = to("order-1", 0, b"lost")

    with pytest.raises(StoreUnavailable):
        await store.append(late)
    assert late.failed


async def test_a_store_may_be_closed_twice(store: EventStore) -> None:
    await store.close()
    await store.close()
