"""The largest, the emptiest and the most alike that the contract allows, over a real channel."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from google.protobuf.message import Message
from grpc import StatusCode

from foldlog.inventory.v1.commands_pb2 import DispatchStock, ReceiveStock, ReservationLine, ReserveStock
from foldlog.inventory.v1.queries_pb2 import (
    GetInventoryRequest,
    GetStockRequest,
    InventoryItem,
    ListInventoryRequest,
)
from foldlog.orders.v1.commands_pb2 import AddItem, ChangeItemQuantity, RecordPayment, SubmitOrder
from foldlog.orders.v1.queries_pb2 import (
    GetCustomerOrdersRequest,
    GetOrderHistoryRequest,
    GetOrderRequest,
    ListCurrentOrdersRequest,
    ListCustomersRequest,
    ListOrderHistoryRequest,
)
from foldlog.orders.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_SHIPPED,
    ORDER_STATUS_SUBMITTED,
)
from foldlog.v1.reads_pb2 import ReadOptions
from tests.support.order_stories import line, money
from tests.support.orders import cancel, create, do, listed, way_to
from tests.support.server import Server
from tests.support.wire import refused


async def now(server: Server, request: Any) -> Any:
    """The answer after everything that has happened."""
    request.options.CopyFrom(ReadOptions(min_position=(await server.head()).position))
    return await server.ask(request)


async def at_once(server: Server, commands: Sequence[Message], most: int = 50) -> list[Any]:
    """Send commands, some at a time; gives their replies in order."""
    replies: list[Any] = []
    for first in range(0, len(commands), most):
        replies += await asyncio.gather(*map(server.send, commands[first : first + most]))
    return replies


# The longest order


async def test_an_order_of_2000_lines_is_filled_to_the_last_and_submitted(server: Server) -> None:
    lines = [line(f"p{n}", 2, money("0.5")) for n in range(1999)]
    await do(server, create("1", *lines), AddItem(order_id="1", line=line("last", 1, money("1"))))
    over = AddItem(order_id="1", line=line("over", 1, money("1")))
    refusal = await refused(server.send(over))
    assert (refusal.code, refusal.reason) == (StatusCode.FAILED_PRECONDITION, "TOO_MANY_LINES")
    assert (await refused(server.send(over, validate_only=True))).reason == "TOO_MANY_LINES"
    await do(
        server,
        AddItem(order_id="1", line=line("last", 1, money("1"))),  # more of a line is no other line
        ChangeItemQuantity(order_id="1", line_id="p0", quantity=0),  # leaves room for one
        over,
    )
    assert (await refused(server.send(AddItem(order_id="1", line=lines[0])))).reason == "TOO_MANY_LINES"
    reply = await server.send(SubmitOrder(order_id="1"))
    assert (len(reply.order.lines), reply.order.amount_due) == (2000, money("2001"))
    assert (await now(server, GetOrderRequest(order_id="1"))).order == reply.order
    [order] = await listed(server, ListCurrentOrdersRequest(), "orders")
    assert (order.line_count, order.item_count, order.total) == (2000, 1998 * 2 + 3, money("2001"))
    items = await listed(server, ListInventoryRequest(), "items")
    assert sum(item.demanded_units for item in items) == order.item_count
    assert len(items) == 2000


@pytest.mark.slow
async def test_an_order_of_2000_products_is_reserved_paid_dispatched_and_shipped(server: Server) -> None:
    products = [f"p{n}" for n in range(2000)]
    await at_once(server, [ReceiveStock(product_id=id, quantity=3) for id in products])
    await server.send(create("1", *(line(id, 2, money("0.5")) for id in products)))
    reserved = [ReservationLine(product_id=id, quantity=2) for id in products]
    first = await do(server, *way_to(ORDER_STATUS_SUBMITTED, "1"), ReserveStock(order_id="1", lines=reserved))
    assert len(first.result.events) == 2000
    refusal = await refused(server.send(ReserveStock(order_id="2", lines=reserved)))
    assert refusal.reason == "INSUFFICIENT_STOCK"
    reply = await do(
        server,
        DispatchStock(order_id="1", product_ids=products),
        *way_to(ORDER_STATUS_SHIPPED, "1", money("2000"))[1:],
    )
    assert (await now(server, GetOrderRequest(order_id="1"))).order == reply.order
    assert await listed(server, ListCurrentOrdersRequest(), "orders") == []
    [order] = await listed(server, ListOrderHistoryRequest(), "orders")
    assert (order.line_count, order.item_count, order.paid) == (2000, 4000, money("2000"))
    items = {item.product_id: item for item in await listed(server, ListInventoryRequest(), "items")}
    assert items == {id: dispatched(id) for id in products}
    history = await listed(server, GetOrderHistoryRequest(order_id="1"), "entries")
    assert [entry.event.version for entry in history] == list(range(1, 2006))


def dispatched(product_id: str) -> InventoryItem:
    """A product of three, two of which were ordered for a unit and sent."""
    return InventoryItem(
        product_id=product_id,
        on_hand=1,
        available=1,
        demanded_units=2,
        demanded_value=[money("1")],
        dispatched_units=2,
        dispatched_value=[money("1")],
    )


# The greatest sums

GREATEST = 10**12


async def test_sums_of_the_greatest_orders_are_exact_to_the_billionth(server: Server) -> None:
    # One line of 10¹² less a billionth and one of a billionth: not one of these sums fits a float.
    nearly = [line("most", 1000, money("999999999")), line("rest", 1, money("999.999999999"))]
    for number in range(3):
        await server.send(create(str(number), *nearly))
        add = AddItem(order_id=str(number), line=line("last", 1, money("0.000000001")))
        full = await server.send(add)
        assert full.order.total == money(str(GREATEST))
        refusal = await refused(server.send(add))
        assert (refusal.code, refusal.reason) == (StatusCode.FAILED_PRECONDITION, "TOTAL_TOO_LARGE")
        await do(server, *way_to(ORDER_STATUS_SHIPPED, str(number), money(str(GREATEST))))
    [customer] = await listed(server, ListCustomersRequest(), "customers")
    assert [*customer.ordered, *customer.spent] == [money(str(3 * GREATEST))] * 2
    items = {item.product_id: item for item in await listed(server, ListInventoryRequest(), "items")}
    for id, value in (("most", "2999999997000"), ("rest", "2999.999999997"), ("last", "0.000000003")):
        assert [*items[id].demanded_value, *items[id].dispatched_value] == [money(value)] * 2


@pytest.mark.parametrize(
    ("currency_code", "price", "due"),
    [
        ("GBP", "999999999.994999999", "999999999.99"),
        ("GBP", "999999999.995", "1000000000"),
        ("JPY", "999999999.5", "1000000000"),
        ("JPY", "999999998.5", "999999998"),
        ("BHD", "999999999.9995", "1000000000"),
    ],
)
async def test_the_greatest_price_is_rounded_half_even_to_what_is_due_and_paid(
    server: Server, currency_code: str, price: str, due: str
) -> None:
    amount = money(due, currency_code)
    one = line("tea", 1, money(price, currency_code))
    reply = await do(
        server,
        create("1", one, currency_code=currency_code),
        *way_to(ORDER_STATUS_SHIPPED, "1", amount),
    )
    assert (reply.order.total, reply.order.amount_due) == (money(price, currency_code), amount)
    customer = (await now(server, GetCustomerOrdersRequest(customer_id="ada"))).customer
    assert [*customer.ordered, *customer.spent] == [amount] * 2
    item = (await now(server, GetInventoryRequest(product_id="tea"))).item
    assert list(item.dispatched_value) == [money(price, currency_code)]


async def test_the_most_units_of_an_order_are_counted(server: Server) -> None:
    lines = [line(f"{n}", 1_000_000, money("0.000000001"), product_id="grain") for n in range(2000)]
    await do(server, create("1", *lines), SubmitOrder(order_id="1"))
    [order] = await listed(server, ListCurrentOrdersRequest(), "orders")
    assert (order.item_count, order.total) == (2 * 10**9, money("2"))
    item = (await now(server, GetInventoryRequest(product_id="grain"))).item
    assert (item.demanded_units, list(item.demanded_value)) == (2 * 10**9, [money("2")])


async def test_the_most_stock_is_kept_and_no_more(server: Server) -> None:
    await server.send(ReceiveStock(product_id="grain", quantity=10**12))
    refusal = await refused(server.send(ReceiveStock(product_id="grain", quantity=1)))
    assert (refusal.code, refusal.reason) == (StatusCode.FAILED_PRECONDITION, "QUANTITY_TOO_LARGE")
    item = (await now(server, GetInventoryRequest(product_id="grain"))).item
    assert (item.on_hand, item.available) == (10**12, 10**12)


# Ids that are almost the same


async def test_ids_that_differ_only_by_case_are_different_everywhere(server: Server) -> None:
    ids = ["straße", "STRAßE", "Straße", "stra\u1e9ee", "strasse", "STRASSE"]
    for number, id in enumerate(ids, start=1):
        await do(
            server,
            create(id, line(id, number, money("1")), line(id.swapcase(), 1, money("1")), customer_id=id),
            SubmitOrder(order_id=id),
            ReceiveStock(product_id=id, name=id, quantity=number),
        )
    for number, id in enumerate(ids, start=1):
        order = (await now(server, GetOrderRequest(order_id=id))).order
        assert [one.line_id for one in order.lines] == [id, id.swapcase()]
        mine = await listed(server, ListCurrentOrdersRequest(customer_id=id), "orders")
        assert [one.order_id for one in mine] == [id]
        customer = await now(server, GetCustomerOrdersRequest(customer_id=id))
        assert list(customer.customer.ordered) == [money(str(number + 1))]
        assert [one.order_id for one in customer.orders] == [id]
        item = (await now(server, GetInventoryRequest(product_id=id))).item
        assert (item.name, item.on_hand) == (id, number)
        assert item.demanded_units == number + [one.swapcase() for one in ids].count(id)
    customers = await listed(server, ListCustomersRequest(), "customers")
    assert [one.customer_id for one in customers] == sorted(ids, key=str.encode)


# One customer's ten thousand orders


@pytest.mark.slow
async def test_ten_thousand_orders_of_one_customer_are_counted_and_paged_to_the_last(server: Server) -> None:
    ids = [f"o{n}" for n in range(10_000)]
    tea = line("tea", 1, money("0.01"))
    made = await at_once(server, [create(id, tea) for id in ids])
    in_order = [one.order.order_id for one in sorted(made, key=lambda one: one.result.position)]
    assert sorted(in_order) == sorted(ids)
    await at_once(server, [SubmitOrder(order_id=id) for id in ids[:2000]])
    await at_once(server, [cancel(id) for id in ids[1000:4000]])

    mine: Any = GetCustomerOrdersRequest(customer_id="ada")
    customer = (await now(server, mine)).customer
    assert (customer.order_count, customer.active_count, customer.cancelled_count) == (10_000, 7000, 3000)
    assert list(customer.ordered) == [money("10")]
    for size in (997, 1000):
        rows = await listed(server, mine, "orders", page_size=size)
        assert [row.order_id for row in rows] == in_order
    mine.descending = True
    assert [row.order_id for row in await listed(server, mine, "orders")] == in_order[::-1]
    gone = set(ids[1000:4000])
    current = await listed(server, ListCurrentOrdersRequest(customer_id="ada"), "orders")
    assert [row.order_id for row in current] == [id for id in in_order if id not in gone]
    finished = await listed(server, ListOrderHistoryRequest(customer_id="ada"), "orders")
    assert {row.order_id for row in finished} == gone
    assert len(finished) == len(gone)
    item = (await now(server, GetInventoryRequest(product_id="tea"))).item
    assert (item.demanded_units, list(item.demanded_value)) == (1000, [money("10")])


# Nothing at all


async def test_a_product_that_nobody_ordered_has_stock_and_no_sums(server: Server) -> None:
    await server.send(ReceiveStock(product_id="tea", quantity=1))
    expected = InventoryItem(product_id="tea", on_hand=1, available=1)
    assert (await now(server, GetInventoryRequest(product_id="tea"))).item == expected
    assert await listed(server, ListInventoryRequest(), "items") == [expected]


async def test_a_product_that_is_only_in_drafts_is_nowhere(server: Server) -> None:
    await do(server, create("1", line("tea", 1, money("1"))), cancel("1"))
    for request in (GetInventoryRequest(product_id="tea"), GetStockRequest(product_id="tea")):
        assert (await refused(now(server, request))).reason == "PRODUCT_NOT_FOUND"
    assert await listed(server, ListInventoryRequest(), "items") == []


async def test_a_customer_who_never_ordered_is_nowhere_and_has_empty_lists(server: Server) -> None:
    await do(server, create("1"), create("2"), cancel("2"))
    refusal = await refused(now(server, GetCustomerOrdersRequest(customer_id="bob")))
    assert (refusal.code, refusal.reason) == (StatusCode.NOT_FOUND, "CUSTOMER_NOT_FOUND")
    assert await listed(server, ListCurrentOrdersRequest(customer_id="bob"), "orders") == []
    assert await listed(server, ListOrderHistoryRequest(customer_id="bob"), "orders") == []
    assert [one.customer_id for one in await listed(server, ListCustomersRequest(), "customers")] == ["ada"]


# The end of an order is its end


async def documents(server: Server) -> list[Any]:
    requests = (
        (ListCurrentOrdersRequest(), "orders"),
        (ListOrderHistoryRequest(), "orders"),
        (ListCustomersRequest(), "customers"),
        (ListInventoryRequest(), "items"),
        (GetCustomerOrdersRequest(customer_id="ada"), "orders"),
        (GetOrderHistoryRequest(order_id="1"), "entries"),
    )
    return [await listed(server, request, field) for request, field in requests]


@pytest.mark.parametrize("end", [ORDER_STATUS_SHIPPED, ORDER_STATUS_CANCELLED])
async def test_cancelling_what_has_ended_changes_no_document(server: Server, end: int) -> None:
    last = [cancel("1")] if end == ORDER_STATUS_CANCELLED else way_to(end, "1")
    await do(server, create("1", line("tea", 1, money("1"))), *last)
    before = await documents(server)
    if end == ORDER_STATUS_SHIPPED:
        assert (await refused(server.send(cancel("1")))).reason == "WRONG_STATUS"
    else:
        assert not (await server.send(cancel("1"))).result.events
    payment = RecordPayment(order_id="1", payment_id="late", amount=money("1"))
    assert (await refused(server.send(payment))).code is StatusCode.FAILED_PRECONDITION
    await server.send(create("other", customer_id="bob"))  # whatever there was to see has been seen
    after = await documents(server)
    assert [row for row in after[0] if row.order_id != "other"] == before[0]
    assert [row for row in after[2] if row.customer_id != "bob"] == before[2]
    assert [after[1], *after[3:]] == [before[1], *before[3:]]
