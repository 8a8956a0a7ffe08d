"""Messages and their rules"""

from typing import Any

import pytest
from grpc import StatusCode
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from foldlog.inventory.v1.commands_pb2 import AdjustStock, ReceiveStock, ReservationLine, ReserveStock
from foldlog.inventory.v1.queries_pb2 import GetStockRequest
from foldlog.orders.v1.commands_pb2 import AddItem, CancelOrder, CreateOrder, SubmitOrder
from foldlog.orders.v1.queries_pb2 import GetOrderRequest
from foldlog.orders.v1.types_pb2 import OrderLine
from tests.conformance.shop import Shop, fresh, line, money
from tests.support.wire import METHODS, SERVICES, refused

LONGEST_ID = 64


def id_of(length: int) -> str:
    return fresh("i").ljust(length, "-")


async def is_served(shop: Shop, customer_id: str) -> None:
    created = await shop.send(CreateOrder(customer_id=customer_id, currency_code="GBP"))
    assert created.order.customer_id == customer_id


async def broken_rule(shop: Shop, command: Any, field: str) -> str:
    """The rule of the one field that is refused."""
    refusal = await refused(shop.send(command))
    assert (refusal.code, refusal.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS")
    [(subject, rule)] = refusal.violations
    assert subject == f"command.{field}"
    return rule


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection(shop: Shop, version: str) -> None:
    """Reflection {version} names every service of the contract, and finds all that it names, and their methods."""
    describe: Any = shop.channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=ServerReflectionResponse.FromString,
    )
    [response] = [one async for one in describe(iter([ServerReflectionRequest(list_services="")]))]
    named = {service.name for service in response.list_services_response.service}
    assert {service.full_name for service in SERVICES} <= named
    symbols = [*named, *(method.full_name for service in SERVICES for method in service.methods)]
    requests = [ServerReflectionRequest(file_containing_symbol=symbol) for symbol in symbols]
    found = [one async for one in describe(iter(requests))]
    assert [one.original_request.file_containing_symbol for one in found] == symbols
    assert [one.error_response for one in found if not one.HasField("file_descriptor_response")] == []


async def test_health(shop: Shop) -> None:
    """grpc.health.v1 says that the server serves, as a whole and each service of the contract."""
    check: Any = shop.channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=HealthCheckRequest.SerializeToString,
        response_deserializer=HealthCheckResponse.FromString,
    )
    for service in ["", *(service.full_name for service in SERVICES)]:
        assert (await check(HealthCheckRequest(service=service))).status == HealthCheckResponse.SERVING


@pytest.mark.parametrize(
    "kind", ["of 1 byte", "of 64 bytes", "with inner blanks", "in any script", "with dashes"]
)
async def test_ids(shop: Shop, kind: str) -> None:
    """There are ids {kind}."""
    await is_served(
        shop,
        {
            "of 1 byte": "c",
            "of 64 bytes": id_of(LONGEST_ID),
            "with inner blanks": f"{fresh('c')} and Sons",
            "in any script": f"ż雪🜚{fresh()}",
            "with dashes": f"--{fresh()}-",
        }[kind],
    )


@pytest.mark.parametrize(
    "kind",
    ["of 65 bytes", "with a blank at its beginning", "with a blank at its end", "with a control character"],
)
async def test_no_ids(shop: Shop, kind: str) -> None:
    """There are no ids {kind}: INVALID_ARGUMENT."""
    wrong = {
        "of 65 bytes": "ż" * 32 + "c",
        "with a blank at its beginning": " c",
        "with a blank at its end": "c ",
        "with a control character": "c\u0085c",
    }[kind]
    await broken_rule(shop, CreateOrder(customer_id=wrong, currency_code="GBP"), "customer_id")


UNCLEAR = {
    "of an invisible character alone": "\u200b",
    "with an invisible character": "te\u200ba",
    "with a joiner that joins nothing": "tea\u200d",
    "with a bidirectional override": "te\u202ea",
    "with a line separator": "te\u2028a",
    "with a noncharacter": "te\uffffa",
    "with a blank that is none of the space bar's": "te\u00a0a",
    "not in Unicode's normalization form C": "te\u0301a",
}


