"""Every order that was shipped or cancelled, as it ended."""

from collections.abc import Iterable
from typing import TypeAlias, assert_never

from foldlog.orders.v1.events_pb2 import OrderCancelled, OrderShipped
from foldlog.orders.v1.queries_pb2 import FinishedOrder
from foldlog.orders.v1.types_pb2 import ORDER_STATUS_CANCELLED, ORDER_STATUS_SHIPPED
from foldlog_server.domain.view import Key, View
from foldlog_server.log.events import RecordedEvent

_ORDERS = "order-history"

Payload: TypeAlias = OrderShipped | OrderCancelled


def keys(recorded: RecordedEvent[Payload]) -> Iterable[Key]:
    """The order."""
    return (Key(_ORDERS, recorded.id),)


def evolve(key: Key, document: FinishedOrder | None, recorded: RecordedEvent[Payload]) -> FinishedOrder:
    """The order as it ended; an order ends once, so there is no document before."""
    payload = recorded.payload
    order = FinishedOrder()
    order.order_id = key.id
    order.customer_id = payload.customer_id
    order.customer_name = payload.customer_name
    order.finished_time.CopyFrom(recorded.recorded_time)
    order.item_count = sum([line.quantity for line in payload.lines])
    order.line_count = len(payload.lines)
    order.total.CopyFrom(payload.total)
    _finish(order, payload)
    return order


def _finish(order: FinishedOrder, payload: Payload) -> None:
    match payload:
        case OrderShipped() as shipped:
            order.outcome = ORDER_STATUS_SHIPPED
            order.amount_due.CopyFrom(shipped.amount_due)
            order.paid.CopyFrom(shipped.amount_due)
            order.shipment_id = shipped.shipment_id
            order.carrier = shipped.carrier
            order.tracking_number = shipped.tracking_number
        case OrderCancelled() as cancelled:
            order.outcome = ORDER_STATUS_CANCELLED
            order.cancel_reason = cancelled.reason
            if cancelled.HasField("amount_due"):
                order.amount_due.CopyFrom(cancelled.amount_due)
            if cancelled.HasField("paid"):
                order.paid.CopyFrom(cancelled.paid)
        case _:
            assert_never(payload)


ORDER_HISTORY = View(
    name="order-history",
    collections={_ORDERS: FinishedOrder},
    keys=keys,
    evolve=evolve,
)
