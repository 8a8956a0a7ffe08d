"""Promises 1 to 4: all or none, exact positions and versions, in order, and each append fails alone."""

import asyncio
from uuid import UUID

import pytest

from foldlog_server.errors import EventTooLarge, WrongExpectedVersion
from foldlog_server.log.event_store import EventStore, Head, StreamAppend
from foldlog_server.log.events import EncodedEvent
from foldlog_server.log.record import MAX_EVENT_BYTES, NO_CHAIN
from tests.contract.appends import (
    append,
    decoded,
    event,
    everything,
    outcome,
    part,
    payloads,
    positions,
    to,
    versions,
)


async def test_a_new_log_is_empty_and_has_an_id(store: EventStore) -> None:
    assert store.head == Head(0, NO_CHAIN)
    assert not await store.read_all()
    assert not await store.read_all(backwards=True)
    assert not await store.read_stream("order-1")
    assert UUID(store.log_id)


async def test_positions_and_versions_count_from_one(store: EventStore) -> None:
    await store.append(to("order-1", 0, b"a", b"b"))
    await store.append(to("order-2", 0, b"c"))
    await store.append(to("order-1", 2, b"d"))

    log = await everything(store)
    assert positions(log) == [1, 2, 3, 4]
    assert versions(log) == [1, 2, 1, 3]
    assert payloads(log) == [b"a", b"b", b"c", b"d"]
    assert versions(await store.read_stream("order-1")) == [1, 2, 3]


async def test_a_record_says_everything_about_the_event(store: EventStore) -> None:
    new = event(b"payload", "foldlog.test.Said")
    stored = await store.append(append(StreamAppend("order-1", 0, (new,))))

    (message,) = decoded(stored.events)
    assert (message.stream, message.version, message.event_id) == ("order-1", 1, new.event_id)
    assert message.type == "foldlog.test.Said"
    assert message.payload.type_url == "type.googleapis.com/foldlog.test.Said"
    assert message.payload.value == b"payload"
    assert message.metadata.correlation_id == "why"
    assert message.position == 0


async def test_what_was_appended_is_what_is_read(store: EventStore) -> None:
    stored = await store.append(to("order-1", 0, b"a", b"b"))

    assert list(stored.events) == await everything(store)
    assert list(stored.events) == list(await store.read_stream("order-1"))


async def test_an_append_to_several_streams_is_one(store: EventStore) -> None:
    stored = await store.append(append(part("order-1", 0, b"a", b"b"), part("stock-1", 0, b"c")))

    assert positions(stored.events) == [1, 2, 3]
    assert [message.stream for message in decoded(stored.events)] == ["order-1", "order-1", "stock-1"]
    assert store.head.position == 3


async def test_an_append_to_several_streams_stores_nothing_when_one_version_is_wrong(
    store: EventStore,
) -> None:
    await store.append(to("stock-1", 0, b"a"))

    with pytest.raises(WrongExpectedVersion) as refusal:
        await store.append(
            append(part("order-1", 0, b"b"), part("stock-1", 0, b"c"), part("stock-2", 0, b"d"))
        )

    assert (refusal.value.stream, refusal.value.expected, refusal.value.actual) == ("stock-1", 0, 1)
    assert payloads(await everything(store)) == [b"a"]
    assert not await store.read_stream("order-1")
    await store.append(append(part("order-1", 0, b"b"), part("stock-1", 1, b"c"), part("stock-2", 0, b"d")))


@pytest.mark.parametrize("expected", [0, 1, 3])
async def test_only_the_streams_version_is_accepted(store: EventStore, expected: int) -> None:
    await store.append(to("order-1", 0, b"a", b"b"))

    with pytest.raises(WrongExpectedVersion) as refusal:
        await store.append(to("order-1", expected, b"c"))

    assert refusal.value.actual == 2
    assert store.head.position == 2


async def test_a_stream_that_does_not_exist_has_version_zero(store: EventStore) -> None:
    with pytest.raises(WrongExpectedVersion) as refusal:
        await store.append(to("order-1", 1, b"a"))

    assert refusal.value.actual == 0


async def test_an_append_without_events_checks_the_version_and_stores_nothing(store: EventStore) -> None:
    await store.append(to("order-1", 0, b"a"))

    assert (await store.append(to("order-1", 1))).events == ()
    assert (await store.append(to("order-2", 0))).events == ()
    with pytest.raises(WrongExpectedVersion):
        await store.append(to("order-1", 0))
    assert store.head.position == 1


async def test_an_append_of_nothing_resolves_behind_all_that_came_before(store: EventStore) -> None:
    earlier = store.append(to("order-1", 0, b"a"))
    assert (await store.append(append())).events == ()
    assert earlier.done()
    assert store.head.position == 1


async def test_a_check_of_one_stream_guards_the_events_of_another(store: EventStore) -> None:
    await store.append(to("order-1", 0, b"a"))

    with pytest.raises(WrongExpectedVersion):
        await store.append(append(part("stock-1", 0, b"b"), part("order-1", 0)))
    await store.append(append(part("stock-1", 0, b"b"), part("order-1", 1)))
    assert payloads(await everything(store)) == [b"a", b"b"]


