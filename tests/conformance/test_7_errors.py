"""Errors: a status that says what to do"""

import asyncio
from typing import Any

import grpc.aio
import pytest
from grpc import StatusCode

from foldlog.inventory.v1.commands_pb2 import AdjustStock, ReservationLine, ReserveStock
from foldlog.orders.v1.commands_pb2 import AddItem, CancelOrder, CreateOrder, SubmitOrder
from foldlog.orders.v1.queries_pb2 import GetOrderRequest
from foldlog.orders.v1.types_pb2 import OrderLine
from foldlog.v1.reads_pb2 import ReadOptions
from tests.conformance.shop import Shop, fresh, line, request_id
from tests.support.wire import Refusal, refused

LONGEST = "\U0001f71a" * 16
MIB = 1024 * 1024


async def provoke(shop: Shop, reason: str) -> Refusal:
    """A call that is refused for a reason."""
    order_id, key = await shop.order("SHIPPED"), request_id()
    match reason:
        case "INVALID_FIELDS":
            return await refused(shop.send(CreateOrder(currency_code="pound")))
        case "REQUEST_ID_REUSED":
            await shop.send(CreateOrder(customer_id="c", currency_code="GBP"), request_id=key)
            return await refused(shop.send(CreateOrder(customer_id="d", currency_code="GBP"), request_id=key))
        case "VERSION_CONFLICT":
            return await refused(shop.send(SubmitOrder(order_id=order_id), expected_version=99))
        case "ORDER_NOT_FOUND":
            return await refused(shop.send(SubmitOrder(order_id=fresh("o"))))
        case "ORDER_EXISTS":
            return await refused(
                shop.send(CreateOrder(order_id=order_id, customer_id="c", currency_code="GBP"))
            )
        case "WRONG_STATUS":
            return await refused(shop.send(CancelOrder(order_id=order_id, reason="too late")))
        case _:
            unknown = [ReservationLine(product_id=fresh("p"), quantity=1)]
            return await refused(shop.send(ReserveStock(order_id=order_id, lines=unknown)))


@pytest.mark.parametrize(
    ("reason", "code", "domain", "detail"),
    [
        ("INVALID_FIELDS", StatusCode.INVALID_ARGUMENT, "foldlog.v1", "violations"),
        ("REQUEST_ID_REUSED", StatusCode.INVALID_ARGUMENT, "foldlog.v1", ""),
        ("VERSION_CONFLICT", StatusCode.ABORTED, "foldlog.v1", ""),
        ("ORDER_NOT_FOUND", StatusCode.NOT_FOUND, "foldlog.orders.v1", "resource"),
        ("ORDER_EXISTS", StatusCode.ALREADY_EXISTS, "foldlog.orders.v1", "resource"),
        ("WRONG_STATUS", StatusCode.FAILED_PRECONDITION, "foldlog.orders.v1", "violations"),
        ("INSUFFICIENT_STOCK", StatusCode.FAILED_PRECONDITION, "foldlog.inventory.v1", "violations"),
    ],
)
async def test_details(shop: Shop, reason: str, code: StatusCode, domain: str, detail: str) -> None:
    """{reason} is {code.name}, with one ErrorInfo of {domain} and the details that fit."""
    refusal = await provoke(shop, reason)
    assert (refusal.reason, refusal.code, refusal.domain) == (reason, code, domain)
    assert refusal.message
    if detail:
        assert getattr(refusal, detail)


@pytest.mark.parametrize("what", ["many violations", "the longest ids", "an id that is no id"])
async def test_size(shop: Shop, what: str) -> None:
    """A status has at most 4 KiB: {what}."""
    bad = OrderLine(line_id="\x01" * 3_000, product_id=" ", quantity=-1)
    command: Any = {
        "many violations": CreateOrder(currency_code="pound", lines=[bad] * 1_000),
        "the longest ids": AddItem(order_id=LONGEST, line=line(LONGEST)),
        "an id that is no id": SubmitOrder(order_id="\U0001f71a" * 100_000),
    }[what]
    # That it is not longer is looked at wherever a refusal is read.
    assert (await refused(shop.send(command))).message


async def test_nothing_inside(shop: Shop) -> None:
    """A refusal shows nothing of the server's insides."""
    for reason in ("INVALID_FIELDS", "WRONG_STATUS", "INSUFFICIENT_STOCK"):
        text = (await provoke(shop, reason)).text
        assert not any(word in text for word in ("Traceback", ".py", "sqlite", "foldlog_server"))


async def test_too_large(shop: Shop) -> None:
    """A message that is too large is RESOURCE_EXHAUSTED, and the connection stays open."""
    order_id = await shop.order()
    call = shop.send(CancelOrder(order_id=order_id, reason="r" * 5 * MIB))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    assert raised.value.code() is StatusCode.RESOURCE_EXHAUSTED
    assert (await shop.send(SubmitOrder(order_id=order_id))).result.version == 3


async def test_unknown_method(shop: Shop) -> None:
    """A method that there is not is UNIMPLEMENTED."""
    call: Any = shop.channel.unary_unary("/foldlog.orders.v1.CommandService/BurnOrder")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call(b"")
    assert raised.value.code() is StatusCode.UNIMPLEMENTED


async def test_deadline(shop: Shop) -> None:
    """After a deadline the outcome is unknown, and a retry with the request id makes it known: one effect."""
    order_id, key = await shop.order(), request_id()
    add = AddItem(order_id=order_id, line=line("milk"))
    for seconds in (0.0001, 0.0005, 0.001, 0.002, 0.003):
        call = asyncio.ensure_future(shop.send(add, request_id=key))
        await asyncio.wait([call], timeout=seconds)
        call.cancel()
        await asyncio.wait([call])
    await shop.send(add, request_id=key)
    assert len(await shop.events(f"order-{order_id}")) == 3


async def test_refused_command_leaves_no_trace(shop: Shop) -> None:
    """A refused command moves neither its stream nor its read models."""
    order_id = await shop.order("SHIPPED")
    before = await shop.events(f"order-{order_id}")
    for _ in range(3):
        await refused(shop.send(CancelOrder(order_id=order_id, reason="too late")))
    await refused(shop.send(AdjustStock(product_id=fresh("p"), delta=1, reason="counted")))
    assert await shop.events(f"order-{order_id}") == before
    asked = await shop.ask(
        GetOrderRequest(order_id=order_id, options=ReadOptions(min_position=before[-1].position))
    )
    assert asked.order.version == len(before)
