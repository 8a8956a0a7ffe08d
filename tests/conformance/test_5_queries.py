"""Queries: fresh as asked, whole in pages"""

from collections.abc import Sequence
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from foldlog.inventory.v1.commands_pb2 import (
    AdjustStock,
    DispatchStock,
    ReceiveStock,
    ReservationLine,
    ReserveStock,
)
from foldlog.inventory.v1.queries_pb2 import GetInventoryRequest, GetStockRequest, ListInventoryRequest
from foldlog.orders.v1.commands_pb2 import AddItem, CancelOrder, CreateOrder, SubmitOrder
from foldlog.orders.v1.queries_pb2 import (
    GetCustomerOrdersRequest,
    GetOrderHistoryRequest,
    GetOrderRequest,
    ListCurrentOrdersRequest,
    ListCustomersRequest,
    ListOrderHistoryRequest,
)
from foldlog.orders.v1.types_pb2 import ORDER_STATUS_CANCELLED, ORDER_STATUS_SHIPPED, ORDER_STATUS_SUBMITTED
from foldlog.v1.reads_pb2 import WHEN_BEHIND_ANSWER, WHEN_BEHIND_FAIL, AsOf, ReadOptions
from tests.conformance.shop import STATUSES, Shop, fresh, line, money, names, of_another_history
from tests.support.wire import Refusal, refused

QUERIES = [
    GetOrderRequest(order_id="o"),
    ListCurrentOrdersRequest(),
    GetOrderHistoryRequest(order_id="o"),
    ListOrderHistoryRequest(),
    GetCustomerOrdersRequest(customer_id="c"),
    ListCustomersRequest(),
    GetInventoryRequest(product_id="p"),
    ListInventoryRequest(),
    GetStockRequest(product_id="p"),
]
LISTS = {
    "ListCurrentOrders": (ListCurrentOrdersRequest, "orders", "order_id"),
    "ListOrderHistory": (ListOrderHistoryRequest, "orders", "order_id"),
    "GetCustomerOrders": (GetCustomerOrdersRequest, "orders", "order_id"),
}
"""The lists that can be asked of one customer alone."""


def name(query: Any) -> str:
    return str(query.DESCRIPTOR.name.removesuffix("Request"))


def with_options(query: Any, **options: Any) -> Any:
    asked = type(query).FromString(query.SerializeToString())
    asked.options.CopyFrom(ReadOptions(**options))
    return asked


async def now(shop: Shop, query: Any) -> Any:
    """The answer of a view that has seen everything."""
    return await shop.ask(with_options(query, min_position=(await shop.head()).position))


async def pages(shop: Shop, request: Any, field: str, size: int) -> list[list[Any]]:
    """All pages of a list."""
    found, request.page_size, request.page_token = [], size, ""
    while True:
        page = await now(shop, request)
        found.append(list(getattr(page, field)))
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found


async def customer_with(shop: Shop, list_name: str, count: int) -> tuple[str, list[str]]:
    """A customer, and the ids of the orders in a list, in its order."""
    customer = fresh("c")
    status = "SHIPPED" if list_name == "ListOrderHistory" else "SUBMITTED"
    return customer, [await shop.order(status, customer_id=customer) for _ in range(count)]


# How fresh


@pytest.mark.parametrize("query", QUERIES, ids=name)
async def test_beyond_the_head(shop: Shop, query: Any) -> None:
    """{query.DESCRIPTOR.name}: `min_position` beyond the head is OUT_OF_RANGE at once."""
    beyond = (await shop.head()).position + 1_000_000
    refusal = await refused(shop.ask(with_options(query, min_position=beyond)))
    assert (refusal.code, refusal.reason) == (StatusCode.OUT_OF_RANGE, "POSITION_BEYOND_HEAD")


@pytest.mark.parametrize("query", QUERIES, ids=name)
async def test_another_log(shop: Shop, query: Any) -> None:
    """{query.DESCRIPTOR.name}: another `log_id` is FAILED_PRECONDITION (LOG_REPLACED)."""
    refusal = await refused(shop.ask(with_options(query, log_id="another")))
    assert (refusal.code, refusal.reason) == (StatusCode.FAILED_PRECONDITION, "LOG_REPLACED")


