"""Every customer's sums and orders; both are one view, so that they always agree."""

from collections.abc import Iterable
from typing import TypeAlias, assert_never, cast, get_args

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer
from google.protobuf.message import Message

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
from foldlog_server.domain.view import Key, View
from foldlog_server.log.events import RecordedEvent

_CUSTOMERS = "customers"
_ORDERS = "customer-orders"

CustomerChange: TypeAlias = OrderSubmitted | PaymentReceived | OrderShipped | OrderCancelled
CustomerPayload: TypeAlias = OrderCreated | CustomerChange
OrderChange: TypeAlias = CustomerChange | OrderReserved
Payload: TypeAlias = OrderCreated | OrderChange


def keys(recorded: RecordedEvent) -> Iterable[Key]:
    """The order and its customer; a reservation changes no sum."""
    order = Key(_ORDERS, recorded.id)
    match cast(Payload, recorded.payload):
        case OrderReserved():
            return (order,)
        case payload:
            return (Key(_CUSTOMERS, payload.customer_id), order)


def evolve(key: Key, document: Message | None, recorded: RecordedEvent) -> Message:
    """The customer or the order after the event."""
    if key.collection == _CUSTOMERS:
        return _evolve_customer(key.id, document, recorded)
    return _evolve_order(key.id, document, recorded)


def _evolve_customer(customer_id: str, document: Message | None, recorded: RecordedEvent) -> Customer:
    payload = cast(CustomerPayload, recorded.payload)
    if document is None and isinstance(payload, OrderCreated):
        document = Customer(customer_id=customer_id)
    assert isinstance(document, Customer)
    match payload:
        case OrderCreated() as created:
            _begin_order(document, created, recorded)
        case change:
            _change_sums(document, change)
    return document


def _begin_order(customer: Customer, created: OrderCreated, recorded: RecordedEvent) -> None:
    if created.customer_name:
        customer.customer_name = created.customer_name
    customer.order_count += 1
    customer.active_count += 1
    customer.last_order_id = recorded.id
    customer.last_order_time.CopyFrom(recorded.recorded_time)


def _change_sums(customer: Customer, payload: CustomerChange) -> None:
    match payload:
        case OrderSubmitted() as submitted:
            _add(customer.ordered, submitted.amount_due)
        case PaymentReceived() as received:
            _add(customer.spent, received.amount)
        case OrderShipped():
            customer.active_count -= 1
            customer.completed_count += 1
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


def _evolve_order(order_id: str, document: Message | None, recorded: RecordedEvent) -> CustomerOrder:
    match cast(Payload, recorded.payload):
        case OrderCreated() as created:
            return _draft(order_id, created, recorded)
        case change:
            assert isinstance(document, CustomerOrder)
            _advance(document, change)
            return document


def _draft(order_id: str, created: OrderCreated, recorded: RecordedEvent) -> CustomerOrder:
    order = CustomerOrder()
    order.order_id = order_id
    order.customer_id = created.customer_id
    order.status = ORDER_STATUS_DRAFT
    order.created_time.CopyFrom(recorded.recorded_time)
    return order


def _advance(order: CustomerOrder, payload: OrderChange) -> None:
    match payload:
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


CUSTOMER_ORDERS = View(
    name="customer-orders",
    collections={_CUSTOMERS: Customer, _ORDERS: CustomerOrder},
    events=get_args(Payload),
    keys=keys,
    evolve=evolve,
)
