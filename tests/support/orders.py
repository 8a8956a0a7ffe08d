"""Commands that lead an order through its life, and lists of what became of it, over a channel."""

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from foldlog.orders.v1.commands_pb2 import (
    CancelOrder,
    ConfirmReservation,
    CreateOrder,
    RecordPayment,
    ShipOrder,
    SubmitOrder,
)
from foldlog.orders.v1.types_pb2 import ORDER_STATUS_DRAFT
from tests.support.order_stories import money
from tests.support.wire import Wire


def create(
    order_id: str,
    *lines: Any,
    customer_id: str = "ada",
    customer_name: str = "",
    currency_code: str = "GBP",
) -> CreateOrder:
    return CreateOrder(
        order_id=order_id,
        customer_id=customer_id,
        customer_name=customer_name,
        currency_code=currency_code,
        lines=lines,
    )


def cancel(order_id: str) -> CancelOrder:
    return CancelOrder(order_id=order_id, reason="changed mind")


def way_to(status: int, order_id: str, amount: Any = None) -> Sequence[Message]:
    """The commands that bring a draft to a status; `amount` is what it costs, a pound if not given."""
    commands = [
        SubmitOrder(order_id=order_id),
        ConfirmReservation(order_id=order_id, reservation_id=f"r{order_id}"),
        RecordPayment(order_id=order_id, payment_id=f"p{order_id}", amount=amount or money("1")),
        ShipOrder(order_id=order_id, shipment_id=f"s{order_id}", carrier="Post", tracking_number="PP 42"),
    ]
    return commands[: status - ORDER_STATUS_DRAFT]


async def do(wire: Wire, *commands: Message) -> Any:
    """Have commands carried out one after the other; gives the reply to the last."""
    reply = None
    for command in commands:
        reply = await wire.send(command)
    return reply


async def listed(wire: Wire, request: Any, field: str, *, page_size: int = 1000) -> list[Any]:
    """All rows of a list, page by page, after everything that has happened before."""
    rows: list[Any] = []
    asked = type(request).FromString(request.SerializeToString())
    asked.page_size = page_size
    asked.options.min_position = (await wire.head()).position
    while True:
        page = await wire.ask(asked)
        rows += getattr(page, field)
        asked.page_token = page.next_page_token
        if not asked.page_token:
            return rows