@pytest.mark.parametrize("query", QUERIES, ids=name)
async def test_another_history(shop: Shop, query: Any) -> None:
    """{query.DESCRIPTOR.name}: a token of another history is FAILED_PRECONDITION (LOG_REPLACED)."""
    await shop.order()
    token = of_another_history((await shop.head()).token)
    refusal = await refused(shop.ask(with_options(query, min_position_token=token)))
    assert (refusal.code, refusal.reason) == (StatusCode.FAILED_PRECONDITION, "LOG_REPLACED")


@pytest.mark.parametrize("query", QUERIES, ids=name)
async def test_longest_wait(shop: Shop, query: Any) -> None:
    """{query.DESCRIPTOR.name}: `max_wait` is at most 30 seconds."""
    refusal = await refused(shop.ask(with_options(query, max_wait=Duration(seconds=30, nanos=1))))
    assert [subject for subject, _ in refusal.violations] == ["options.max_wait"]


async def test_latest(shop: Shop) -> None:
    """A query with `latest` sees everything that was answered to anybody before it was asked."""
    customer = fresh("c")
    for count in range(1, 21):
        created = await shop.send(CreateOrder(customer_id=customer, currency_code="GBP"))
        query = ListCurrentOrdersRequest(customer_id=customer, options=ReadOptions(latest=True))
        listed = await shop.ask(query)
        assert len(listed.orders) == count
        assert listed.freshness.position >= created.result.position


@pytest.mark.parametrize("query", QUERIES, ids=name)
async def test_latest_of_every_query(shop: Shop, query: Any) -> None:
    """{query.DESCRIPTOR.name}: with `latest` the answer has seen the log up to where it ended when it was asked."""
    product, order_id = await shop.product(), await shop.order("SHIPPED")
    customer = (await shop.ask(GetOrderRequest(order_id=order_id, options=ReadOptions(latest=True)))).order
    asked = with_options(query, latest=True)
    for field, value in (
        ("order_id", order_id),
        ("customer_id", customer.customer_id),
        ("product_id", product),
    ):
        if getattr(asked, field, ""):
            setattr(asked, field, value)
    head = (await shop.head()).position
    assert (await shop.ask(asked)).freshness.position >= head


async def test_read_your_writes(shop: Shop) -> None:
    """A query with a command's position as `min_position` sees what the command did."""
    customer = fresh("c")
    for count in range(1, 21):
        created = await shop.send(CreateOrder(customer_id=customer, currency_code="GBP"))
        options = ReadOptions(min_position=created.result.position, log_id=created.result.log_id)
        listed = await shop.ask(ListCurrentOrdersRequest(customer_id=customer, options=options))
        assert len(listed.orders) == count
        assert listed.freshness.position >= created.result.position


async def test_read_your_writes_by_token(shop: Shop) -> None:
    """A query with a command's token sees what the command did, and gives a token of what it has seen."""
    customer = fresh("c")
    for count in range(1, 21):
        created = await shop.send(CreateOrder(customer_id=customer, currency_code="GBP"))
        options = ReadOptions(min_position_token=created.result.token)
        listed = await shop.ask(ListCurrentOrdersRequest(customer_id=customer, options=options))
        assert len(listed.orders) == count
        assert listed.freshness.token.endswith(f".{listed.freshness.position}")


async def test_freshness(shop: Shop) -> None:
    """An answer says which log it is of, what it has seen, where the log ends, and how far it is behind."""
    order_id = await shop.order()
    freshness = (await now(shop, GetOrderRequest(order_id=order_id))).freshness
    assert freshness.log_id == (await shop.head()).log_id
    assert freshness.lag_events == freshness.head - freshness.position
    assert (
        freshness.HasField("lag_time") == (freshness.lag_events > 0) or not freshness.lag_time.ToNanoseconds()
    )
    assert not freshness.incomplete


