"""Every customer's sums and orders, in one view, so that they always agree."""

from collections.abc import Iterable
from typing import TypeAlias, assert_never

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer
from google.protobuf.timestamp_pb2 import Timestamp

from foldlog.orders.v1.events_pb2 import (
    OrderCancelled,
    OrderCreated,
    OrderReserved,
    OrderShipped,
    OrderSubmitted,
    PaymentReceived,
)
from foldlog.orders.v1.queries_pb2 import Customer, CustomerOrder
from foldlog.orders.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_DRAFT,
    ORDER_STATUS_PAID,
    ORDER_STATUS_RESERVED,
    ORDER_STATUS_SHIPPED,
    ORDER_STATUS_SUBMITTED,
)
from foldlog.v1.money_pb2 import Money
from foldlog_server.domain.money import add_to_sums, to_nanos
from foldlog_server.domain.view import DocumentMissing, Key, View
from foldlog_server.log.events import RecordedEvent

_CUSTOMERS = "customers"
_ORDERS = "customer-orders"

OrderChange: TypeAlias = OrderSubmitted | OrderReserved | PaymentReceived | OrderShipped | OrderCancelled
Payload: TypeAlias = OrderCreated | OrderChange


def keys(recorded: RecordedEvent[Payload]) -> Iterable[Key]:
    """The order and its customer; a reservation changes no sum."""
    order = Key(_ORDERS, recorded.id)
    if isinstance(recorded.payload, OrderReserved):
        return (order,)
    return (Key(_CUSTOMERS, recorded.payload.customer_id), order)


def evolve(
    key: Key, document: Customer | CustomerOrder | None, recorded: RecordedEvent[Payload]
) -> Customer | CustomerOrder:
    """The customer or the order after the event."""
    match document:
        case None:
            return _begin(key, recorded)
        case Customer():
            return _evolve_customer(document, recorded)
        case CustomerOrder():
            return _evolve_order(document, recorded.payload)


def _begin(key: Key, recorded: RecordedEvent[Payload]) -> Customer | CustomerOrder:
    """A document begins with an order's first event."""
    if not isinstance(recorded.payload, OrderCreated):
        raise DocumentMissing(key)
    if key.collection == _CUSTOMERS:
        return _evolve_customer(Customer(customer_id=key.id), recorded)
    return _draft(key.id, recorded.payload, recorded.recorded_time)


def _evolve_customer(customer: Customer, recorded: RecordedEvent[Payload]) -> Customer:
    if isinstance(recorded.payload, OrderCreated):
        _count_order(customer, recorded.payload, recorded)
    else:
        _change_sums(customer, recorded.payload)
    return customer


def _count_order(customer: Customer, created: OrderCreated, recorded: RecordedEvent[Payload]) -> None:
    if created.customer_name:
        customer.customer_name = created.customer_name
    customer.order_count += 1
    customer.active_count += 1
    customer.last_order_id = recorded.id
    customer.last_order_time.CopyFrom(recorded.recorded_time)


def _change_sums(customer: Customer, payload: OrderChange) -> None:
    match payload:
        case OrderSubmitted() as submitted:
            _add(customer.ordered, submitted.amount_due)
        case PaymentReceived() as received:
            _add(customer.spent, received.amount)
        case OrderShipped():
            customer.active_count -= 1
            customer.completed_count += 1
        case OrderReserved():
            pass  # changes no sum
        case OrderCancelled() as cancelled:
            customer.active_count -= 1
            customer.cancelled_count += 1
            if cancelled.HasField("amount_due"):
                _subtract(customer.ordered, cancelled.amount_due)
            if cancelled.HasField("paid"):
                _subtract(customer.spent, cancelled.paid)
        case _:
            assert_never(payload)


def _add(sums: RepeatedCompositeFieldContainer[Money], amount: Money) -> None:
    add_to_sums(sums, amount.currency_code, to_nanos(amount))


def _subtract(sums: RepeatedCompositeFieldContainer[Money], amount: Money) -> None:
    add_to_sums(sums, amount.currency_code, -to_nanos(amount))


def _draft(order_id: str, created: OrderCreated, created_time: Timestamp) -> CustomerOrder:
    order = CustomerOrder()
    order.order_id = order_id
    order.customer_id = created.customer_id
    order.status = ORDER_STATUS_DRAFT
    order.created_time.CopyFrom(created_time)
    return order


def _evolve_order(order: CustomerOrder, payload: Payload) -> CustomerOrder:
    match payload:
        case OrderCreated():
            pass  # the document begins with it
        case OrderSubmitted() as submitted:
            order.status = ORDER_STATUS_SUBMITTED
            order.amount_due.CopyFrom(submitted.amount_due)
        case OrderReserved():
            order.status = ORDER_STATUS_RESERVED
        case PaymentReceived():
            order.status = ORDER_STATUS_PAID
        case OrderShipped():
            order.status = ORDER_STATUS_SHIPPED
        case OrderCancelled():
            order.status = ORDER_STATUS_CANCELLED
        case _:
            assert_never(payload)
    return order


CUSTOMER_ORDERS: View[Customer | CustomerOrder, Payload] = View(
    name="customer-orders",
    collections={_CUSTOMERS: Customer, _ORDERS: CustomerOrder},
    keys=keys,
    evolve=evolve,
)
