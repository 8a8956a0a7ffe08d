"""Writes a log full of shop history, decided by the domains' rules and stored through the real store."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog.orders.v1.commands_pb2 import (
    ConfirmReservation,
    CreateOrder,
    RecordPayment,
    ShipOrder,
    SubmitOrder,
)
from foldlog.orders.v1.types_pb2 import OrderLine
from foldlog.v1.events_pb2 import EventMetadata
from foldlog.v1.money_pb2 import Money
from foldlog_server.app.services import new_id
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domains.inventory.stock import STOCK
from foldlog_server.domains.orders.order_rules import ORDER
from foldlog_server.log.event_store import Append, StreamAppend
from foldlog_server.log.events import NewEvent, stream_name
from foldlog_server.stores.sqlite.event_store import SqliteEventStore

_PRODUCTS = 200
_CUSTOMERS = 500
_APPENDS_AT_ONCE = 256


async def write_history(directory: Path, events: int, seed: int) -> int:
    """Fill a new data directory with at least so many events, and return their number."""
    store = await SqliteEventStore.open(
        directory,
        clock=time.time_ns,
        new_id=new_id,
        request_window=timedelta(hours=24),
        on_failure=lambda _: None,
    )
    try:
        appends = _appends(random.Random(seed))
        while store.head.position < events:
            written = [store.append(next(appends)) for _ in range(_APPENDS_AT_ONCE)]
            for future in written:
                await future
        return store.head.position
    finally:
        await store.close()


def _appends(chance: random.Random) -> Iterator[Append]:
    """Yield stock for every product, then orders without end."""
    for number in range(_PRODUCTS):
        product = _Aggregate(STOCK, f"product-{number}")
        product.carry_out(ReceiveStock(product_id=product.id, name=f"Product {number}", quantity=1000))
        yield product.append()
    while True:
        yield _order(chance).append()


def _order(chance: random.Random) -> "_Aggregate":
    """Return an order with one to four lines; most orders are paid and shipped."""
    order = _Aggregate(ORDER, new_id())
    lines = [_line(chance, number) for number in range(chance.randint(1, 4))]
    customer = chance.randrange(_CUSTOMERS)
    order.carry_out(
        CreateOrder(
            customer_id=f"customer-{customer}",
            customer_name=f"Customer {customer}",
            currency_code="GBP",
            lines=lines,
        )
    )
    due = sum(line.quantity * line.unit_price.units for line in lines)
    later: Sequence[Message] = (
        SubmitOrder(order_id=order.id),
        ConfirmReservation(order_id=order.id, reservation_id=new_id()),
        RecordPayment(order_id=order.id, payment_id=new_id(), amount=Money(currency_code="GBP", units=due)),
        ShipOrder(order_id=order.id, shipment_id=new_id(), carrier="Carrier", tracking_number="1Z999"),
    )
    for command in later[: chance.choice((0, 1, 4, 4, 4))]:
        order.carry_out(command)
    return order


def _line(chance: random.Random, number: int) -> OrderLine:
    product = chance.randrange(_PRODUCTS)
    return OrderLine(
        line_id=f"line-{number}",
        product_id=f"product-{product}",
        product_name=f"Product {product}",
        quantity=chance.randint(1, 12),
        unit_price=Money(currency_code="GBP", units=chance.randint(1, 50)),
    )


@dataclass(slots=True)
class _Aggregate:
    """One aggregate and its events so far."""

    decider: AnyDecider
    id: str
    state: Any = None
    events: list[NewEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = self.decider.initial

    def carry_out(self, command: Message) -> None:
        for payload in self.decider.decide(command, self.state):
            self.events.append(NewEvent(new_id(), payload.DESCRIPTOR.full_name, payload.SerializeToString()))
            self.state = self.decider.evolve(self.state, payload)

    def append(self) -> Append:
        request_id = new_id()
        metadata = EventMetadata(request_id=request_id, correlation_id=request_id)
        stream = stream_name(self.decider.category, self.id)
        return Append((StreamAppend(stream, 0, tuple(self.events)),), metadata)