async def test_behind_or_not(shop: Shop) -> None:
    """Behind when the wait is over: UNAVAILABLE (VIEW_BEHIND) with positions, or a stale answer, as asked."""
    customer, failed, stale = fresh("c"), 0, 0
    for number in range(40):
        created = await shop.send(CreateOrder(customer_id=customer, currency_code="GBP"))
        behind = WHEN_BEHIND_ANSWER if number % 2 else WHEN_BEHIND_FAIL
        position = created.result.position
        options = ReadOptions(min_position=position, max_wait=Duration(), when_behind=behind)
        call = shop.ask(ListCurrentOrdersRequest(customer_id=customer, options=options))
        if behind == WHEN_BEHIND_ANSWER:
            stale += (await call).freshness.position < position
        elif await call.code() is not StatusCode.OK:
            refusal = await refused(call)
            assert (refusal.code, refusal.reason) == (StatusCode.UNAVAILABLE, "VIEW_BEHIND")
            assert refusal.metadata["min_position"] == str(position)
            assert refusal.retry_after is not None
            failed += 1
    assert failed + stale, "The view was never behind."


# Pages


@pytest.mark.parametrize("listing", LISTS)
@pytest.mark.parametrize("order", ["oldest first", "newest first"])
async def test_pages(shop: Shop, listing: str, order: str) -> None:
    """{listing}: pages of any size make up the whole list, {order}."""
    kind, field, key = LISTS[listing]
    descending = order == "newest first"
    customer, ids = await customer_with(shop, listing, 7)
    for size in (1, 3, 7, 8):
        request = kind(customer_id=customer, descending=descending)
        rows = [row for page in await pages(shop, request, field, size) for row in page]
        assert [getattr(row, key) for row in rows] == (ids[::-1] if descending else ids)


@pytest.mark.parametrize(
    ("kind", "field", "key"),
    [(ListCustomersRequest, "customers", "customer_id"), (ListInventoryRequest, "items", "product_id")],
)
async def test_pages_by_id(shop: Shop, kind: Any, field: str, key: str) -> None:
    """{kind.DESCRIPTOR.name}: in the order of the bytes of the ids, each once."""
    expected = (
        {await shop.product() for _ in range(3)} if field == "items" else {fresh("c") for _ in range(3)}
    )
    if field == "customers":
        for customer in expected:
            await shop.order(customer_id=customer)
    listed = [getattr(row, key) for page in await pages(shop, kind(), field, 1_000) for row in page]
    assert listed == sorted(set(listed), key=str.encode)
    assert expected <= set(listed)


async def test_page_size(shop: Shop) -> None:
    """A page has 50 rows if not said, and never more than 1,000."""
    for size, given in ((0, 50), (51, 51), (5_000, None)):
        listed = (await now(shop, ListCustomersRequest(page_size=size))).customers
        assert len(listed) <= (given or 1_000)
    customer, _ = await customer_with(shop, "ListCurrentOrders", 51)
    assert len((await now(shop, ListCurrentOrdersRequest(customer_id=customer))).orders) == 50


async def test_present_throughout(shop: Shop) -> None:
    """A row that is present throughout appears exactly once, whatever comes and goes between the pages."""
    customer, ids = await customer_with(shop, "ListCurrentOrders", 6)
    request, seen = ListCurrentOrdersRequest(customer_id=customer, page_size=1), []
    for number in range(20):
        page = await now(shop, request)
        seen += [order.order_id for order in page.orders]
        if number % 2 == 0 and number < 6:
            await shop.send(CancelOrder(order_id=ids[number], reason="between the pages"))
            await shop.order(customer_id=customer)
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert len(seen) == len(set(seen))
    assert [order_id for order_id in seen if order_id in ids[1::2]] == ids[1::2]


