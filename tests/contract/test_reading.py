"""Promise 7: readers see a prefix of the log, whole transactions only, and the head is its end."""

import asyncio

import pytest

from foldlog_server.log.event_store import MAX_BATCH_BYTES, Append, EventStore
from foldlog_server.log.record import MAX_EVENT_BYTES, NO_CHAIN
from tests.contract.appends import (
    Clock,
    append,
    chain_of,
    decoded,
    everything,
    outcome,
    part,
    payloads,
    positions,
    request,
    to,
    versions,
)


@pytest.fixture
async def ten(store: EventStore) -> EventStore:
    """Ten events: one stream has the odd positions, another one the even positions."""
    for number in range(10):
        await store.append(to(f"order-{number % 2}", number // 2, b"%d" % number))
    return store


@pytest.mark.parametrize(
    ("first", "backwards", "limit", "found"),
    [
        (0, False, 1000, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (1, False, 3, [1, 2, 3]),
        (4, False, 3, [4, 5, 6]),
        (9, False, 1000, [9, 10]),
        (11, False, 1000, []),
        (99, False, 1000, []),
        (0, True, 3, [10, 9, 8]),
        (4, True, 2, [4, 3]),
        (4, True, 1000, [4, 3, 2, 1]),
        (1, True, 1000, [1]),
        (99, True, 2, [10, 9]),
        (0, False, 0, []),
        (0, True, 0, []),
    ],
)
async def test_the_log_is_read_from_a_position_on(
    ten: EventStore, first: int, backwards: bool, limit: int, found: list[int]
) -> None:
    page = await ten.read_all(from_position=first, backwards=backwards, limit=limit)

    assert positions(page) == found


@pytest.mark.parametrize(
    ("first", "backwards", "limit", "found"),
    [
        (0, False, 1000, [1, 2, 3, 4, 5]),
        (2, False, 2, [2, 3]),
        (5, False, 1000, [5]),
        (6, False, 1000, []),
        (0, True, 2, [5, 4]),
        (3, True, 2, [3, 2]),
        (99, True, 1000, [5, 4, 3, 2, 1]),
        (0, False, 0, []),
    ],
)
async def test_a_stream_is_read_from_a_version_on(
    ten: EventStore, first: int, backwards: bool, limit: int, found: list[int]
) -> None:
    page = await ten.read_stream("order-1", from_version=first, backwards=backwards, limit=limit)

    assert versions(page) == found
    assert {message.stream for message in decoded(page)} <= {"order-1"}


async def test_a_long_stream_is_read_in_pages(store: EventStore) -> None:
    await store.append(to("order-1", 0, *[b"x"] * 700))
    await store.append(to("order-2", 0, b"y"))

    assert versions(await store.read_stream("order-1")) == list(range(1, 701))
    assert versions(await store.read_stream("order-1", limit=650)) == list(range(1, 651))
    assert versions(await store.read_stream("order-1", from_version=500)) == list(range(500, 701))
    assert versions(await store.read_stream("order-1", backwards=True)) == list(range(700, 0, -1))


async def test_a_read_is_bounded_in_bytes(store: EventStore) -> None:
    size = MAX_BATCH_BYTES // 4
    for version in range(8):
        await store.append(to("order-1", version, b"x" * size))

    assert positions(await store.read_all()) == [1, 2, 3]
    assert positions(await store.read_all(from_position=3)) == [3, 4, 5]
    assert positions(await store.read_all(backwards=True)) == [8, 7, 6]
    assert versions(await store.read_stream("order-1")) == [1, 2, 3]
    assert versions(await store.read_stream("order-1", backwards=True)) == [8, 7, 6]


async def test_a_read_gives_one_event_however_large(store: EventStore) -> None:
    for version in range(3):
        await store.append(to("order-1", version, b"x" * (MAX_EVENT_BYTES - 300)))

    assert positions(await store.read_all(from_position=2)) == [2]
    assert positions(await store.read_all(backwards=True)) == [3]
    assert versions(await store.read_stream("order-1")) == [1]


async def test_readers_see_whole_transactions_and_no_gap_while_others_write(store: EventStore) -> None:
    async def write() -> None:
        for version in range(0, 300, 3):
            await store.append(append(part("order-1", version, b"a", b"b", b"c")))
            await asyncio.sleep(0)

    async def read() -> None:
        while store.head.position < 300:
            log = await everything(store)
            assert positions(log) == list(range(1, len(log) + 1))
            assert len(log) % 3 == 0
            assert len(await store.read_stream("order-1")) % 3 == 0
            await asyncio.sleep(0)  # a read near the head does not leave the loop

    await asyncio.gather(write(), read(), read())


async def test_a_reader_sees_what_was_acknowledged(store: EventStore) -> None:
    for number in range(20):
        stored = await store.append(to(f"order-{number}", 0, b"x"))
        assert (await store.read_stream(f"order-{number}"))[0] == stored.events[0]
        assert (await store.read_all(from_position=number + 1))[0] == stored.events[0]


async def test_the_heads_chain_hash_follows_from_the_records(store: EventStore) -> None:
    for number in range(5):
        await store.append(append(part("order-1", number, b"x" * number), part("stock-1", number, b"y")))
        assert store.head.chain_hash == chain_of(await everything(store))


async def test_the_recorded_time_never_goes_back(store: EventStore, clock: Clock) -> None:
    start = clock.now
    for version, step in enumerate([0, 5, -1_000_000_000_000, 3, 2_000_000_000_000]):
        clock.now += step
        await store.append(to("order-1", version, b"x"))

    times = [message.recorded_time.ToNanoseconds() for message in decoded(await everything(store))]
    assert times == [start, start + 5, start + 5, start + 5, start + 1_000_000_000_008]


async def test_nothing_is_recorded_before_a_time_that_was_said_to_be_over(
    store: EventStore, clock: Clock
) -> None:
    over = clock.now + 1_000
    clock.now += 2_000
    await store.append(Append((), not_before=over))
    assert store.head.position == 0
    clock.now -= 3_000_000_000_000
    await store.append(to("order-1", 0, b"x"))

    [event] = decoded(await everything(store))
    assert event.recorded_time.ToNanoseconds() == over


async def test_what_stored_no_event_moves_no_time(store: EventStore, clock: Clock) -> None:
    start = clock.now
    clock.now += 3_000_000_000_000
    await outcome(store.append(to("order-1", 7, b"x")))
    await store.append(append(request=request()))
    clock.now = start
    await store.append(to("order-1", 0, b"x"))

    [event] = decoded(await everything(store))
    assert event.recorded_time.ToNanoseconds() == start


async def test_refused_appends_are_nowhere_in_the_log(store: EventStore) -> None:
    futures = [store.append(to("order-1", version % 4, b"%d" % version)) for version in range(40)]
    stored = [
        item
        for item in await asyncio.gather(*futures, return_exceptions=True)
        if not isinstance(item, Exception)
    ]

    assert len(stored) == len(await everything(store)) == 4
    assert payloads(await everything(store)) == [b"0", b"1", b"2", b"3"]


async def test_the_chain_begins_with_a_hash_of_nothing_and_ends_at_the_head(store: EventStore) -> None:
    assert await store.chain_hash_at(0) == NO_CHAIN
    await store.append(to("order-1", 0, b"a"))
    assert await store.chain_hash_at(0) == NO_CHAIN
    assert await store.chain_hash_at(1) == store.head.chain_hash != NO_CHAIN
    assert await store.chain_hash_at(2) is None
