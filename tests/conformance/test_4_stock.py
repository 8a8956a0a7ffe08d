"""Stock: every command, known and unknown"""

import asyncio
from typing import Any

import pytest
from grpc import StatusCode

from foldlog.inventory.v1.commands_pb2 import (
    AdjustStock,
    DispatchStock,
    ReceiveStock,
    ReleaseStock,
    ReservationLine,
    ReserveStock,
)
from foldlog.inventory.v1.queries_pb2 import GetStockRequest
from tests.conformance.shop import Shop, fresh, names
from tests.support.wire import refused

# Every known product has 10 units, of which 4 are reserved for order o-1.
KNOWN, RESERVED = 10, 4


def adjust(product: str, delta: int) -> AdjustStock:
    return AdjustStock(product_id=product, delta=delta, reason="counted")


def reserve(product: str, quantity: int, order_id: str = "o-1") -> ReserveStock:
    return ReserveStock(order_id=order_id, lines=[ReservationLine(product_id=product, quantity=quantity)])


def release(product: str, order_id: str = "o-1") -> ReleaseStock:
    return ReleaseStock(order_id=order_id, product_ids=[product])


def dispatch(product: str, order_id: str = "o-1") -> DispatchStock:
    return DispatchStock(order_id=order_id, product_ids=[product])


UNKNOWN_TABLE = [
    ("ReceiveStock", lambda product: ReceiveStock(product_id=product, quantity=1), "StockReceived"),
    ("AdjustStock", lambda product: adjust(product, 1), "PRODUCT_NOT_FOUND"),
    ("ReserveStock", lambda product: reserve(product, 1), "INSUFFICIENT_STOCK"),
    ("ReleaseStock", release, "nothing"),
    ("DispatchStock", dispatch, "NO_RESERVATION"),
]
KNOWN_TABLE = [
    ("ReceiveStock", lambda product: ReceiveStock(product_id=product, quantity=1), "StockReceived"),
    ("AdjustStock upwards", lambda product: adjust(product, 1), "StockAdjusted"),
    ("AdjustStock down to what is reserved", lambda product: adjust(product, -6), "StockAdjusted"),
    ("AdjustStock below what is reserved", lambda product: adjust(product, -7), "BELOW_RESERVED"),
    ("ReserveStock for another order", lambda product: reserve(product, 6, "o-2"), "StockReserved"),
    ("ReserveStock of more than is available", lambda product: reserve(product, 7, "o-2"), "INSUFFICIENT_STOCK"),
    ("ReserveStock again", lambda product: reserve(product, RESERVED), "nothing"),
    ("ReserveStock again of another quantity", lambda product: reserve(product, 3), "RESERVATION_DIFFERS"),
    ("ReleaseStock", release, "StockReleased"),
    ("ReleaseStock without an open reservation", lambda product: release(product, "o-2"), "nothing"),
    ("DispatchStock", dispatch, "StockDispatched"),
    ("DispatchStock without an open reservation", lambda product: dispatch(product, "o-2"), "NO_RESERVATION"),
]  # fmt: skip


async def check(shop: Shop, command: Any, does: str) -> None:
    if does.isupper():
        refusal = await refused(shop.send(command))
        assert (refusal.reason, refusal.domain) == (does, "foldlog.inventory.v1")
        not_found = does == "PRODUCT_NOT_FOUND"
        assert refusal.code is (StatusCode.NOT_FOUND if not_found else StatusCode.FAILED_PRECONDITION)
    else:
        happened = names((await shop.send(command)).result.events)
        assert happened == ([] if does == "nothing" else [does])


@pytest.mark.parametrize(("command", "made", "does"), UNKNOWN_TABLE)
async def test_unknown(shop: Shop, command: str, made: Any, does: str) -> None:
    """{command} of an unknown product: {does}."""
    await check(shop, made(fresh("p")), does)


@pytest.mark.parametrize(("command", "made", "does"), KNOWN_TABLE)
async def test_known(shop: Shop, command: str, made: Any, does: str) -> None:
    """{command} of a known product: {does}."""
    product = await shop.product(KNOWN, RESERVED)
    await check(shop, made(product), does)


async def test_available(shop: Shop) -> None:
    """Available is on hand less reserved."""
    stock = (await shop.ask(GetStockRequest(product_id=await shop.product(KNOWN, RESERVED)))).stock
    assert (stock.on_hand, stock.reserved, stock.available) == (10, 4, 6)


async def test_never_below_zero(shop: Shop) -> None:
    """Available is never below 0, whatever is reserved at the same time."""
    product = await shop.product(10)
    outcomes = await asyncio.gather(
        *(shop.send(reserve(product, 3, f"o-{number}")) for number in range(10)), return_exceptions=True
    )
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 3
    assert (await shop.ask(GetStockRequest(product_id=product))).stock.available == 1


async def test_dispatched(shop: Shop) -> None:
    """What is dispatched has left the house, and its reservation is closed."""
    product = await shop.product(KNOWN, RESERVED)
    await shop.send(dispatch(product))
    stock = (await shop.ask(GetStockRequest(product_id=product))).stock
    assert (stock.on_hand, stock.reserved, stock.available) == (6, 0, 6)
    assert (await refused(shop.send(dispatch(product)))).reason == "NO_RESERVATION"


async def test_shortage_in_numbers(shop: Shop) -> None:
    """INSUFFICIENT_STOCK says what was requested and what is available."""
    refusal = await refused(shop.send(reserve(await shop.product(KNOWN, RESERVED), 7, "o-2")))
    assert (refusal.metadata["requested"], refusal.metadata["available"]) == ("7", "6")


async def test_one_append(shop: Shop) -> None:
    """Several products are one append: positions follow on each other, at one time."""
    products = [await shop.product() for _ in range(3)]
    wanted = [ReservationLine(product_id=product, quantity=2) for product in products]
    result = (await shop.send(ReserveStock(order_id="o-1", lines=wanted))).result
    first = result.events[0].position
    assert [event.position for event in result.events] == [first, first + 1, first + 2]
    assert [one.stream for one in result.streams] == [f"stock-{product}" for product in products]
    assert result.position == first + 2


async def test_all_or_none(shop: Shop) -> None:
    """Several products are reserved all or none, and the refusal names every product concerned."""
    enough, none, few = await shop.product(10), fresh("p"), await shop.product(1)
    wanted = [ReservationLine(product_id=product, quantity=2) for product in (enough, none, few)]
    refusal = await refused(shop.send(ReserveStock(order_id="o-1", lines=wanted)))
    assert [subject for subject, _ in refusal.violations] == [none, few]
    assert (await shop.ask(GetStockRequest(product_id=enough))).stock.reserved == 0


async def test_each_once(shop: Shop) -> None:
    """A command names each product once."""
    product = await shop.product()
    twice = [ReservationLine(product_id=product, quantity=1)] * 2
    refusal = await refused(shop.send(ReserveStock(order_id="o-1", lines=twice)))
    assert (refusal.code, refusal.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS")
