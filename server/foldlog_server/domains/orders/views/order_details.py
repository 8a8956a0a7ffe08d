"""Every order in its latest state with its lines: exactly the messages that the decider renders."""

from collections.abc import Iterable
from typing import TypeAlias, assert_never

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
from foldlog.orders.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_DRAFT,
    ORDER_STATUS_PAID,
    ORDER_STATUS_RESERVED,
    ORDER_STATUS_SHIPPED,
    ORDER_STATUS_SUBMITTED,
    Order,
)
from foldlog_server.domain.money import NANOS, to_nanos
from foldlog_server.domain.view import Key, View, existing
from foldlog_server.log.events import RecordedEvent

_ORDERS = "order-details"

LineEvent: TypeAlias = ItemAdded | ItemQuantityChanged | ItemRemoved
StatusEvent: TypeAlias = OrderSubmitted | OrderReserved | PaymentReceived | OrderShipped | OrderCancelled
Payload: TypeAlias = OrderCreated | LineEvent | StatusEvent


def keys(recorded: RecordedEvent[Payload]) -> Iterable[Key]:
    """The order."""
    return (Key(_ORDERS, recorded.id),)


def evolve(key: Key, document: Order | None, recorded: RecordedEvent[Payload]) -> Order:
    """The order after the event, with the event's version."""
    match recorded.payload:
        case OrderCreated() as created:
            order = _draft(key.id, created)
        case ItemAdded() | ItemQuantityChanged() | ItemRemoved() as changed:
            order = existing(document)
            _change_lines(order, changed)
        case advanced:
            order = existing(document)
            _advance(order, advanced)
    order.version = recorded.version
    return order


def _draft(order_id: str, created: OrderCreated) -> Order:
    order = Order()
    order.order_id = order_id
    order.customer_id = created.customer_id
    order.customer_name = created.customer_name
    order.currency_code = order.total.currency_code = created.currency_code
    order.status = ORDER_STATUS_DRAFT
    return order


def _change_lines(order: Order, payload: LineEvent) -> None:
    match payload:
        case ItemAdded(line=line):
            order.lines.append(line)
            _add_to_total(order, line.quantity * to_nanos(line.unit_price))
        case ItemQuantityChanged() as changed:
            order.lines[_index(order, changed.line_id)].quantity = changed.quantity
            more = changed.quantity - changed.former_quantity
            _add_to_total(order, more * to_nanos(changed.unit_price))
        case ItemRemoved() as removed:
            del order.lines[_index(order, removed.line_id)]
            _add_to_total(order, -removed.former_quantity * to_nanos(removed.unit_price))
        case _:
            assert_never(payload)


def _index(order: Order, line_id: str) -> int:
    return next(index for index, line in enumerate(order.lines) if line.line_id == line_id)


def _add_to_total(order: Order, nanos: int) -> None:
    total = order.total
    total.units, total.nanos = divmod(to_nanos(total) + nanos, NANOS)  # never negative


def _advance(order: Order, payload: StatusEvent) -> None:
    match payload:
        case OrderSubmitted() as submitted:
            order.status = ORDER_STATUS_SUBMITTED
            order.amount_due.CopyFrom(submitted.amount_due)
        case OrderReserved() as reserved:
            order.status = ORDER_STATUS_RESERVED
            order.reservation_id = reserved.reservation_id
        case PaymentReceived() as received:
            order.status = ORDER_STATUS_PAID
            order.payment_id = received.payment_id
            order.paid.CopyFrom(received.amount)
        case OrderShipped() as shipped:
            order.status = ORDER_STATUS_SHIPPED
            order.shipment_id = shipped.shipment_id
            order.carrier = shipped.carrier
            order.tracking_number = shipped.tracking_number
        case OrderCancelled() as cancelled:
            order.status = ORDER_STATUS_CANCELLED
            order.cancel_reason = cancelled.reason
        case _:
            assert_never(payload)


ORDER_DETAILS = View(
    name="order-details",
    collections={_ORDERS: Order},
    keys=keys,
    evolve=evolve,
)
