"""The state of an order, and how each event changes it.

An order is drafted, submitted, reserved, paid and shipped; until it is shipped it can be cancelled.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple, TypeAlias, assert_never

from foldlog.orders.v1.events_pb2 import (
    ItemAdded,
    ItemQuantityChanged,
    ItemRemoved,
    OrderCancelled,
    OrderCreated,
    OrderReserved,
    OrderShipped,
    OrderSubmitted,
    PaymentReceived,
)
from foldlog.orders.v1.types_pb2 import OrderLine, OrderStatus
from foldlog_server.domain.money import to_nanos

Event: TypeAlias = (
    OrderCreated
    | ItemAdded
    | ItemQuantityChanged
    | ItemRemoved
    | OrderSubmitted
    | OrderReserved
    | PaymentReceived
    | OrderShipped
    | OrderCancelled
)


class Status(Enum):
    """The status of an order, with the numbers of the contract's enum."""

    ABSENT = OrderStatus.ORDER_STATUS_UNSPECIFIED
    DRAFT = OrderStatus.ORDER_STATUS_DRAFT
    SUBMITTED = OrderStatus.ORDER_STATUS_SUBMITTED
    RESERVED = OrderStatus.ORDER_STATUS_RESERVED
    PAID = OrderStatus.ORDER_STATUS_PAID
    SHIPPED = OrderStatus.ORDER_STATUS_SHIPPED
    CANCELLED = OrderStatus.ORDER_STATUS_CANCELLED


class Line(NamedTuple):
    """One product at one price, in billionths of a unit of the order's currency."""

    product_id: str
    product_name: str
    quantity: int
    unit_price: int


class Order(NamedTuple):
    """The state of an order. Amounts are billionths of a unit of its currency."""

    status: Status = Status.ABSENT
    customer_id: str = ""
    customer_name: str = ""
    currency_code: str = ""
    lines: Mapping[str, Line] = MappingProxyType({})
    """By line id, in the order in which they were added. Replaced, never changed."""
    total: int = 0
    amount_due: int | None = None
    reservation_id: str = ""
    payment_id: str = ""
    paid: int | None = None
    shipment_id: str = ""
    carrier: str = ""
    tracking_number: str = ""
    cancel_reason: str = ""


def evolve(order: Order, event: Event) -> Order:
    """The order after an event."""
    match event:
        case OrderCreated():
            return Order(Status.DRAFT, event.customer_id, event.customer_name, event.currency_code)
        case ItemAdded():
            return with_line(order, event.line)
        case ItemQuantityChanged():
            return with_quantity(order, event.line_id, event.quantity)
        case ItemRemoved():
            return without_line(order, event.line_id)
        case OrderSubmitted():
            return order._replace(status=Status.SUBMITTED, amount_due=to_nanos(event.amount_due))
        case OrderReserved():
            return order._replace(status=Status.RESERVED, reservation_id=event.reservation_id)
        case PaymentReceived():
            return order._replace(
                status=Status.PAID,
                payment_id=event.payment_id,
                paid=to_nanos(event.amount),
            )
        case OrderShipped():
            return order._replace(
                status=Status.SHIPPED,
                shipment_id=event.shipment_id,
                carrier=event.carrier,
                tracking_number=event.tracking_number,
            )
        case OrderCancelled():
            return order._replace(status=Status.CANCELLED, cancel_reason=event.reason)
        case _:
            assert_never(event)


def with_line(order: Order, added: OrderLine) -> Order:
    line = Line(added.product_id, added.product_name, added.quantity, to_nanos(added.unit_price))
    return order._replace(
        lines={**order.lines, added.line_id: line},
        total=order.total + line.quantity * line.unit_price,
    )


def with_quantity(order: Order, line_id: str, quantity: int) -> Order:
    line = order.lines[line_id]
    return order._replace(
        lines={**order.lines, line_id: line._replace(quantity=quantity)},
        total=order.total + (quantity - line.quantity) * line.unit_price,
    )


def without_line(order: Order, line_id: str) -> Order:
    lines = dict(order.lines)
    line = lines.pop(line_id)
    return order._replace(lines=lines, total=order.total - line.quantity * line.unit_price)
