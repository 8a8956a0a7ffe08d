"""A small view of two collections, and a plain replay of it to compare with."""

from collections.abc import Iterable, Mapping

from google.protobuf.message import Message

from foldlog.orders.v1.events_pb2 import ItemAdded, OrderCancelled, OrderCreated, OrderShipped
from foldlog.orders.v1.queries_pb2 import CurrentOrder, Customer
from foldlog.orders.v1.types_pb2 import ORDER_STATUS_DRAFT, OrderLine
from foldlog_server.domain.view import AnyView, Key, View
from foldlog_server.log.codec import Codec
from foldlog_server.log.events import AnyRecordedEvent, EncodedEvent

ORDERS = "orders"
CUSTOMERS = "customers"

CODEC = Codec([OrderCreated, ItemAdded, OrderCancelled, OrderShipped])


def created(customer_id: str = "c1") -> OrderCreated:
    return OrderCreated(customer_id=customer_id)


def added(quantity: int = 1) -> ItemAdded:
    return ItemAdded(line=OrderLine(line_id="l", product_id="p", quantity=quantity))


def cancelled() -> OrderCancelled:
    return OrderCancelled(reason="changed mind")


def unseen() -> OrderShipped:
    """An event that the view does not look at."""
    return OrderShipped(shipment_id="s")


def _keys(recorded: AnyRecordedEvent) -> Iterable[Key]:
    order = Key(ORDERS, recorded.id)
    if isinstance(recorded.payload, OrderCreated):
        return (order, Key(CUSTOMERS, recorded.payload.customer_id))
    return (order,)


def _evolve(key: Key, document: Message | None, recorded: AnyRecordedEvent) -> Message | None:
    match recorded.payload, document:
        case OrderCreated(), Customer() as customer:
            customer.order_count += 1
            return customer
        case OrderCreated(), None if key.collection == CUSTOMERS:
            return Customer(customer_id=key.id, order_count=1)
        case OrderCreated() as payload, _:
            return CurrentOrder(
                order_id=key.id,
                customer_id=payload.customer_id,
                status=ORDER_STATUS_DRAFT,
                created_time=recorded.recorded_time,
            )
        case ItemAdded() as payload, CurrentOrder() as order:
            order.item_count += payload.line.quantity
            return order
    return None


ORDER_COUNTS = View(
    name="order-counts",
    collections={ORDERS: CurrentOrder, CUSTOMERS: Customer},
    events=(OrderCreated, ItemAdded, OrderCancelled),
    keys=_keys,
    evolve=_evolve,
)


def replay(events: Iterable[EncodedEvent], view: AnyView = ORDER_COUNTS) -> Mapping[Key, tuple[int, bytes]]:
    """By key when a document was made, and the document: one event after the other."""
    wanted = {event.DESCRIPTOR.full_name for event in view.events}
    documents: dict[Key, tuple[int, Message]] = {}
    for recorded in map(CODEC.decode, events):
        for key in view.keys(recorded) if recorded.type in wanted else ():
            made, before = documents.pop(key, (recorded.position, None))
            after = view.evolve(key, before, recorded)
            if after is not None:
                documents[key] = made, after
    return {key: (made, document.SerializeToString()) for key, (made, document) in documents.items()}
