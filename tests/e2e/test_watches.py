"""Live queries against a real server: what there is, then every change, whatever happens to connection and server."""

import asyncio
import base64
import random
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from grpc import StatusCode

import foldlog_client
from foldlog.inventory.v1.queries_pb2 import WatchInventoryRequest
from foldlog.orders.v1.queries_pb2 import WatchCurrentOrdersRequest, WatchOrderRequest
from foldlog.orders.v1.types_pb2 import ORDER_STATUS_DRAFT, ORDER_STATUS_SUBMITTED
from foldlog_client import Client, Retry
from foldlog_server.queries.bound_watches import make_token
from foldlog_server.queries.watch import Place
from tests.support.in_threads import Connect
from tests.support.mirror import Mirror
from tests.support.order_stories import line, money
from tests.support.relay import relayed
from tests.support.server import Server, client_of
from tests.support.slow import slow
from tests.support.wire import SECONDS, refused, refused_stream

TEA = line("tea", 1, money("3"))
QUICK = Retry(first=0.01, longest=0.05)


@pytest.fixture
async def client(server: Server, connect: Connect) -> AsyncIterator[Client]:
    async with client_of(server, connect) as client:
        yield client


async def make(client: Client, order_id: str, customer_id: str = "ada", *lines: Any) -> int:
    reply = await client.orders.create_order(
        order_id=order_id, customer_id=customer_id, currency_code="GBP", lines=lines or [TEA]
    )
    return reply.result.position


# What is watched


async def test_current_orders_are_listed_and_then_followed(client: Client) -> None:
    for number in range(250):
        position = await make(client, f"{number}")
    mirror = Mirror("order_id")
    async with client.orders.watch_current_orders() as watch:
        await mirror.catch_up(watch, position)
        assert len(mirror.documents) == 250
        position = await make(client, "new")
        await mirror.catch_up(watch, position)
        assert "new" in mirror.documents
        cancelled = await client.orders.cancel_order(order_id="7", reason="changed mind")
        await mirror.catch_up(watch, cancelled.result.position)
        assert "7" not in mirror.documents
    listed = {order.order_id: order async for order in client.orders.iterate_current_orders()}
    assert mirror.documents == listed


async def test_a_filter_decides_who_is_there(client: Client) -> None:
    await make(client, "draft")
    await make(client, "submitted")
    await make(client, "bert's", "bert")
    submitted = await client.orders.submit_order(order_id="submitted")
    mirror = Mirror("order_id")
    drafts = client.orders.watch_current_orders(status=ORDER_STATUS_DRAFT, customer_id="ada")
    async with drafts as watch:
        await mirror.catch_up(watch, submitted.result.position)
        assert set(mirror.documents) == {"draft"}
        reply = await client.orders.submit_order(order_id="draft")
        await mirror.catch_up(watch, reply.result.position)
        assert mirror.documents == {}


async def test_one_order_is_what_get_order_gives(client: Client) -> None:
    await make(client, "1")
    await make(client, "2")
    mirror = Mirror("order_id")
    async with client.orders.watch_order(order_id="1") as watch:
        await mirror.catch_up(watch, 0)
        for number in range(3):
            reply = await client.orders.add_item(order_id="1", line=line(f"p{number}", 2, money("1")))
            await mirror.catch_up(watch, reply.result.position)
            assert mirror.documents == {"1": reply.order}
        position = (await client.orders.cancel_order(order_id="1", reason="x")).result.position
        await mirror.catch_up(watch, position)
    assert mirror.documents == {"1": (await client.orders.get_order(order_id="1")).order}


async def test_an_order_that_is_not_there_yet_can_be_waited_for(client: Client) -> None:
    mirror = Mirror("order_id")
    async with client.orders.watch_order(order_id="later") as watch:
        await mirror.catch_up(watch, 0)
        assert mirror.documents == {}
        await make(client, "later")
        await mirror.follow(watch, lambda: "later" in mirror.documents)


async def test_some_products_or_all_are_watched(client: Client) -> None:
    for product in ("tea", "cups", "pots"):
        await client.inventory.receive_stock(product_id=product, quantity=3)
    some, everything = Mirror("product_id"), Mirror("product_id")
    async with (
        client.inventory.watch_inventory(product_ids=["tea", "none"]) as few,
        client.inventory.watch_inventory() as all_of_them,
    ):
        await some.catch_up(few, 3)
        await everything.catch_up(all_of_them, 3)
        assert (set(some.documents), set(everything.documents)) == ({"tea"}, {"tea", "cups", "pots"})
        await client.inventory.receive_stock(product_id="cups", quantity=1)
        last = await client.inventory.receive_stock(product_id="tea", quantity=1)
        await some.catch_up(few, last.result.position)
        await everything.catch_up(all_of_them, last.result.position)
    assert some.documents["tea"].on_hand == 4
    assert everything.documents["cups"].on_hand == 4


# Going on


async def test_a_token_resumes_and_a_change_comes_once(
    connect: Connect, server: Server, client: Client
) -> None:
    await make(client, "1")
    mirror = Mirror("order_id")
    async with client.orders.watch_current_orders() as watch:
        await mirror.catch_up(watch, 1)
        token = watch.resume_token
    position = await make(client, "2")
    async with (
        client_of(server, connect) as other,
        other.orders.watch_current_orders(resume_token=token) as watch,
    ):
        async with asyncio.timeout(SECONDS):
            message = await anext(watch)
    assert [order.order_id for order in message.puts] == ["2"]
    assert (message.position, message.reset, message.snapshot_complete) == (position, False, False)


