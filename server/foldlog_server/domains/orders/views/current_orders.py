"""Every order that is neither shipped nor cancelled, at a glance."""

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
from foldlog.orders.v1.queries_pb2 import CurrentOrder
from foldlog.orders.v1.types_pb2 import (
    ORDER_STATUS_DRAFT,
    ORDER_STATUS_PAID,
    ORDER_STATUS_RESERVED,
    ORDER_STATUS_SUBMITTED,
)
from foldlog_server.domain.money import NANOS, to_nanos
from foldlog_server.domain.view import Key, View, existing
from foldlog_server.log.events import RecordedEvent

_ORDERS = "current-orders"

Change: TypeAlias = (
    ItemAdded | ItemQuantityChanged | ItemRemoved | OrderSubmitted | OrderReserved | PaymentReceived
)
Payload: TypeAlias = OrderCreated | Change | OrderShipped | OrderCancelled


def keys(recorded: RecordedEvent[Payload]) -> Iterable[Key]:
    """The order."""
    return (Key(_ORDERS, recorded.id),)


def evolve(key: Key, document: CurrentOrder | None, recorded: RecordedEvent[Payload]) -> CurrentOrder | None:
    """The order after the event; nothing once it is shipped or cancelled."""
    match recorded.payload:
        case OrderCreated() as created:
            order = _draft(key.id, created, recorded)
        case OrderShipped() | OrderCancelled():
            return None
        case change:
            order = existing(document)
            _change(order, change)
    order.changed_time.CopyFrom(recorded.recorded_time)
    return order


def _draft(order_id: str, created: OrderCreated, recorded: RecordedEvent[Payload]) -> CurrentOrder:
    order = CurrentOrder()
    order.order_id = order_id
    order.customer_id = created.customer_id
    order.customer_name = created.customer_name
    order.total.currency_code = created.currency_code
    order.status = ORDER_STATUS_DRAFT
    order.created_time.CopyFrom(recorded.recorded_time)
    return order


def _change(order: CurrentOrder, payload: Change) -> None:
    match payload:
        case ItemAdded(line=line):
            order.line_count += 1
            _add_units(order, line.quantity, to_nanos(line.unit_price))
        case ItemQuantityChanged() as changed:
            more = changed.quantity - changed.former_quantity
            _add_units(order, more, to_nanos(changed.unit_price))
        case ItemRemoved() as removed:
            order.line_count -= 1
            _add_units(order, -removed.former_quantity, to_nanos(removed.unit_price))
        case OrderSubmitted():
            order.status = ORDER_STATUS_SUBMITTED
        case OrderReserved():
            order.status = ORDER_STATUS_RESERVED
        case PaymentReceived():
            order.status = ORDER_STATUS_PAID
        case _:
            assert_never(payload)


def _add_units(order: CurrentOrder, units: int, price: int) -> None:
    """`price` is of one unit, in billionths of the currency's unit; `units` may be negative."""
    order.item_count += units
    total = order.total
    total.units, total.nanos = divmod(to_nanos(total) + units * price, NANOS)  # never negative


CURRENT_ORDERS = View(
    name="current-orders",
    collections={_ORDERS: CurrentOrder},
    keys=keys,
    evolve=evolve,
)