async def test_an_append_that_fails_leaves_its_neighbours_alone(store: EventStore) -> None:
    futures = [
        store.append(to("order-1", 0, b"a")),
        store.append(to("order-1", 0, b"lost")),
        store.append(to("order-2", 7, b"lost")),
        store.append(to("order-1", 1, b"b")),
        store.append(to("order-2", 0, b"c")),
    ]
    outcomes = await asyncio.gather(*futures, return_exceptions=True)

    assert [isinstance(item, WrongExpectedVersion) for item in outcomes] == [False, True, True, False, False]
    assert payloads(await everything(store)) == [b"a", b"b", b"c"]
    assert positions(await everything(store)) == [1, 2, 3]


async def test_appends_take_effect_in_the_order_of_the_calls(store: EventStore) -> None:
    futures = [store.append(to(f"order-{number % 7}", number // 7, b"%d" % number)) for number in range(100)]
    await asyncio.gather(*futures)

    assert payloads(await everything(store)) == [b"%d" % number for number in range(100)]


async def test_futures_resolve_in_the_order_of_the_calls(store: EventStore) -> None:
    resolved: list[int] = []
    futures = [store.append(to(f"order-{number}", number % 3 % 2, b"x")) for number in range(30)]
    for number, future in enumerate(futures):
        future.add_done_callback(lambda _, number=number: resolved.append(number))  # type: ignore[misc]
    await asyncio.gather(*futures, return_exceptions=True)

    assert resolved == list(range(30))


async def test_the_head_has_moved_when_the_future_resolves(store: EventStore) -> None:
    for number in range(1, 6):
        stored = await store.append(to(f"order-{number}", 0, b"x"))
        assert store.head.position == stored.events[-1].position == number


async def test_many_producers_leave_no_gap_and_no_duplicate(store: EventStore) -> None:
    async def produce(name: int) -> list[EncodedEvent]:
        stored: list[EncodedEvent] = []
        for version in range(0, 20, 2):
            stored += (await store.append(to(f"order-{name}", version, b"a", b"b"))).events
        return stored

    produced = await asyncio.gather(*(produce(name) for name in range(20)))

    log = await everything(store)
    assert positions(log) == list(range(1, 401))
    assert sorted((item for stored in produced for item in stored), key=lambda one: one.position) == log
    for name in range(20):
        assert versions(await store.read_stream(f"order-{name}")) == list(range(1, 21))


async def test_of_producers_that_race_for_a_version_one_wins(store: EventStore) -> None:
    for version in range(10):
        outcomes = await asyncio.gather(
            *(outcome(store.append(to("order-1", version, b"x"))) for _ in range(8))
        )
        assert sum(isinstance(item, WrongExpectedVersion) for item in outcomes) == 7

    assert versions(await everything(store)) == list(range(1, 11))


async def test_an_append_goes_on_when_its_future_is_cancelled(store: EventStore) -> None:
    store.append(to("order-1", 0, b"a")).cancel()
    await store.append(to("order-1", 1, b"b"))

    assert payloads(await everything(store)) == [b"a", b"b"]


@pytest.mark.parametrize(
    "name", ["order-żółć-日本-🦊", "order-" + "n" * 500, "order-with 'quotes' -- and \\", "o"]
)
async def test_any_text_names_a_stream(store: EventStore, name: str) -> None:
    await store.append(to(name, 0, b"a"))
    await store.append(to(name, 1, b"b"))

    assert payloads(await store.read_stream(name)) == [b"a", b"b"]
    assert decoded(await store.read_stream(name))[0].stream == name
    assert not await store.read_stream(name.upper())


async def test_an_event_may_be_large_but_not_too_large(store: EventStore) -> None:
    await store.append(to("order-1", 0, b"x" * (MAX_EVENT_BYTES - 1000)))

    with pytest.raises(EventTooLarge):
        await store.append(append(part("order-2", 0, b"lost"), part("order-1", 1, b"x" * MAX_EVENT_BYTES)))

    assert len(await everything(store)) == 1
    assert not await store.read_stream("order-2")
    await store.append(to("order-1", 1, b"after"))


async def test_the_version_is_checked_before_the_size(store: EventStore) -> None:
    with pytest.raises(WrongExpectedVersion):
        await store.append(to("order-1", 5, b"x" * MAX_EVENT_BYTES))


async def test_an_event_may_be_empty(store: EventStore) -> None:
    await store.append(to("order-1", 0, b"", b"a"))

    assert payloads(await store.read_stream("order-1")) == [b"", b"a"]


async def test_an_append_may_not_name_a_stream_twice(store: EventStore) -> None:
    with pytest.raises(ValueError, match="twice"):
        store.append(append(part("order-1", 0, b"a"), part("order-1", 1, b"b")))

    assert store.head.position == 0
    await store.append(to("order-1", 0, b"a"))


async def test_an_append_that_cannot_be_encoded_fails_alone(store: EventStore) -> None:
    neighbours = [store.append(to("order-1", 0, b"a"))]
    broken = store.append(to("order-\ud800", 0, b"lost"))
    neighbours.append(store.append(to("order-1", 1, b"b")))

    assert isinstance(await outcome(broken), ValueError)
    await asyncio.gather(*neighbours)
    assert payloads(await everything(store)) == [b"a", b"b"]
