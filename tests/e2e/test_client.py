"""The Python client against a real server: its own writes, restarts, typed errors."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.duration_pb2 import Duration
from grpc import StatusCode

import foldlog_client
from foldlog.orders.v1.events_pb2 import ItemAdded, OrderCreated
from foldlog.orders.v1.types_pb2 import ORDER_STATUS_DRAFT
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog.v1.reads_pb2 import WHEN_BEHIND_ANSWER
from foldlog_client import Client, Retry
from tests.support.in_threads import Connect
from tests.support.order_stories import line, money
from tests.support.server import Server, client_of, until
from tests.support.wire import SECONDS

QUICK = Retry(first=0.01, longest=0.01)
"""Tries again soon and often: a server that restarts is there again in a moment."""

TEA = line("tea", 1, money("3"))


@pytest.fixture
async def client(server: Server, connect: Connect) -> AsyncIterator[Client]:
    async with client_of(server, connect) as client:
        yield client


async def created(client: Client, order_id: str = "1", **options: Any) -> Any:
    return await client.orders.create_order(
        order_id=order_id, customer_id="ada", currency_code="GBP", **options
    )


# Its own writes


async def test_every_query_sees_what_the_client_has_done(client: Client) -> None:
    await created(client, "list")
    for number in range(1, 11):
        await client.inventory.receive_stock(product_id="tea", quantity=1)
        assert (await client.inventory.get_inventory(product_id="tea")).item.on_hand == number
        await client.orders.add_item(order_id="list", line=TEA)
        assert (await client.orders.get_order(order_id="list")).order.version == number + 1
        listed = await client.orders.list_current_orders(customer_id="ada", status=ORDER_STATUS_DRAFT)
        assert listed.orders[0].item_count == number
        await created(client, str(number))
        customer = await client.orders.get_customer_orders(customer_id="ada")
        assert customer.customer.order_count == number + 1
        await client.orders.cancel_order(order_id=str(number), reason="changed mind")
        assert len((await client.orders.list_order_history()).orders) == number


async def test_another_client_sees_it_with_the_session_of_the_first(
    connect: Connect, server: Server, client: Client
) -> None:
    await server.views.stop()
    await created(client)
    async with client_of(server, connect, session=client.session.token) as other:
        asking = asyncio.ensure_future(other.orders.get_order(order_id="1"))
        await server.head()
        server.views.start()
        assert (await asking).order.order_id == "1"


async def test_a_query_can_do_without_its_own_writes(
    connect: Connect, server: Server, client: Client
) -> None:
    await server.views.stop()
    await created(client)
    with pytest.raises(foldlog_client.NotFound):
        await client.orders.get_order(order_id="1", min_position=0)
    async with client_of(server, connect, read_your_writes=False) as careless:
        await created(careless, "2")
        with pytest.raises(foldlog_client.NotFound):
            await careless.orders.get_order(order_id="2")


async def test_a_list_is_iterated_over_all_its_pages(client: Client) -> None:
    ids = [f"{number:02}" for number in range(23)]
    for id in ids:
        await created(client, id)
    pages = client.orders.iterate_current_orders(page_size=5)
    assert [order.order_id async for order in pages] == ids


# Restarts


async def test_a_command_sent_while_the_server_restarts_acts_once(connect: Connect, server: Server) -> None:
    async with client_of(server, connect, retry=QUICK, timeout=SECONDS) as client:
        await created(client)
        held = server.hold_appends()
        adding = asyncio.ensure_future(client.orders.add_item(order_id="1", line=TEA))
        await until(lambda: len(held) == 1)
        held.release()  # it is stored, and its answer is lost or not
        await server.restart()
        reply = await adding
        assert (reply.result.version, reply.order.lines[0].quantity) == (2, 1)
        order = (await client.orders.get_order(order_id="1")).order
        assert (order.version, order.lines[0].quantity) == (2, 1)


async def test_a_command_whose_answer_was_lost_is_answered_by_the_server_that_follows(
    connect: Connect,
    server: Server,
) -> None:
    async with client_of(server, connect, retry=QUICK, timeout=SECONDS) as client:
        await created(client)
        lost = asyncio.Event()
        store: Any = server.app.parts.store
        append = store.append

        def keep_the_answer(asked: Any) -> Any:
            append(asked).add_done_callback(lambda _: lost.set())
            return asyncio.get_running_loop().create_future()

        store.append = keep_the_answer
        adding = asyncio.ensure_future(client.orders.add_item(order_id="1", line=TEA))
        await lost.wait()
        await server.restart()
        reply = await adding
        assert (reply.result.replayed, reply.result.version) == (True, 2)
        assert (await server.head()).position == 2


async def test_many_commands_in_flight_during_restarts_act_once_each(
    connect: Connect, server: Server
) -> None:
    async with client_of(server, connect, retry=QUICK, timeout=SECONDS) as client:
        await created(client)

        async def add(worker: int) -> None:
            for _ in range(10):
                await client.orders.add_item(order_id="1", line=line(f"w{worker}", 1, money("1")))

        def has_reached(position: int) -> bool:
            return server.app.parts.store.head.position >= position

        adding = [asyncio.ensure_future(add(worker)) for worker in range(8)]
        for enough in (20, 50):
            await until(partial(has_reached, enough))
            await server.restart()
        await asyncio.gather(*adding)
        order = (await client.orders.get_order(order_id="1")).order
        assert [one.quantity for one in order.lines] == [10] * 8
        assert order.version == 81


async def test_queries_go_on_through_a_restart(connect: Connect, server: Server) -> None:
    async with client_of(server, connect, retry=QUICK, timeout=SECONDS) as client:
        await created(client)
        restarting = asyncio.ensure_future(server.restart())
        while not restarting.done():
            assert (await client.orders.get_order(order_id="1")).order.order_id == "1"
        await restarting
        assert (await client.orders.get_order(order_id="1")).order.order_id == "1"


async def test_a_subscription_goes_on_through_restarts_without_gap_or_duplicate(
    connect: Connect, server: Server
) -> None:
    async with client_of(server, connect, retry=QUICK, timeout=SECONDS) as client:
        seen: list[int] = []

        async def follow() -> None:
            async with client.events.subscribe(categories=["order"]) as subscription:
                async for event in subscription:
                    seen.append(event.position)

        following = asyncio.ensure_future(follow())
        orders: list[int] = []
        for turn in range(4):
            for number in range(10):
                await client.inventory.receive_stock(product_id="tea", quantity=1)
                orders.append((await created(client, f"{turn} {number}")).result.position)
            if turn % 2:
                await until(lambda: len(seen) == len(orders))
            await server.restart()
        await until(lambda: len(seen) >= len(orders))
        assert seen == orders
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following


async def test_a_subscription_at_the_end_loses_nothing_that_comes_while_it_is_cut_off(
    connect: Connect,
    server: Server,
) -> None:
    async with client_of(server, connect, retry=QUICK, timeout=SECONDS) as client:
        await created(client, "before")
        async with client.events.subscribe(at_end=True) as subscription:
            messages = subscription.messages()
            while not (await anext(messages)).HasField("caught_up"):
                pass
            await server.restart()
            reply = await created(client, "after")
            events: list[RecordedEvent] = []
            while not events:
                events += (await anext(messages)).events.events
            assert events == list(reply.result.events)
            assert subscription.position == reply.result.position


async def test_reads_give_everything_once(server: Server, client: Client) -> None:
    await created(client, "1", lines=[TEA])
    await created(client, "2")
    assert [e.position async for e in client.events.read_all()] == [1, 2, 3]
    assert [e.position async for e in client.events.read_all(backwards=True, max_count=2)] == [3, 2]
    stream = [e async for e in client.events.read_stream("order-1")]
    assert [foldlog_client.unpack(e) for e in stream] == [
        OrderCreated(customer_id="ada", currency_code="GBP"),
        ItemAdded(line=TEA),
    ]
    assert (await client.events.head()).position == 3


# Errors


async def failing(client: Client, server: Server) -> AsyncIterator[tuple[Any, type[Exception], str]]:
    """What goes wrong, the error that is raised for it, and its reason."""
    await created(client)
    orders, stock = client.orders, client.inventory
    used = (await client.orders.add_item(order_id="1", line=TEA)).result.events[0].metadata.request_id
    yield created(client), foldlog_client.AlreadyExists, "ORDER_EXISTS"
    yield orders.submit_order(order_id="none"), foldlog_client.NotFound, "ORDER_NOT_FOUND"
    yield orders.get_order(order_id="none"), foldlog_client.NotFound, "ORDER_NOT_FOUND"
    yield (
        orders.ship_order(order_id="1", shipment_id="s"),
        foldlog_client.Rejected,
        "WRONG_STATUS",
    )
    yield (
        orders.submit_order(order_id="1", expected_version=9),
        foldlog_client.VersionConflict,
        "VERSION_CONFLICT",
    )
    yield (
        orders.submit_order(order_id="1", request_id=used),
        foldlog_client.RequestIdReused,
        "REQUEST_ID_REUSED",
    )
    yield created(client, " "), foldlog_client.InvalidRequest, "INVALID_FIELDS"
    yield (
        orders.list_current_orders(page_token="garbage"),
        foldlog_client.PageTokenInvalid,
        "PAGE_TOKEN_INVALID",
    )
    yield (
        orders.list_current_orders(min_position=999),
        foldlog_client.BeyondHead,
        "POSITION_BEYOND_HEAD",
    )
    yield (
        anext(client.events.read_stream("none")),
        foldlog_client.NotFound,
        "STREAM_NOT_FOUND",
    )
    yield stock.get_stock(product_id="none"), foldlog_client.NotFound, "PRODUCT_NOT_FOUND"
    yield (
        stock.dispatch_stock(order_id="1", product_ids=["tea"]),
        foldlog_client.Rejected,
        "NO_RESERVATION",
    )


async def test_errors_have_a_type_and_a_reason(server: Server, client: Client) -> None:
    async for call, kind, reason in failing(client, server):
        with pytest.raises(foldlog_client.FoldlogError) as raised:
            await call
        assert (type(raised.value), raised.value.reason) == (kind, reason)
        assert raised.value.message


async def test_a_conflict_says_which_version_there_is(client: Client) -> None:
    await created(client)
    with pytest.raises(foldlog_client.VersionConflict) as raised:
        await client.orders.submit_order(order_id="1", expected_version=9)
    assert (raised.value.expected, raised.value.actual) == (9, 1)


async def test_an_invalid_request_names_every_field(client: Client) -> None:
    with pytest.raises(foldlog_client.InvalidRequest) as raised:
        await client.orders.create_order(order_id=" ", customer_id="", currency_code="x")
    assert [(one.subject, one.rule) for one in raised.value.violations] == [
        ("command.order_id", "id"),
        ("command.customer_id", "required"),
        ("command.currency_code", "pattern"),
    ]
    assert raised.value.request_id


async def test_a_view_that_stays_behind_is_told_and_can_answer_all_the_same(
    server: Server, client: Client
) -> None:
    await created(client)
    assert (await client.orders.get_order(order_id="1")).order.version == 1
    await server.views.stop()
    await client.orders.add_item(order_id="1", line=TEA)
    with pytest.raises(foldlog_client.ViewBehind) as raised:
        await client.orders.get_order(order_id="1", max_wait=Duration(nanos=1))
    assert raised.value.code is StatusCode.UNAVAILABLE
    assert (raised.value.metadata["position"], raised.value.metadata["min_position"]) == ("1", "2")
    stale = await client.orders.get_order(
        order_id="1", max_wait=Duration(nanos=1), when_behind=WHEN_BEHIND_ANSWER
    )
    assert (stale.order.version, stale.freshness.lag_events) == (1, 1)


async def test_the_outcome_of_a_request_is_returned_and_later_queries_see_it(
    server: Server, connect: Connect, client: Client
) -> None:
    """A client that has nothing but the id: also after a restart, and its queries then see what was done."""
    held = server.hold_appends()
    sending = asyncio.ensure_future(created(client, timeout=0.2))
    with pytest.raises(foldlog_client.TimedOut) as raised:
        await sending
    held.release()
    async with client_of(server, connect, retry=QUICK, timeout=SECONDS) as other:
        outcome = await other.outcome(raised.value.request_id)
        assert (outcome.replayed, outcome.stream, outcome.version) == (True, "order-1", 1)
        assert [event.type for event in outcome.events] == ["foldlog.orders.v1.OrderCreated"]
        assert other.session.token.position == outcome.position
        await server.restart()
        assert await other.outcome(raised.value.request_id) == outcome
        with pytest.raises(foldlog_client.NotFound) as unknown:
            await other.outcome(str(uuid4()))
        assert unknown.value.reason == "REQUEST_NOT_FOUND"


async def test_a_strong_read_sees_what_another_client_did(
    server: Server, connect: Connect, client: Client
) -> None:
    async with client_of(server, connect, retry=QUICK, timeout=SECONDS) as other:
        await created(client)
        for version in range(2, 12):
            await client.orders.add_item(order_id="1", line=TEA)
            assert (await other.orders.get_order(order_id="1", latest=True)).order.version == version


async def test_a_command_of_a_client_that_gives_up_is_repeated_with_the_request_id_of_the_error(
    server: Server, client: Client
) -> None:
    held = server.hold_appends()
    sending = asyncio.ensure_future(created(client, timeout=0.2))
    with pytest.raises(foldlog_client.TimedOut) as raised:
        await sending
    held.release()
    again = await created(client, request_id=raised.value.request_id)
    assert (again.result.replayed, again.result.version) == (True, 1)
