"""Live queries: what there is, then every change"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from grpc import StatusCode

from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog.inventory.v1.queries_pb2 import WatchInventoryRequest
from foldlog.orders.v1.commands_pb2 import AddItem, CancelOrder, SubmitOrder
from foldlog.orders.v1.queries_pb2 import GetOrderRequest, WatchCurrentOrdersRequest, WatchOrderRequest
from foldlog.orders.v1.types_pb2 import ORDER_STATUS_DRAFT
from foldlog.v1.reads_pb2 import ReadOptions
from tests.conformance.shop import Shop, fresh, line
from tests.support.wire import refused

WATCHES: dict[str, Any] = {
    "WatchOrder": WatchOrderRequest(order_id="o"),
    "WatchCurrentOrders": WatchCurrentOrdersRequest(customer_id="c"),
    "WatchInventory": WatchInventoryRequest(product_ids=["p"]),
}


async def messages(call: Any) -> AsyncIterator[Any]:
    while True:
        yield await call.read()


async def snapshot(call: Any) -> list[Any]:
    """The messages up to the one that completes the snapshot."""
    said = []
    async for message in messages(call):
        said.append(message)
        if message.snapshot_complete:
            break
    return said


async def moved(call: Any, position: int) -> list[Any]:
    """The messages that move a watcher to a position."""
    said = []
    async for message in messages(call):
        said.append(message)
        if message.position >= position:
            break
    return said


def ids(said: list[Any], name: str = "order_id") -> list[str]:
    return [getattr(document, name) for message in said for document in message.puts]


def gone(said: list[Any]) -> list[str]:
    return [id for message in said for id in message.gone]


async def seen(shop: Shop, position: int) -> None:
    """Wait until the details of orders have seen a position."""
    asked = GetOrderRequest(order_id="none", options=ReadOptions(min_position=position))
    await refused(shop.ask(asked))


@pytest.mark.parametrize("watch", WATCHES)
async def test_complete(shop: Shop, watch: str) -> None:
    """{watch} begins with what is there, ended by one message that says so and has the position."""
    said = await snapshot(shop.ask(WATCHES[watch]))
    assert [message.snapshot_complete for message in said] == [False] * (len(said) - 1) + [True]
    assert [message.position for message in said[:-1]] == [0] * (len(said) - 1)
    assert said[-1].position <= (await shop.head()).position
    assert not any(message.reset for message in said)


async def test_pages(shop: Shop) -> None:
    """A snapshot gives every document that matches exactly once, in messages of at most a mebibyte."""
    customer = fresh("c")
    orders = [await shop.order(customer_id=customer) for _ in range(120)]
    await seen(shop, (await shop.head()).position)
    said = await snapshot(shop.ask(WatchCurrentOrdersRequest(customer_id=customer)))
    assert sorted(ids(said)) == sorted(orders)
    assert len(said) > 1
    assert all(message.ByteSize() <= 1024 * 1024 for message in said)


async def test_puts(shop: Shop) -> None:
    """What changes is put as it is then, and the position shows that it was seen."""
    order_id = await shop.order()
    call = shop.ask(WatchOrderRequest(order_id=order_id))
    await snapshot(call)
    reply = await shop.send(AddItem(order_id=order_id, line=line("cups")))
    said = await moved(call, reply.result.position)
    assert [document for message in said for document in message.puts][-1] == reply.order


async def test_gone(shop: Shop) -> None:
    """What does not match any more is gone."""
    customer = fresh("c")
    first, second = await shop.order(customer_id=customer), await shop.order(customer_id=customer)
    await seen(shop, (await shop.head()).position)
    call = shop.ask(WatchCurrentOrdersRequest(customer_id=customer, status=ORDER_STATUS_DRAFT))
    assert sorted(ids(await snapshot(call))) == sorted([first, second])
    await shop.send(SubmitOrder(order_id=first))
    reply = await shop.send(CancelOrder(order_id=second, reason="changed mind"))
    assert sorted(gone(await moved(call, reply.result.position))) == sorted([first, second])


async def test_gone_unseen(shop: Shop) -> None:
    """What was touched and does not match is gone also if it was never shown."""
    call = shop.ask(WatchCurrentOrdersRequest(customer_id=fresh("c")))
    await snapshot(call)
    other = await shop.order()
    reply = await shop.send(AddItem(order_id=other, line=line("cups")))
    assert other in gone(await moved(call, reply.result.position))


async def test_products(shop: Shop) -> None:
    """WatchInventory of some products leaves the others out."""
    product, other = await shop.product(), await shop.product()
    call = shop.ask(WatchInventoryRequest(product_ids=[product]))
    await snapshot(call)
    await shop.send(ReceiveStock(product_id=other, quantity=1))
    reply = await shop.send(ReceiveStock(product_id=product, quantity=1))
    said = await moved(call, reply.result.position)
    assert set(ids(said, "product_id")) == {product}
    assert gone(said) == []


async def test_resume(shop: Shop) -> None:
    """A watch resumes after the message that a token came with: nothing is lost, and nothing starts over."""
    customer = fresh("c")
    request = WatchCurrentOrdersRequest(customer_id=customer)
    call = shop.ask(request)
    said = await snapshot(call)
    call.cancel()
    order_id = await shop.order(customer_id=customer)
    position = (await shop.head()).position
    resumed = WatchCurrentOrdersRequest(customer_id=customer, resume_token=said[-1].resume_token)
    said = await moved(shop.ask(resumed), position)
    assert order_id in ids(said)
    assert not any(message.reset or message.snapshot_complete for message in said)


@pytest.mark.parametrize("watch", WATCHES)
async def test_foreign_token(shop: Shop, watch: str) -> None:
    """{watch} with a token of another request: INVALID_ARGUMENT (RESUME_TOKEN_INVALID)."""
    [*_, last] = await snapshot(shop.ask(WatchCurrentOrdersRequest(customer_id=fresh("c"))))
    for token in (last.resume_token, "forged"):
        request = type(WATCHES[watch])()
        request.CopyFrom(WATCHES[watch])
        request.resume_token = token
        refusal = await refused(anext(aiter(shop.ask(request))))
        assert (refusal.code, refusal.reason) == (StatusCode.INVALID_ARGUMENT, "RESUME_TOKEN_INVALID")
