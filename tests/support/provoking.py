"""A call for each entry of the error catalogues, and what the client is then told: all of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from foldlog.inventory.v1.commands_pb2 import (
    AdjustStock,
    DispatchStock,
    ReceiveStock,
    ReservationLine,
    ReserveStock,
)
from foldlog.orders.v1.commands_pb2 import (
    AddItem,
    CancelOrder,
    ConfirmReservation,
    CreateOrder,
    RecordPayment,
    RemoveItem,
    ShipOrder,
    SubmitOrder,
)
from foldlog.orders.v1.queries_pb2 import GetCustomerOrdersRequest
from foldlog.orders.v1.types_pb2 import OrderLine
from tests.support.order_stories import line, money
from tests.support.server import Server
from tests.support.wire import METHODS, Refusal, refused, refused_stream

ORDERS, INVENTORY = "foldlog.orders.v1", "foldlog.inventory.v1"


@dataclass(frozen=True, slots=True)
class Told:
    """What a refusal says beside its reason."""

    metadata: dict[str, str] = field(default_factory=dict)
    resource: tuple[str, str] | None = None
    violations: Sequence[tuple[str, str]] = ()
    retry_after: float | None = None

    @classmethod
    def of(cls, refusal: Refusal) -> "Told":
        return cls(refusal.metadata, refusal.resource, refusal.violations, refusal.retry_after)


Provoke = Callable[[Server], Awaitable[Refusal]]


async def refusal(server: Server, call: Message, **options: Any) -> Refusal:
    """What a command or another request is refused with."""
    name = call.DESCRIPTOR.name
    if not name.endswith("Request"):
        return await refused(server.send(call, **options))
    method = METHODS[name.removesuffix("Request") + "@" + call.DESCRIPTOR.file.package]
    asked = server.ask(call)
    return await (refused_stream(asked) if method.server_streaming else refused(asked))


def after(*given: Message, when: Message) -> Provoke:
    """A call that is refused because of what was done before."""

    async def provoke(server: Server) -> Refusal:
        for command in given:
            await server.send(command)
        return await refusal(server, when)

    return provoke


def create(*lines: OrderLine) -> CreateOrder:
    return CreateOrder(order_id="o", customer_id="ada", currency_code="GBP", lines=lines)


def reserve(quantity: int, product_id: str = "tea") -> ReserveStock:
    return ReserveStock(order_id="o", lines=[ReservationLine(product_id=product_id, quantity=quantity)])


TEA = line("tea", 2, money("3.50"))
SUBMITTED = [create(TEA), SubmitOrder(order_id="o")]
RESERVED = [*SUBMITTED, ConfirmReservation(order_id="o", reservation_id="r")]
PAID = [*RESERVED, RecordPayment(order_id="o", payment_id="p", amount=money("7"))]
SHIPPED = [*PAID, ShipOrder(order_id="o", shipment_id="s", carrier="c", tracking_number="t")]
FULL = create(*(line(f"{n}", 1, money("1")) for n in range(2_000)))
STOCK = ReceiveStock(product_id="tea", quantity=5)
OF_ORDER, OF_LINE, OF_TEA = {"order_id": "o"}, {"line_id": "tea", "order_id": "o"}, {"product_id": "tea"}

BY_RULES: dict[tuple[str, str], tuple[Provoke, Told]] = {
    (ORDERS, "ORDER_NOT_FOUND"): (
        after(when=SubmitOrder(order_id="o")),
        Told(OF_ORDER, ("order", "o")),
    ),
    (ORDERS, "ORDER_EXISTS"): (
        after(create(), when=create()),
        Told({**OF_ORDER, "status": "DRAFT"}, ("order", "o")),
    ),
    (ORDERS, "WRONG_STATUS"): (
        after(*SHIPPED, when=CancelOrder(order_id="o", reason="too late")),
        Told({**OF_ORDER, "status": "SHIPPED"}, violations=[("o", "WRONG_STATUS")]),
    ),
    (ORDERS, "LINE_NOT_FOUND"): (
        after(create(), when=RemoveItem(order_id="o", line_id="tea")),
        Told(OF_LINE, ("line", "tea")),
    ),
    (ORDERS, "LINE_DIFFERS"): (
        after(create(TEA), when=AddItem(order_id="o", line=line("tea", 1, money("4")))),
        Told({**OF_LINE, "product_id": "tea", "unit_price": "3.5"}, violations=[("tea", "LINE_DIFFERS")]),
    ),
    (ORDERS, "ORDER_EMPTY"): (
        after(create(), when=SubmitOrder(order_id="o")),
        Told(OF_ORDER, violations=[("o", "ORDER_EMPTY")]),
    ),
    (ORDERS, "AMOUNT_MISMATCH"): (
        after(*RESERVED, when=RecordPayment(order_id="o", payment_id="p", amount=money("6"))),
        Told(
            {**OF_ORDER, "amount_due": "7", "amount": "6", "currency_code": "GBP"},
            violations=[("o", "AMOUNT_MISMATCH")],
        ),
    ),
    (ORDERS, "ALREADY_PAID"): (
        after(*PAID, when=RecordPayment(order_id="o", payment_id="q", amount=money("7"))),
        Told({**OF_ORDER, "payment_id": "p"}, violations=[("o", "ALREADY_PAID")]),
    ),
    (ORDERS, "ALREADY_SHIPPED"): (
        after(*SHIPPED, when=ShipOrder(order_id="o", shipment_id="z", carrier="c", tracking_number="t")),
        Told({**OF_ORDER, "shipment_id": "s"}, violations=[("o", "ALREADY_SHIPPED")]),
    ),
    (ORDERS, "TOO_MANY_LINES"): (
        after(FULL, when=AddItem(order_id="o", line=TEA)),
        Told({**OF_LINE, "limit": "2000"}, violations=[("tea", "TOO_MANY_LINES")]),
    ),
    (ORDERS, "CURRENCY_MISMATCH"): (
        after(create(), when=AddItem(order_id="o", line=line("tea", 1, money("1", "EUR")))),
        Told(
            {**OF_LINE, "currency_code": "GBP", "found_currency_code": "EUR"},
            violations=[("tea", "CURRENCY_MISMATCH")],
        ),
    ),
    (ORDERS, "QUANTITY_TOO_LARGE"): (
        after(create(TEA), when=AddItem(order_id="o", line=line("tea", 1_000_000, money("3.50")))),
        Told(
            {**OF_LINE, "quantity": "1000002", "limit": "1000000"},
            violations=[("tea", "QUANTITY_TOO_LARGE")],
        ),
    ),
    (ORDERS, "TOTAL_TOO_LARGE"): (
        after(create(), when=AddItem(order_id="o", line=line("tea", 1_001, money("1000000000")))),
        Told(
            {**OF_LINE, "total": "1001000000000", "limit": "1000000000000", "currency_code": "GBP"},
            violations=[("tea", "TOTAL_TOO_LARGE")],
        ),
    ),
    (ORDERS, "CUSTOMER_NOT_FOUND"): (
        after(when=GetCustomerOrdersRequest(customer_id="ada")),
        Told({"customer_id": "ada"}, ("customer", "ada")),
    ),
    (INVENTORY, "PRODUCT_NOT_FOUND"): (
        after(when=AdjustStock(product_id="tea", delta=1, reason="counted")),
        Told(OF_TEA, ("product", "tea")),
    ),
    (INVENTORY, "INSUFFICIENT_STOCK"): (
        after(STOCK, when=reserve(6)),
        Told(
            {**OF_TEA, **OF_ORDER, "requested": "6", "available": "5"},
            violations=[("tea", "INSUFFICIENT_STOCK")],
        ),
    ),
    (INVENTORY, "RESERVATION_DIFFERS"): (
        after(STOCK, reserve(2), when=reserve(3)),
        Told(
            {**OF_TEA, **OF_ORDER, "requested": "3", "reserved": "2"},
            violations=[("tea", "RESERVATION_DIFFERS")],
        ),
    ),
    (INVENTORY, "NO_RESERVATION"): (
        after(STOCK, when=DispatchStock(order_id="o", product_ids=["tea"])),
        Told({**OF_TEA, **OF_ORDER}, violations=[("tea", "NO_RESERVATION")]),
    ),
    (INVENTORY, "BELOW_RESERVED"): (
        after(STOCK, reserve(2), when=AdjustStock(product_id="tea", delta=-4, reason="broken")),
        Told(
            {**OF_TEA, "delta": "-4", "on_hand": "5", "reserved": "2"},
            violations=[("tea", "BELOW_RESERVED")],
        ),
    ),
    (INVENTORY, "QUANTITY_TOO_LARGE"): (
        after(STOCK, when=ReceiveStock(product_id="tea", quantity=10**12)),
        Told(
            {**OF_TEA, "on_hand": "5", "requested": str(10**12), "limit": str(10**12)},
            violations=[("tea", "QUANTITY_TOO_LARGE")],
        ),
    ),
}
"""Refusals by the rules of the domains."""
