"""Promise 5: an append that was decided on one that failed, fails too."""

import asyncio

import pytest

from foldlog_server.errors import WrongExpectedVersion
from foldlog_server.log.event_store import EventStore, LinkedAppendFailed
from tests.contract.appends import append, everything, outcome, part, payloads, request, to


async def test_an_append_linked_to_one_that_is_stored_is_stored(store: EventStore) -> None:
    first = to("order-1", 0, b"a")
    second = to("order-1", 1, b"b", after=[first])
    await asyncio.gather(store.append(first), store.append(second))

    assert payloads(await everything(store)) == [b"a", b"b"]
    assert not first.failed
    assert not second.failed


async def test_an_append_linked_to_one_that_failed_fails(store: EventStore) -> None:
    first = to("order-1", 9, b"lost")
    second = to("order-2", 0, b"lost too", after=[first])
    outcomes = await asyncio.gather(store.append(first), store.append(second), return_exceptions=True)

    assert [type(item) for item in outcomes] == [WrongExpectedVersion, LinkedAppendFailed]
    assert first.failed
    assert second.failed
    assert store.head.position == 0


async def test_failure_runs_along_a_chain_of_links(store: EventStore) -> None:
    chain = [to("order-1", 9, b"lost")]
    for version in range(1, 5):
        chain.append(to("order-1", version, b"lost too", after=[chain[-1]]))
    outcomes = await asyncio.gather(*map(store.append, chain), return_exceptions=True)

    assert [type(item) for item in outcomes[1:]] == [LinkedAppendFailed] * 4
    assert all(item.failed for item in chain)


async def test_a_linked_append_fails_even_if_another_one_made_its_version_match(store: EventStore) -> None:
    failing = to("order-1", 9, b"lost")
    linked = to("order-1", 1, b"decided on what was lost", after=[failing])
    decided_again = to("order-1", 0, b"a")
    futures = [store.append(item) for item in (failing, decided_again, linked)]
    outcomes = await asyncio.gather(*futures, return_exceptions=True)

    assert type(outcomes[2]) is LinkedAppendFailed
    assert payloads(await everything(store)) == [b"a"]


async def test_the_link_is_looked_at_before_the_request_and_the_version(store: EventStore) -> None:
    known = request()
    await store.append(append(part("order-1", 0, b"a"), request=known))
    failing = to("order-1", 9, b"lost")
    linked = append(part("order-1", 7, b"lost"), request=known, after=[failing])
    outcomes = await asyncio.gather(store.append(failing), store.append(linked), return_exceptions=True)

    assert type(outcomes[1]) is LinkedAppendFailed


async def test_a_link_to_an_append_that_failed_long_ago_holds(store: EventStore) -> None:
    failed = to("order-1", 9, b"lost")
    await outcome(store.append(failed))

    with pytest.raises(LinkedAppendFailed):
        await store.append(to("order-1", 0, b"lost too", after=[failed]))


async def test_one_failed_link_of_several_is_enough(store: EventStore) -> None:
    good, bad = to("order-1", 0, b"a"), to("order-2", 9, b"lost")
    both = append(part("order-1", 1, b"lost"), after=[good, bad])
    outcomes = await asyncio.gather(*map(store.append, (good, bad, both)), return_exceptions=True)

    assert type(outcomes[2]) is LinkedAppendFailed


async def test_links_are_let_go_when_the_append_is_settled(store: EventStore) -> None:
    first = to("order-1", 0, b"a")
    second, third = to("order-1", 1, after=[first]), to("order-1", 9, after=[first])
    await asyncio.gather(*map(store.append, (first, second, third)), return_exceptions=True)

    assert first.after == second.after == third.after == ()
