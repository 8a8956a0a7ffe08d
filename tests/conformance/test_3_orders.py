"""Orders: every command in every status"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from grpc import StatusCode

from foldlog.orders.v1 import events_pb2
from foldlog.orders.v1.commands_pb2 import (
    AddItem,
    CancelOrder,
    ChangeItemQuantity,
    ConfirmReservation,
    CreateOrder,
    RecordPayment,
    RemoveItem,
    ShipOrder,
    SubmitOrder,
)
from foldlog.orders.v1.queries_pb2 import GetOrderRequest
from foldlog.v1.money_pb2 import Money
from foldlog.v1.reads_pb2 import ReadOptions
from tests.conformance.shop import STATUSES, Shop, fresh, line, money, names
from tests.support.wire import refused

REFUSALS = {
    "ORDER_EXISTS": StatusCode.ALREADY_EXISTS,
    "ORDER_NOT_FOUND": StatusCode.NOT_FOUND,
    "LINE_NOT_FOUND": StatusCode.NOT_FOUND,
}
"""The codes of refusals; FAILED_PRECONDITION where it is not said."""


class Row(NamedTuple):
    """One command, and what it does in each status, from DRAFT to CANCELLED."""

    what: str
    command: Any
    does: str


# Every order here has one line, 2 of tea at 3 GBP, and is reserved by r-1, paid by p-1 and shipped by s-1.
TABLE = [
    Row("CreateOrder", CreateOrder(customer_id="c", currency_code="GBP"), "ORDER_EXISTS = = = = ="),
    Row("AddItem of another line", AddItem(line=line("milk")), "ItemAdded WRONG_STATUS = = = ="),
    Row("AddItem of the same line", AddItem(line=line("tea", 5)), "ItemQuantityChanged WRONG_STATUS = = = ="),
    Row("AddItem of the line at another price", AddItem(line=line("tea", 1, money(4))), "LINE_DIFFERS WRONG_STATUS = = = ="),
    Row("ChangeItemQuantity to 7", ChangeItemQuantity(line_id="tea", quantity=7), "ItemQuantityChanged WRONG_STATUS = = = ="),
    Row("ChangeItemQuantity to 0", ChangeItemQuantity(line_id="tea"), "ItemRemoved WRONG_STATUS = = = ="),
    Row("ChangeItemQuantity to what it is", ChangeItemQuantity(line_id="tea", quantity=2), "nothing WRONG_STATUS = = = ="),
    Row("ChangeItemQuantity of another line", ChangeItemQuantity(line_id="milk", quantity=2), "LINE_NOT_FOUND WRONG_STATUS = = = ="),
    Row("RemoveItem", RemoveItem(line_id="tea"), "ItemRemoved WRONG_STATUS = = = ="),
    Row("RemoveItem of another line", RemoveItem(line_id="milk"), "LINE_NOT_FOUND WRONG_STATUS = = = ="),
    Row("SubmitOrder", SubmitOrder(), "OrderSubmitted nothing = = = WRONG_STATUS"),
    Row("ConfirmReservation by r-1", ConfirmReservation(reservation_id="r-1"), "WRONG_STATUS OrderReserved nothing = = WRONG_STATUS"),
    Row("ConfirmReservation by another", ConfirmReservation(reservation_id="r-2"), "WRONG_STATUS OrderReserved WRONG_STATUS = = ="),
    Row("RecordPayment by p-1", RecordPayment(payment_id="p-1", amount=money(6)), "WRONG_STATUS = PaymentReceived nothing = WRONG_STATUS"),
    Row("RecordPayment by another", RecordPayment(payment_id="p-2", amount=money(6)), "WRONG_STATUS = PaymentReceived ALREADY_PAID = WRONG_STATUS"),
    Row("RecordPayment of too little", RecordPayment(payment_id="p-2", amount=money(5)), "WRONG_STATUS = AMOUNT_MISMATCH ALREADY_PAID = WRONG_STATUS"),
    Row("ShipOrder by s-1", ShipOrder(shipment_id="s-1"), "WRONG_STATUS = = OrderShipped nothing WRONG_STATUS"),
    Row("ShipOrder by another", ShipOrder(shipment_id="s-2"), "WRONG_STATUS = = OrderShipped ALREADY_SHIPPED WRONG_STATUS"),
    Row("CancelOrder", CancelOrder(reason="no longer wanted"), "OrderCancelled = = = WRONG_STATUS nothing"),
]  # fmt: skip


def cells() -> list[tuple[str, str, str]]:
    """Command, status, and what it does there."""
    found = []
    for row in TABLE:
        does = ""
        for status, cell in zip(STATUSES, row.does.split(), strict=True):
            does = does if cell == "=" else cell
            found.append((row.what, status, does))
    return found


def on(what: str, order_id: str) -> Any:
    """The command of a row, on an order."""
    row: Mapping[str, Any] = {row.what: row.command for row in TABLE}
    command = type(row[what]).FromString(row[what].SerializeToString())
    command.order_id = order_id
    return command


@pytest.mark.parametrize(("command", "status", "does"), cells())
async def test_cell(shop: Shop, command: str, status: str, does: str) -> None:
    """{command} in {status}: {does}."""
    order_id = await shop.order(status)
    stream = f"order-{order_id}"
    before = await shop.events(stream)
    if does.isupper():
        refusal = await refused(shop.send(on(command, order_id)))
        assert (refusal.reason, refusal.domain) == (does, "foldlog.orders.v1")
        assert refusal.code is REFUSALS.get(does, StatusCode.FAILED_PRECONDITION)
    else:
        result = (await shop.send(on(command, order_id))).result
        assert names(result.events) == ([] if does == "nothing" else [does])
        before += result.events
    assert await shop.events(stream) == before


@pytest.mark.parametrize("command", sorted({type(row.command).__name__ for row in TABLE} - {"CreateOrder"}))
async def test_not_found(shop: Shop, command: str) -> None:
    """{command} on an order that does not exist: NOT_FOUND (ORDER_NOT_FOUND)."""
    what = next(row.what for row in TABLE if type(row.command).__name__ == command)
    refusal = await refused(shop.send(on(what, fresh("o"))))
    assert (refusal.code, refusal.reason) == (StatusCode.NOT_FOUND, "ORDER_NOT_FOUND")


async def test_created_and_filled(shop: Shop) -> None:
    """An order with lines is created and filled in one append."""
    created = await shop.send(
        CreateOrder(customer_id="c", currency_code="GBP", lines=[line("tea"), line("milk")])
    )
    assert names(created.result.events) == ["OrderCreated", "ItemAdded", "ItemAdded"]
    positions = [event.position for event in created.result.events]
    assert positions == list(range(positions[0], positions[0] + 3))
    assert len({event.recorded_time.ToNanoseconds() for event in created.result.events}) == 1


async def test_generated_id(shop: Shop) -> None:
    """An order without an id gets a UUIDv7."""
    created = await shop.send(CreateOrder(customer_id="c", currency_code="GBP"))
    assert created.order.order_id[14] == "7"
    assert created.result.stream == f"order-{created.order.order_id}"


async def test_line_id(shop: Shop) -> None:
    """A line's id is the product's unless it is given."""
    order_id = await shop.order(lines=[line("tea"), line("tea", 1, money(9), line_id="better tea")])
    order = (await shop.send(SubmitOrder(order_id=order_id))).order
    assert [one.line_id for one in order.lines] == ["tea", "better tea"]


async def test_sum_of_lines(shop: Shop) -> None:
    """The same line again adds up to the sum."""
    order_id = await shop.order(lines=[line("tea", 2)])
    added = await shop.send(AddItem(order_id=order_id, line=line("tea", 5)))
    assert [one.quantity for one in added.order.lines] == [7]


async def test_empty(shop: Shop) -> None:
    """An order without lines cannot be submitted: ORDER_EMPTY."""
    order_id = await shop.order()
    await shop.send(RemoveItem(order_id=order_id, line_id="tea"))
    assert (await refused(shop.send(SubmitOrder(order_id=order_id)))).reason == "ORDER_EMPTY"


async def test_currency_mismatch(shop: Shop) -> None:
    """Every amount of an order is in its currency: CURRENCY_MISMATCH."""
    order_id = await shop.order()
    euros = AddItem(order_id=order_id, line=line("milk", 1, money(1, currency="EUR")))
    assert (await refused(shop.send(euros))).reason == "CURRENCY_MISMATCH"


async def test_quantity_too_large(shop: Shop) -> None:
    """A line that would add up to more than 1,000,000: QUANTITY_TOO_LARGE."""
    order_id = await shop.order(lines=[line("tea", 1_000_000)])
    refusal = await refused(shop.send(AddItem(order_id=order_id, line=line("tea", 1))))
    assert refusal.reason == "QUANTITY_TOO_LARGE"


async def test_total_too_large(shop: Shop) -> None:
    """An order of more than a trillion units of its currency: TOTAL_TOO_LARGE."""
    dear = AddItem(order_id=await shop.order(), line=line("planet", 1_000_000, money(10**9)))
    assert (await refused(shop.send(dear))).reason == "TOTAL_TOO_LARGE"


@pytest.mark.parametrize(
    ("currency", "total", "due"),
    [
        ("GBP", "0.125", "0.12"),
        ("GBP", "0.135", "0.14"),
        ("JPY", "2.5", "2"),
        ("KWD", "0.0015", "0.002"),
    ],
)
async def test_amount_due(shop: Shop, currency: str, total: str, due: str) -> None:
    """Submitting fixes the amount due, rounded half to even to the minor unit: of {total} {currency} it is {due}."""
    order_id = await shop.order(lines=[line("tea", 1, exact(total, currency))], currency_code=currency)
    order = (await shop.send(SubmitOrder(order_id=order_id))).order
    assert (order.total, order.amount_due) == (exact(total, currency), exact(due, currency))


def exact(amount: str, currency: str) -> Money:
    units, nanos = divmod(int(Decimal(amount) * 10**9), 10**9)
    return money(units, nanos, currency)


async def test_refused_together(shop: Shop) -> None:
    """A refused command leaves no trace: neither an event nor a part of one."""
    order_id = fresh("o")
    lines = [line("tea"), line("milk", 1, money(1, currency="EUR"))]
    create = CreateOrder(order_id=order_id, customer_id="c", currency_code="GBP", lines=lines)
    assert (await refused(shop.send(create))).reason == "CURRENCY_MISMATCH"
    assert (await refused(shop.events(f"order-{order_id}"))).reason == "STREAM_NOT_FOUND"


@pytest.mark.parametrize("status", STATUSES)
async def test_one_message(shop: Shop, status: str) -> None:
    """A command's reply and GetOrder give the same Order: {status}."""
    order_id = await shop.order(status)
    again = SubmitOrder if status not in ("DRAFT", "CANCELLED") else None
    if again is not None:
        reply = await shop.send(again(order_id=order_id))
    elif status == "CANCELLED":
        reply = await shop.send(CancelOrder(order_id=order_id, reason="again"))
    else:
        reply = await shop.send(ChangeItemQuantity(order_id=order_id, line_id="tea", quantity=2))
    options = ReadOptions(min_position=reply.result.position)
    asked = await shop.ask(GetOrderRequest(order_id=order_id, options=options))
    assert asked.order == reply.order
    assert asked.order.status == STATUSES.index(status) + 1


@pytest.mark.parametrize("event", ["OrderSubmitted", "OrderShipped", "OrderCancelled"])
async def test_events_carry_what_views_need(shop: Shop, event: str) -> None:
    """{event} carries customer, lines and amounts."""
    order_id = await shop.order("PAID", customer_id="ada")
    if event == "OrderCancelled":
        await shop.send(CancelOrder(order_id=order_id, reason="lost"))
    else:
        await shop.send(ShipOrder(order_id=order_id, shipment_id="s-1"))
    [found] = [one for one in await shop.events(f"order-{order_id}") if names([one]) == [event]]
    payload = getattr(events_pb2, event).FromString(found.payload.value)
    assert (payload.customer_id, len(payload.lines), payload.amount_due) == ("ada", 1, money(6))
    if event == "OrderCancelled":
        assert (payload.former_status, payload.paid) == (4, money(6))