@pytest.mark.parametrize("kind", UNCLEAR)
async def test_no_new_ids(shop: Shop, kind: str) -> None:
    """Nothing new is named by an id {kind}: INVALID_ARGUMENT, and it leaves no trace."""
    id = UNCLEAR[kind]
    customer_id, order_id = fresh("c"), await shop.order()
    begun: Any = {"customer_id": customer_id, "currency_code": "GBP"}
    for command, field in (
        (CreateOrder(order_id=id, **begun), "order_id"),
        (CreateOrder(customer_id=id, currency_code="GBP"), "customer_id"),
        (CreateOrder(lines=[line("tea", line_id=id)], **begun), "lines[0].line_id"),
        (CreateOrder(lines=[line("tea"), line(id)], **begun), "lines[1].product_id"),
        (AddItem(order_id=order_id, line=line(id)), "line.product_id"),
        (AddItem(order_id=order_id, line=line("milk", line_id=id)), "line.line_id"),
        (ReceiveStock(product_id=id, quantity=1), "product_id"),
    ):
        await broken_rule(shop, command, field)
    for stream, version in ((f"order-{id}", 0), (f"stock-{id}", 0), (f"order-{order_id}", 2)):
        if version:
            assert len(await shop.events(stream)) == version
        else:
            assert (await refused(shop.events(stream))).reason == "STREAM_NOT_FOUND"


async def test_any_id_asks(shop: Shop) -> None:
    """What is not new is asked for, and acted upon, by any id: it is there or not."""
    for id in UNCLEAR.values():
        assert (await refused(shop.ask(GetOrderRequest(order_id=id)))).reason == "ORDER_NOT_FOUND"
        assert (await refused(shop.send(SubmitOrder(order_id=id)))).reason == "ORDER_NOT_FOUND"
        product_id = await shop.product(quantity=1)
        wanted = ReservationLine(product_id=product_id, quantity=1)
        assert (await shop.send(ReserveStock(order_id=id, lines=[wanted]))).result.version == 2


async def test_emoji(shop: Shop) -> None:
    """Where a script or an emoji needs joiners and variation selectors, they are in new ids, too."""
    for id in ("🏳️‍🌈", "👩‍👩‍👧‍👦", "می\u200cخواهم"):
        await is_served(shop, f"{id}{fresh()}")


async def test_case(shop: Shop) -> None:
    """Ids are case-sensitive."""
    order_id = fresh("Order")
    await shop.send(CreateOrder(order_id=order_id, customer_id="c", currency_code="GBP"))
    other = await shop.send(CreateOrder(order_id=order_id.lower(), customer_id="c", currency_code="GBP"))
    assert other.result.version == 1


async def test_names(shop: Shop) -> None:
    """A name has up to 200 bytes, and may be empty."""
    for name in ("", "ż" * 100):
        created = await shop.send(CreateOrder(customer_id="c", customer_name=name, currency_code="GBP"))
        assert created.order.customer_name == name
    too_long = CreateOrder(customer_id="c", customer_name="ż" * 100 + "c", currency_code="GBP")
    await broken_rule(shop, too_long, "customer_name")


async def test_reasons(shop: Shop) -> None:
    """A reason has 1 to 500 bytes."""
    for reason in ("r", "r" * 500):
        await shop.send(CancelOrder(order_id=await shop.order(), reason=reason))
    order_id = await shop.order()
    await broken_rule(shop, CancelOrder(order_id=order_id), "reason")
    await broken_rule(shop, CancelOrder(order_id=order_id, reason="r" * 501), "reason")


async def test_quantities(shop: Shop) -> None:
    """A line's quantity is 1 to 1,000,000."""
    await shop.order(lines=[line("tea", 1), line("coffee", 1_000_000)])
    order_id = await shop.order()
    for quantity in (-1, 0, 1_000_001):
        await broken_rule(shop, AddItem(order_id=order_id, line=line("milk", quantity)), "line.quantity")


