"""Stock is received, reserved for orders, and dispatched or released; what is reserved is always on hand."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias, assert_never

from foldlog.inventory.v1 import types_pb2
from foldlog.inventory.v1.commands_pb2 import (
    AdjustStock,
    DispatchStock,
    ReceiveStock,
    ReleaseStock,
    ReservationLine,
    ReserveStock,
)
from foldlog.inventory.v1.events_pb2 import (
    StockAdjusted,
    StockDispatched,
    StockReceived,
    StockReleased,
    StockReserved,
)
from foldlog_server.domain.decider import Decider
from foldlog_server.domains.inventory import refusals

Command: TypeAlias = ReceiveStock | AdjustStock | ReserveStock | ReleaseStock | DispatchStock
Event: TypeAlias = StockReceived | StockAdjusted | StockReserved | StockReleased | StockDispatched

MAX_ON_HAND = 1_000_000_000_000


class Stock(NamedTuple):
    """The stock of one product, in units."""

    exists: bool = False
    name: str = ""
    on_hand: int = 0
    reserved: int = 0
    """The sum of the open reservations."""
    reservations: Mapping[str, int] = MappingProxyType({})
    """The open reservations, by order id. Replaced, never changed."""

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


def evolve(stock: Stock, event: Event) -> Stock:
    """The stock after an event."""
    match event:
        case StockReceived():
            on_hand = stock.on_hand + event.quantity
            return stock._replace(exists=True, name=event.name or stock.name, on_hand=on_hand)
        case StockAdjusted():
            return stock._replace(on_hand=stock.on_hand + event.delta)
        case StockReserved():
            return with_reservation(stock, event.order_id, event.quantity)
        case StockReleased():
            return without_reservation(stock, event.order_id)
        case StockDispatched():
            remaining = without_reservation(stock, event.order_id)
            return remaining._replace(on_hand=stock.on_hand - event.quantity)
        case _:
            assert_never(event)


def with_reservation(stock: Stock, order_id: str, quantity: int) -> Stock:
    reservations = {**stock.reservations, order_id: quantity}
    return stock._replace(reserved=stock.reserved + quantity, reservations=reservations)


def without_reservation(stock: Stock, order_id: str) -> Stock:
    reservations = dict(stock.reservations)
    quantity = reservations.pop(order_id)
    return stock._replace(reserved=stock.reserved - quantity, reservations=reservations)


def decide(command: Command, stock: Stock) -> Sequence[Event]:
    """Decides a command by the contract's table; an unknown product has an empty stock. Raises `Rejected`.

    A command on several products is decided for each product: here its list has exactly one element.
    """
    match command:
        case ReceiveStock():
            return [stock_received(command, stock)]
        case AdjustStock():
            if not stock.exists:
                raise refusals.product_not_found(command.product_id)
            return [stock_adjusted(command, stock)]
        case ReserveStock(order_id=order_id):
            [line] = command.lines
            return stock_reserved(order_id, line, stock)
        case ReleaseStock(order_id=order_id):
            [_] = command.product_ids
            if order_id not in stock.reservations:
                return []
            return [StockReleased(order_id=order_id, quantity=stock.reservations[order_id])]
        case DispatchStock(order_id=order_id):
            [product_id] = command.product_ids
            if order_id not in stock.reservations:
                raise refusals.no_reservation(product_id, order_id)
            return [StockDispatched(order_id=order_id, quantity=stock.reservations[order_id])]
        case _:
            assert_never(command)


def stock_received(command: ReceiveStock, stock: Stock) -> StockReceived:
    check_room(command.product_id, stock, command.quantity)
    return StockReceived(name=command.name, quantity=command.quantity)


def stock_adjusted(command: AdjustStock, stock: Stock) -> StockAdjusted:
    check_room(command.product_id, stock, command.delta)
    if stock.available + command.delta < 0:
        raise refusals.below_reserved(command.product_id, command.delta, stock.on_hand, stock.reserved)
    return StockAdjusted(delta=command.delta, reason=command.reason)


def stock_reserved(order_id: str, line: ReservationLine, stock: Stock) -> Sequence[StockReserved]:
    reserved = stock.reservations.get(order_id)
    if reserved == line.quantity:
        return []
    if reserved is not None:
        raise refusals.reservation_differs(line.product_id, order_id, line.quantity, reserved)
    if line.quantity > stock.available:
        raise refusals.insufficient_stock(line.product_id, order_id, line.quantity, stock.available)
    return [StockReserved(order_id=order_id, quantity=line.quantity)]


def check_room(product_id: str, stock: Stock, more: int) -> None:
    if stock.on_hand + more > MAX_ON_HAND:
        raise refusals.quantity_too_large(product_id, stock.on_hand, more, MAX_ON_HAND)


def render(id: str, version: int, stock: Stock) -> types_pb2.Stock | None:
    """The stock as clients see it; None if nothing was ever received."""
    if not stock.exists:
        return None
    return types_pb2.Stock(
        product_id=id,
        name=stock.name,
        on_hand=stock.on_hand,
        reserved=stock.reserved,
        available=stock.available,
    )


STOCK = Decider("stock", Stock(), decide, evolve, render)