async def test_a_watch_outlives_the_server(connect: Connect, server: Server) -> None:
    async with client_of(server, connect, retry=QUICK) as client:
        await make(client, "1")
        mirror = Mirror("order_id")
        async with client.orders.watch_current_orders() as watch:
            await mirror.catch_up(watch, 1)
            await server.restart()
            await mirror.catch_up(watch, await make(client, "2"))
            assert set(mirror.documents) == {"1", "2"}
            assert mirror.resets == 0


async def test_a_watch_outlives_the_files_of_its_view(connect: Connect, server: Server) -> None:
    async with client_of(server, connect, retry=QUICK) as client:
        await make(client, "1")
        mirror = Mirror("order_id")
        async with client.orders.watch_current_orders() as watch:
            await mirror.catch_up(watch, 1)
            await server.stop()
            shutil.rmtree(server.data / "views")
            await server.start()
            await mirror.catch_up(watch, await make(client, "2"))
            assert set(mirror.documents) == {"1", "2"}
            assert mirror.resets == 1  # the files are others, whatever is in them


async def test_another_log_resets_a_watch(connect: Connect, server: Server) -> None:
    async with client_of(server, connect, retry=QUICK) as client:
        await make(client, "former")
        mirror = Mirror("order_id")
        async with client.orders.watch_current_orders() as watch:
            await mirror.catch_up(watch, 1)
            await server.stop()
            shutil.rmtree(server.data)
            await server.start()
            await mirror.follow(watch, lambda: mirror.resets == 1 and mirror.complete)
            assert mirror.documents == {}


@pytest.mark.parametrize("seed", [0, *slow(range(1, 4))])
async def test_a_watch_whose_connection_is_cut_at_chance_moments_ends_with_what_the_view_holds(
    connect: Connect, server: Server, client: Client, seed: int
) -> None:
    chance, mirror, position = random.Random(seed), Mirror("order_id"), 0
    async with (
        relayed(server.port, chance, within=2_000) as (relay, address),
        connect(address, retry=QUICK) as watcher,
        watcher.orders.watch_current_orders() as watch,
    ):
        relay.may_cut = 25
        for number in range(150):
            id = f"{chance.randrange(60)}-{chance.randrange(2)}"
            try:
                position = await make(client, id)
            except foldlog_client.AlreadyExists:
                reply = await client.orders.cancel_order(order_id=id, reason="changed mind")
                position = max(position, reply.result.position)
            if chance.random() < 0.4:
                await mirror.catch_up(watch, chance.randrange(position + 1))
            if number == 80:
                await server.restart()
        relay.may_cut = 0
        await mirror.catch_up(watch, position)
    assert relay.cuts > 3
    listed = {order.order_id: order async for order in client.orders.iterate_current_orders()}
    assert mirror.documents == listed


async def test_a_watch_ends_with_its_client(connect: Connect, server: Server) -> None:
    async with client_of(server, connect) as client:
        watch = client.orders.watch_current_orders()
        await anext(watch)
        waiting = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0)
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(waiting, SECONDS)


# Refusals


async def test_a_token_of_another_request_is_refused(server: Server, client: Client) -> None:
    async with client.orders.watch_current_orders() as watch:
        token = (await anext(watch)).resume_token
    for other in (
        WatchCurrentOrdersRequest(status=ORDER_STATUS_SUBMITTED, resume_token=token),
        WatchOrderRequest(order_id="1", resume_token=token),
        WatchInventoryRequest(resume_token=token),
        WatchCurrentOrdersRequest(resume_token=token[:-1]),
        WatchCurrentOrdersRequest(resume_token=token + "="),
        WatchCurrentOrdersRequest(resume_token=base64.urlsafe_b64encode(bytes(40)).decode()),
        WatchCurrentOrdersRequest(resume_token="☃"),
    ):
        found = await refused_stream(server.ask(other))
        assert (found.code, found.reason) == (StatusCode.INVALID_ARGUMENT, "RESUME_TOKEN_INVALID")
    with pytest.raises(foldlog_client.ResumeTokenInvalid):
        await anext(client.orders.watch_order(order_id="1", resume_token=token))


@pytest.mark.parametrize("number", [-1, 2**63, "1"])
async def test_a_forged_place_is_refused(server: Server, number: Any) -> None:
    request = WatchCurrentOrdersRequest()
    request.resume_token = make_token(Place("log", "g", seen=number), request)
    found = await refused_stream(server.ask(request))
    assert (found.code, found.reason) == (StatusCode.INVALID_ARGUMENT, "RESUME_TOKEN_INVALID")


async def test_a_view_that_has_stopped_says_so_to_its_watchers(server: Server, client: Client) -> None:
    position = await make(client, "1")
    assert await server.projector("current-orders").wait_for(position, 10)
    call = server.ask(WatchCurrentOrdersRequest())
    assert [message.snapshot_complete async for message in until_complete(call)][-1]
    server.projector("current-orders").fail(ArithmeticError("no document"))
    found = await refused(call.read())
    assert (found.code, found.reason) == (StatusCode.UNAVAILABLE, "VIEW_STOPPED")


async def test_a_server_that_stops_tells_its_watchers(server: Server) -> None:
    call = server.ask(WatchOrderRequest(order_id="1"))
    assert (await call.read()).snapshot_complete
    stopping = asyncio.ensure_future(server.app.stop(5))
    found = await refused(call.read())
    assert (found.code, found.reason) == (StatusCode.UNAVAILABLE, "DRAINING")
    await stopping


async def until_complete(call: Any) -> Any:
    """The messages of a snapshot."""
    while True:
        message = await call.read()
        yield message
        if message.snapshot_complete:
            return