async def test_stock_quantities(shop: Shop) -> None:
    """Stock is up to 10¹²."""
    full = await shop.product(10**12)
    refusal = await refused(shop.send(ReceiveStock(product_id=full, quantity=1)))
    assert (refusal.code, refusal.reason) == (StatusCode.FAILED_PRECONDITION, "QUANTITY_TOO_LARGE")
    await broken_rule(shop, ReceiveStock(product_id=full, quantity=10**12 + 1), "quantity")
    await broken_rule(shop, AdjustStock(product_id=full, reason="counted"), "delta")


async def test_prices(shop: Shop) -> None:
    """A unit price is 0 to 10⁹ units."""
    await shop.order(lines=[line("gift", 1, money(0)), line("house", 1, money(10**9))])
    order_id = await shop.order()
    for wrong in (money(10**9, 1), money(0, -1)):
        await broken_rule(shop, AddItem(order_id=order_id, line=line("sun", 1, wrong)), "line.unit_price")


async def test_lines(shop: Shop) -> None:
    """An order has up to 2,000 lines."""
    lines = [line(f"p-{number}", 1) for number in range(2_000)]
    order_id = await shop.order(lines=lines)
    refusal = await refused(shop.send(AddItem(order_id=order_id, line=line("one too many"))))
    assert (refusal.code, refusal.reason) == (StatusCode.FAILED_PRECONDITION, "TOO_MANY_LINES")
    too_many = CreateOrder(customer_id="c", currency_code="GBP", lines=[*lines, line("one too many")])
    await broken_rule(shop, too_many, "lines")


async def test_currencies(shop: Shop) -> None:
    """A currency code is three capital letters."""
    await shop.send(CreateOrder(customer_id="c", currency_code="XYZ"))
    for wrong in ("gbp", "GB", "GBPP", "G1P"):
        await broken_rule(shop, CreateOrder(customer_id="c", currency_code=wrong), "currency_code")


async def test_money(shop: Shop) -> None:
    """Money is exact: three times 0.1 and a billionth is 0.300000003."""
    created = await shop.send(
        CreateOrder(customer_id="c", currency_code="GBP", lines=[line("dust", 3, money(0, 100_000_001))])
    )
    assert created.order.total == money(0, 300_000_003)


async def test_all_violations(shop: Shop) -> None:
    """All violations of a request come back at once, each with the path of its field."""
    wrong = [
        OrderLine(product_id="p", quantity=0, unit_price=money(1)),
        line(" ", 1, money(1, currency="gbp")),
    ]
    refusal = await refused(shop.send(CreateOrder(currency_code="pound", lines=wrong), request_id="1"))
    assert [subject for subject, _ in refusal.violations] == [
        "command.customer_id",
        "command.currency_code",
        "command.lines[0].quantity",
        "command.lines[1].product_id",
        "command.lines[1].unit_price.currency_code",
        "options.request_id",
    ]


async def test_no_trace(shop: Shop) -> None:
    """A request that breaks a rule leaves no trace."""
    order_id = fresh("o")
    await refused(shop.send(CreateOrder(order_id=order_id, currency_code="GBP")))
    assert (await refused(shop.events(f"order-{order_id}"))).reason == "STREAM_NOT_FOUND"


async def test_undecodable(shop: Shop) -> None:
    """Bytes that are no message of the request's type are refused as such, by every method of one request."""
    for method in METHODS.values():
        if method.client_streaming:
            continue
        call = shop.call(method, b"\xff\xff\xff")
        refusal = await refused(anext(aiter(call)) if method.server_streaming else call)
        if refusal.code is not StatusCode.UNIMPLEMENTED:
            assert (refusal.code, refusal.reason) == (StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")


async def test_unknown_fields(shop: Shop) -> None:
    """Fields that the server does not know, from a newer client, are passed over."""
    product = await shop.product(quantity=3)
    request = GetStockRequest(product_id=product).SerializeToString() + b"\xfa\x7f\x03new"
    answer = await shop.call(METHODS["GetStock@foldlog.inventory.v1"], request)
    assert answer.stock.on_hand == 3
