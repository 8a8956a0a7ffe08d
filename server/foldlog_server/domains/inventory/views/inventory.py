"""Every product's stock, and how much orders have demanded and received of it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias, assert_never

from foldlog.inventory.v1.events_pb2 import (
    StockAdjusted,
    StockDispatched,
    StockReceived,
    StockReleased,
    StockReserved,
)
from foldlog.inventory.v1.queries_pb2 import InventoryItem
from foldlog.orders.v1.events_pb2 import OrderCancelled, OrderShipped, OrderSubmitted
from foldlog_server.domain.money import add_to_sums, to_nanos
from foldlog_server.domain.view import Key, View, existing
from foldlog_server.log.events import AnyRecordedEvent, RecordedEvent

_PRODUCTS = "inventory"

StockEvent: TypeAlias = StockReceived | StockAdjusted | StockReserved | StockReleased | StockDispatched
OrderEvent: TypeAlias = OrderSubmitted | OrderShipped | OrderCancelled
Payload: TypeAlias = StockEvent | OrderEvent

# A product's document begins with one of these.
_FIRST = (StockReceived, OrderSubmitted)


def keys(recorded: RecordedEvent[Payload]) -> Iterable[Key]:
    """The product of a stock event, or every product of an order's event."""
    match recorded.payload:
        case OrderSubmitted() | OrderShipped() | OrderCancelled() as payload:
            return [Key(_PRODUCTS, product_id) for product_id in _shares(recorded, payload)]
        case _:
            return (Key(_PRODUCTS, recorded.id),)


def evolve(key: Key, document: InventoryItem | None, recorded: RecordedEvent[Payload]) -> InventoryItem:
    """The product after the event; it begins with the first receipt or order."""
    payload = recorded.payload
    if document is None and isinstance(payload, _FIRST):
        document = InventoryItem(product_id=key.id)
    item = existing(document)
    match payload:
        case OrderSubmitted() | OrderShipped() | OrderCancelled():
            _count_order(item, payload, _shares(recorded, payload)[key.id])
        case _:
            _count_stock(item, payload)
    return item


def _count_stock(item: InventoryItem, payload: StockEvent) -> None:
    match payload:
        case StockReceived() as received:
            if received.name:
                item.name = received.name
            item.on_hand += received.quantity
        case StockAdjusted() as adjusted:
            item.on_hand += adjusted.delta
        case StockReserved() as reserved:
            item.reserved += reserved.quantity
        case StockReleased() as released:
            item.reserved -= released.quantity
        case StockDispatched() as dispatched:
            item.on_hand -= dispatched.quantity
            item.reserved -= dispatched.quantity
        case _:
            assert_never(payload)
    item.available = item.on_hand - item.reserved


class Share(NamedTuple):
    """How much one order demands of one product, over all its lines."""

    name: str = ""
    units: int = 0
    nanos: int = 0


_NOTHING = Share()


def _count_order(item: InventoryItem, payload: OrderEvent, share: Share) -> None:
    currency_code = payload.total.currency_code
    match payload:
        case OrderSubmitted():
            if not item.name:
                item.name = share.name
            item.demanded_units += share.units
            add_to_sums(item.demanded_value, currency_code, share.nanos)
        case OrderShipped():
            item.dispatched_units += share.units
            add_to_sums(item.dispatched_value, currency_code, share.nanos)
        case OrderCancelled():
            item.demanded_units -= share.units
            add_to_sums(item.demanded_value, currency_code, -share.nanos)
        case _:
            assert_never(payload)


# A runner asks for every product of an event in turn. Remembering the last event keeps that linear in the
# lines: an order of 2,000 products would otherwise have each of its lines read 2,000 times.
_latest: tuple[AnyRecordedEvent | None, Mapping[str, Share]] = (None, {})


def _shares(recorded: AnyRecordedEvent, payload: OrderEvent) -> Mapping[str, Share]:
    """How much the order demands, by product; empty if it was never submitted."""
    global _latest
    latest, shares = _latest
    if latest is not recorded:
        shares = _share_out(payload)
        _latest = recorded, shares
    return shares


def _share_out(payload: OrderEvent) -> Mapping[str, Share]:
    shares: dict[str, Share] = {}
    if payload.HasField("amount_due"):
        for line in payload.lines:
            name, units, nanos = shares.get(line.product_id, _NOTHING)
            price = to_nanos(line.unit_price)
            shares[line.product_id] = Share(
                name or line.product_name, units + line.quantity, nanos + line.quantity * price
            )
    return shares


INVENTORY = View(
    name="inventory",
    collections={_PRODUCTS: InventoryItem},
    keys=keys,
    evolve=evolve,
)
