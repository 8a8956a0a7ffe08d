"""Promise 6: a request is recorded with its append, and is found for the whole window."""

import asyncio
from datetime import timedelta

import pytest

from foldlog_server.errors import WrongExpectedVersion
from foldlog_server.log.event_store import (
    DuplicateRequest,
    EventStore,
    NewRequest,
    RecordedRequest,
    RequestKey,
    StreamRange,
)
from tests.contract.appends import Clock, append, everything, outcome, part, payloads, request, to
from tests.contract.conftest import WINDOW

WINDOW_NS = WINDOW // timedelta(microseconds=1) * 1000


async def test_a_request_is_found_again_with_what_it_did(store: EventStore) -> None:
    new = request(fingerprint=b"p" * 32)
    await store.append(to("order-1", 0, b"a"))
    await store.append(append(part("order-1", 1, b"b", b"c"), part("stock-ż", 0, b"d"), request=new))

    assert await store.find_request(new.key) == RecordedRequest(
        b"p" * 32, (StreamRange("order-1", 2, 3), StreamRange("stock-ż", 1, 1))
    )


async def test_an_unknown_request_is_not_found(store: EventStore) -> None:
    await store.append(append(part("order-1", 0, b"a"), request=request()))

    assert await store.find_request(request().key) is None


async def test_a_request_that_did_nothing_is_recorded_with_an_empty_range(store: EventStore) -> None:
    new = request()
    await store.append(to("order-1", 0, b"a", b"b"))
    await store.append(append(part("order-1", 2), request=new))

    recorded = await store.find_request(new.key)
    assert recorded is not None
    assert recorded.streams == (StreamRange("order-1", 3, 2),)
    with pytest.raises(DuplicateRequest):
        await store.append(append(part("order-1", 2), request=new))


async def test_a_request_is_carried_out_once(store: EventStore) -> None:
    new = request()
    await store.append(append(part("order-1", 0, b"a"), request=new))

    with pytest.raises(DuplicateRequest):
        await store.append(append(part("order-2", 0, b"b"), request=new))
    assert payloads(await everything(store)) == [b"a"]


async def test_of_requests_sent_at_once_under_one_id_the_first_is_carried_out(store: EventStore) -> None:
    new = request()
    futures = [
        store.append(append(part(f"order-{number}", 0, b"%d" % number), request=new)) for number in range(5)
    ]
    outcomes = await asyncio.gather(*futures, return_exceptions=True)

    assert [type(item) for item in outcomes[1:]] == [DuplicateRequest] * 4
    assert payloads(await everything(store)) == [b"0"]


async def test_a_request_that_was_refused_is_not_recorded(store: EventStore) -> None:
    new = request()
    futures = [
        store.append(append(part("order-1", 9, b"lost"), request=new)),
        store.append(append(part("order-1", 0, b"a"), request=new)),
    ]
    outcomes = await asyncio.gather(*futures, return_exceptions=True)

    assert type(outcomes[0]) is WrongExpectedVersion
    assert payloads(await everything(store)) == [b"a"]
    recorded = await store.find_request(new.key)
    assert recorded is not None
    assert recorded.streams == (StreamRange("order-1", 1, 1),)


async def test_the_request_is_looked_at_before_the_version(store: EventStore) -> None:
    new = request()
    await store.append(append(part("order-1", 0, b"a"), request=new))

    with pytest.raises(DuplicateRequest):
        await store.append(append(part("order-1", 0, b"a"), request=new))


async def test_two_actors_may_use_one_request_id(store: EventStore) -> None:
    by_ann = request(actor="ann")
    by_ben = request(by_ann.key.request_id, actor="ben")
    await store.append(append(part("order-1", 0, b"a"), request=by_ann))

    assert await store.find_request(by_ben.key) is None
    await store.append(append(part("order-1", 1, b"b"), request=by_ben))
    assert payloads(await everything(store)) == [b"a", b"b"]


async def test_spellings_of_one_uuid_are_one_request_id(store: EventStore) -> None:
    spelled = request("0192f0c1-7a3b-7def-8123-456789abcdef")
    shouted = RequestKey(spelled.key.actor, spelled.key.request_id.upper())
    await store.append(append(part("order-1", 0, b"a"), request=spelled))

    assert await store.find_request(shouted) == await store.find_request(spelled.key) is not None
    with pytest.raises(DuplicateRequest):
        await store.append(append(part("order-1", 1), request=NewRequest(shouted, b"f" * 32)))


async def test_a_request_id_that_is_no_uuid_is_a_programming_error(store: EventStore) -> None:
    with pytest.raises(ValueError, match="UUID"):
        store.append(append(part("order-1", 0, b"a"), request=request("abc123")))


async def test_a_request_is_found_until_the_window_ends(store: EventStore, monotonic: Clock) -> None:
    new = request()
    await store.append(append(part("order-1", 0, b"a"), request=new))
    for step in range(24):
        monotonic.now += WINDOW_NS // 24
        await store.append(append(part(f"order-{step + 2}", 0, b"x"), request=request()))

        assert await store.find_request(new.key) is not None
        assert type(await outcome(store.append(append(request=new)))) is DuplicateRequest


async def test_a_request_is_forgotten_after_the_window(store: EventStore, monotonic: Clock) -> None:
    new = request()
    await store.append(append(part("order-1", 0, b"a"), request=new))
    for _ in range(2):
        monotonic.now += WINDOW_NS * 5 // 8 + 1
        await store.append(to(f"order-{monotonic.now}", 0, b"b"))

    assert await store.find_request(new.key) is None
    await store.append(append(part("order-1", 1, b"c"), request=new))
    recorded = await store.find_request(new.key)
    assert recorded is not None
    assert recorded.streams == (StreamRange("order-1", 2, 2),)


async def test_requests_of_many_windows_come_and_go(store: EventStore, monotonic: Clock) -> None:
    sent: list[NewRequest] = []
    for _ in range(60):
        sent.append(request())
        await store.append(append(request=sent[-1]))
        monotonic.now += WINDOW_NS // 5

        live = [await store.find_request(item.key) is not None for item in sent[-5:]]
        assert all(live)
    assert await store.find_request(sent[0].key) is None


DAY_NS = 24 * 3600 * 10**9


@pytest.mark.parametrize("leaps", [(2, -2), (-2, 2), (400, -800)], ids=str)
async def test_a_wall_clock_that_leaps_forgets_no_request(
    store: EventStore, clock: Clock, leaps: tuple[int, int]
) -> None:
    sent = [request()]
    await store.append(append(part("order-0", 0, b"a"), request=sent[0]))
    for days in leaps:
        clock.now += days * DAY_NS
        sent.append(request())
        await store.append(append(part(f"order-{len(sent)}", 0, b"b"), request=sent[-1]))

    for each in sent:
        assert await store.find_request(each.key) is not None
        assert type(await outcome(store.append(append(request=each)))) is DuplicateRequest


async def test_an_append_may_record_a_request_and_nothing_else(store: EventStore) -> None:
    new = request()
    assert (await store.append(append(request=new))).events == ()
    assert await store.find_request(new.key) == RecordedRequest(new.fingerprint, ())


async def test_an_event_that_is_too_large_records_no_request(store: EventStore) -> None:
    new = request()
    await outcome(store.append(append(part("order-1", 0, b"x" * 2**20), request=new)))

    assert await store.find_request(new.key) is None