async def test_foreign_tokens(shop: Shop) -> None:
    """A token of another request, or none at all, is INVALID_ARGUMENT (PAGE_TOKEN_INVALID)."""
    customer, _ = await customer_with(shop, "ListCurrentOrders", 2)
    page = await now(shop, ListCurrentOrdersRequest(customer_id=customer, page_size=1))
    token = page.next_page_token
    wrong: Sequence[Any] = [
        ListCurrentOrdersRequest(page_token=token),
        ListCurrentOrdersRequest(customer_id=customer, page_token=token, descending=True),
        ListCurrentOrdersRequest(customer_id=customer, page_token=token, status=ORDER_STATUS_SUBMITTED),
        GetCustomerOrdersRequest(customer_id=customer, page_token=token),
        ListInventoryRequest(page_token=token),
        ListCurrentOrdersRequest(customer_id=customer, page_token=token[:-1]),
        ListCurrentOrdersRequest(customer_id=customer, page_token="garbage"),
    ]
    for request in wrong:
        refusal = await refused(shop.ask(request))
        assert (refusal.code, refusal.reason) == (StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


# Each question


async def test_get_order(shop: Shop) -> None:
    """GetOrder gives the order with its lines; NOT_FOUND (ORDER_NOT_FOUND) if there is none."""
    order_id = await shop.order("PAID", lines=[line("tea"), line("milk")])
    order = (await now(shop, GetOrderRequest(order_id=order_id))).order
    assert [one.product_id for one in order.lines] == ["tea", "milk"]
    assert (order.payment_id, order.paid) == ("p-1", money(12))
    assert (await refused(now(shop, GetOrderRequest(order_id=fresh("o"))))).reason == "ORDER_NOT_FOUND"


@pytest.mark.parametrize("status", STATUSES)
async def test_current_orders(shop: Shop, status: str) -> None:
    """ListCurrentOrders has orders neither shipped nor cancelled: one that is {status} accordingly."""
    customer, number = fresh("c"), STATUSES.index(status) + 1
    order_id = await shop.order(status, customer_id=customer, customer_name="Ada")
    request = ListCurrentOrdersRequest(customer_id=customer)
    listed = (await now(shop, request)).orders
    if status in ("SHIPPED", "CANCELLED"):
        assert not listed
        return
    [order] = listed
    assert (order.order_id, order.customer_id, order.customer_name) == (order_id, customer, "Ada")
    assert (order.item_count, order.line_count, order.total, order.status) == (2, 1, money(6), number)
    assert order.created_time.ToNanoseconds() <= order.changed_time.ToNanoseconds()
    for other in range(1, 5):
        filtered = ListCurrentOrdersRequest(customer_id=customer, status=other)  # type: ignore[arg-type]
        assert len((await now(shop, filtered)).orders) == (other == number)


async def test_order_history(shop: Shop) -> None:
    """GetOrderHistory gives date, version and content of every event of one order, in pages."""
    order_id = await shop.order("SHIPPED")
    found = [
        entry.event
        for page in await pages(shop, GetOrderHistoryRequest(order_id=order_id), "entries", 2)
        for entry in page
    ]
    assert found == await shop.events(f"order-{order_id}")
    assert names(found)[-1] == "OrderShipped"


async def test_finished_orders(shop: Shop) -> None:
    """ListOrderHistory has finished orders, by outcome, customer and date."""
    customer = fresh("c")
    shipped = await shop.order("SHIPPED", customer_id=customer)
    cancelled = await shop.order("CANCELLED", customer_id=customer)
    await shop.order("PAID", customer_id=customer)

    async def listed(**filters: Any) -> list[str]:
        request = ListOrderHistoryRequest(customer_id=customer, **filters)
        return [order.order_id for order in (await now(shop, request)).orders]

    first = (await now(shop, ListOrderHistoryRequest(customer_id=customer))).orders[0].finished_time
    assert await listed() == [shipped, cancelled]
    assert await listed(outcome=ORDER_STATUS_SHIPPED) == [shipped]
    assert await listed(outcome=ORDER_STATUS_CANCELLED) == [cancelled]
    assert await listed(finished_from=first) == [shipped, cancelled]
    assert await listed(finished_before=first) == []


async def test_customer_orders(shop: Shop) -> None:
    """GetCustomerOrders has counts, exact sums by currency, the last order, and the customer's orders."""
    customer = fresh("c")
    orders = [await shop.order(status, customer_id=customer) for status in STATUSES]
    euros = [line("tea", 1, money(5, currency="EUR"))]
    orders.append(await shop.order("SUBMITTED", euros, customer_id=customer, currency_code="EUR"))
    answer = await now(shop, GetCustomerOrdersRequest(customer_id=customer))
    found = answer.customer
    assert [order.order_id for order in answer.orders] == orders
    assert (found.order_count, found.active_count, found.completed_count, found.cancelled_count) == (
        7,
        5,
        1,
        1,
    )
    assert {one.currency_code: one.units for one in found.ordered} == {"GBP": 24, "EUR": 5}
    assert [(one.currency_code, one.units) for one in found.spent] == [("GBP", 12)]
    assert found.last_order_id == orders[-1]


async def test_refunds(shop: Shop) -> None:
    """`spent` is what was paid less what is to be paid back."""
    customer = fresh("c")
    order_id = await shop.order("PAID", customer_id=customer)
    await shop.send(CancelOrder(order_id=order_id, reason="lost"))
    found = (await now(shop, GetCustomerOrdersRequest(customer_id=customer))).customer
    assert not sum(one.units for one in found.spent)
    assert not sum(one.units for one in found.ordered)


async def test_unknown_customer(shop: Shop) -> None:
    """A customer who never had an order is NOT_FOUND (CUSTOMER_NOT_FOUND)."""
    refusal = await refused(now(shop, GetCustomerOrdersRequest(customer_id=fresh("c"))))
    assert (refusal.code, refusal.reason) == (StatusCode.NOT_FOUND, "CUSTOMER_NOT_FOUND")


async def test_inventory(shop: Shop) -> None:
    """GetInventory has name, stock, and units and exact value of demand and dispatch."""
    product = await shop.product(10)
    price = money(0, 333_333_333)
    wanted = [line(product, 3, price)]
    await shop.order("SUBMITTED", wanted)
    await shop.order("DRAFT", wanted)
    cancelled = await shop.order("SUBMITTED", wanted)
    await shop.send(CancelOrder(order_id=cancelled, reason="lost"))
    shipped = await shop.order("SHIPPED", wanted)
    await shop.send(ReserveStock(order_id=shipped, lines=[ReservationLine(product_id=product, quantity=3)]))
    await shop.send(DispatchStock(order_id=shipped, product_ids=[product]))
    item = (await now(shop, GetInventoryRequest(product_id=product))).item
    assert (item.name, item.on_hand, item.reserved, item.available) == ("Tea", 7, 0, 7)
    assert (item.demanded_units, list(item.demanded_value)) == (6, [money(1, 999_999_998)])
    assert (item.dispatched_units, list(item.dispatched_value)) == (3, [money(0, 999_999_999)])


async def test_unknown_product(shop: Shop) -> None:
    """A product that nobody received or ordered is NOT_FOUND (PRODUCT_NOT_FOUND)."""
    for query in (GetInventoryRequest(product_id=fresh("p")), GetStockRequest(product_id=fresh("p"))):
        refusal = await refused(now(shop, query))
        assert (refusal.code, refusal.reason) == (StatusCode.NOT_FOUND, "PRODUCT_NOT_FOUND")


async def test_demand_without_stock(shop: Shop) -> None:
    """A product that was only ordered has demand and no stock."""
    product = fresh("p")
    await shop.order("SUBMITTED", [line(product, 4, product_name="Tea")])
    item = (await now(shop, GetInventoryRequest(product_id=product))).item
    assert (item.name, item.on_hand, item.demanded_units) == ("Tea", 0, 4)


async def test_changes_are_seen(shop: Shop) -> None:
    """What changes a listed order changes what is listed, and not where."""
    customer, ids = await customer_with(shop, "GetCustomerOrders", 2)
    draft = await shop.order(customer_id=customer)
    await shop.send(AddItem(order_id=draft, line=line("milk", 5)))
    await shop.send(SubmitOrder(order_id=draft))
    listed = (await now(shop, ListCurrentOrdersRequest(customer_id=customer))).orders
    assert [order.order_id for order in listed] == [*ids, draft]
    assert (listed[-1].item_count, listed[-1].total) == (7, money(21))


# Past states


async def test_get_order_as_of_a_version(shop: Shop) -> None:
    """GetOrder as of a version is what it was then: version, status, lines and total."""
    created = await shop.send(
        CreateOrder(customer_id=fresh("c"), currency_code="GBP", lines=[line("tea", 2)])
    )
    order_id = created.order.order_id
    added = await shop.send(AddItem(order_id=order_id, line=line("milk", 5)))
    await shop.send(SubmitOrder(order_id=order_id))
    for then in (created.order, added.order):
        answer = await shop.ask(GetOrderRequest(order_id=order_id, as_of=AsOf(version=then.version)))
        assert answer.order == then


async def test_get_order_as_of_a_position(shop: Shop) -> None:
    """GetOrder as of a position is what it was when the log ended there, whatever happened since."""
    order_id = await shop.order()
    submitted = await shop.send(SubmitOrder(order_id=order_id))
    await shop.send(CancelOrder(order_id=order_id, reason="late"))
    position = submitted.result.position
    answer = await shop.ask(GetOrderRequest(order_id=order_id, as_of=AsOf(position=position)))
    assert answer.order == submitted.order
    assert answer.freshness.head > position


async def test_get_order_as_of_a_time(shop: Shop) -> None:
    """GetOrder as of a time is what it was after the last event recorded at or before it."""
    order_id = await shop.order()
    submitted = await shop.send(SubmitOrder(order_id=order_id))
    await shop.send(CancelOrder(order_id=order_id, reason="late"))
    [event] = submitted.result.events
    answer = await shop.ask(GetOrderRequest(order_id=order_id, as_of=AsOf(time=event.recorded_time)))
    assert answer.order == submitted.order


async def test_get_stock_as_of(shop: Shop) -> None:
    """GetStock as of a version or a position is what it was then."""
    product = await shop.product(10)
    then = await shop.send(AdjustStock(product_id=product, delta=-3, reason="counted"))
    await shop.send(ReceiveStock(product_id=product, quantity=5))
    for as_of in (AsOf(version=then.result.version), AsOf(position=then.result.position)):
        answer = await shop.ask(GetStockRequest(product_id=product, as_of=as_of))
        assert answer.stock.on_hand == 7


PAST = {"GetOrder": "ORDER_NOT_FOUND", "GetStock": "PRODUCT_NOT_FOUND"}


async def asked_as_of(shop: Shop, query: str, as_of: AsOf) -> Refusal:
    """What is told of the past of something that exists."""
    if query == "GetOrder":
        return await refused(shop.ask(GetOrderRequest(order_id=await shop.order(), as_of=as_of)))
    return await refused(shop.ask(GetStockRequest(product_id=await shop.product(), as_of=as_of)))


@pytest.mark.parametrize("query", PAST)
async def test_as_of_before_it_existed(shop: Shop, query: str) -> None:
    """{query} as of a time, a position or a version before it existed: NOT_FOUND."""
    for as_of in (AsOf(version=0), AsOf(position=0), AsOf(time=Timestamp(seconds=1))):
        refusal = await asked_as_of(shop, query, as_of)
        assert (refusal.code, refusal.reason) == (StatusCode.NOT_FOUND, PAST[query])


@pytest.mark.parametrize("query", PAST)
async def test_as_of_past_the_end(shop: Shop, query: str) -> None:
    """{query} as of a version, a position or a time past the end: OUT_OF_RANGE."""
    ends = {
        "VERSION_BEYOND_END": AsOf(version=10**6),
        "POSITION_BEYOND_HEAD": AsOf(position=2**63),
        "TIME_NOT_OVER": AsOf(time=Timestamp(seconds=253_402_300_799)),
    }
    for reason, as_of in ends.items():
        refusal = await asked_as_of(shop, query, as_of)
        assert (refusal.code, refusal.reason) == (StatusCode.OUT_OF_RANGE, reason)


@pytest.mark.parametrize("query", PAST)
async def test_as_of_nothing(shop: Shop, query: str) -> None:
    """{query} as of nothing in particular: INVALID_ARGUMENT, and the field is named."""
    refusal = await asked_as_of(shop, query, AsOf())
    assert (refusal.code, refusal.violations) == (StatusCode.INVALID_ARGUMENT, [("as_of.at", "required")])
