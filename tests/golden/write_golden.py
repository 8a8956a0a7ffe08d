"""Writes the golden file of every event that has none yet, and what the golden histories fold into by each
revision of a decider. What is there is never written again.

python -m tests.golden.write_golden
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from google.protobuf.message import Message

from foldlog.inventory.v1.events_pb2 import (
    StockAdjusted,
    StockDispatched,
    StockReceived,
    StockReleased,
    StockReserved,
)
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
from foldlog.v1.events_pb2 import EventMetadata
from foldlog.v1.money_pb2 import Money
from foldlog_server.domain import state_codec
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domain.testing import write_golden_events
from foldlog_server.domains.inventory.stock import STOCK
from foldlog_server.domains.orders.order_rules import ORDER
from foldlog_server.domains.shop import SHOP
from foldlog_server.log.events import EncodedEvent, NewEvent
from foldlog_server.log.record import encode_common, encode_header, encode_record

EVENTS = Path(__file__).parent / "events"
FOLDS = Path(__file__).parent / "folds.json"


def pounds(units: int, nanos: int) -> Money:
    return Money(currency_code="GBP", units=units, nanos=nanos)


HOLDER = OrderLine(
    line_id="L1",
    product_id="85123A",
    product_name="WHITE HANGING HEART T-LIGHT HOLDER",
    quantity=6,
    unit_price=pounds(2, 550_000_000),
)
LANTERN = OrderLine(
    line_id="71053",
    product_id="71053",
    product_name="WHITE METAL LANTERN — größer",
    quantity=1_000_000,
    unit_price=pounds(3, 390_000_001),
)
LINES = [HOLDER, LANTERN]
TOTAL = pounds(3_390_016, 301_000_000)
DUE = pounds(3_390_016, 300_000_000)

RESERVED = StockReserved(order_id="536365", quantity=6)
DISPATCHED = StockDispatched(order_id="536365", quantity=6)

SAMPLES: tuple[Message, ...] = (
    OrderCreated(customer_id="17850", customer_name="Zoë Quinn", currency_code="GBP"),
    ItemAdded(line=HOLDER),
    ItemQuantityChanged(
        line_id="L1", former_quantity=6, quantity=1_000_000, unit_price=pounds(2, 550_000_000)
    ),
    ItemRemoved(line_id="L1", former_quantity=1_000_000, unit_price=pounds(2, 550_000_000)),
    OrderSubmitted(customer_id="17850", lines=LINES, total=TOTAL, amount_due=DUE),
    OrderSubmitted(customer_id="17850", customer_name="Zoë Quinn", lines=LINES, total=TOTAL, amount_due=DUE),
    OrderReserved(reservation_id="order-536365"),
    PaymentReceived(payment_id="pay 1", amount=DUE, customer_id="17850"),
    OrderShipped(
        shipment_id="ship-1",
        carrier="Royal Mail",
        tracking_number="RM 123 456 785 GB",
        customer_id="17850",
        customer_name="Zoë Quinn",
        lines=LINES,
        total=TOTAL,
        amount_due=DUE,
    ),
    OrderCancelled(
        reason="arrived too late",
        former_status=OrderStatus.ORDER_STATUS_PAID,
        customer_id="17850",
        customer_name="Zoë Quinn",
        lines=LINES,
        total=TOTAL,
        amount_due=DUE,
        paid=DUE,
    ),
    StockReceived(name="WHITE METAL LANTERN — größer", quantity=1_000_000_000_000),
    StockAdjusted(delta=-3, reason="counted"),
    RESERVED,
    StockReleased(order_id="536365", quantity=6),
    DISPATCHED,
)


def read_back(sample: Message) -> Message:
    """What folds are given for a message that was stored: itself, or what it was upcast to."""
    event = NewEvent("id", sample.DESCRIPTOR.full_name, sample.SerializeToString())
    header = encode_header("golden-1", 1, event, encode_common(0, EventMetadata()))
    payload: Message = SHOP.codec.decode(EncodedEvent(1, encode_record(header, event))).payload
    return payload


HISTORIES: dict[str, Sequence[Message]] = {
    "order": [sample for sample in SAMPLES if isinstance(read_back(sample), ORDER.events)],
    "stock": [
        *(s for s in SAMPLES if isinstance(read_back(s), STOCK.events) and s is not DISPATCHED),
        RESERVED,
        DISPATCHED,
    ],
}
"""A history of each aggregate that has every event in it, the old ones too."""

DECIDERS: Sequence[AnyDecider] = (ORDER, STOCK)


def folded(decider: AnyDecider) -> str:
    """A hash of every state on the way through a decider's golden history, as snapshots keep them."""
    state, hashed = decider.initial, hashlib.sha256()
    for event in HISTORIES[decider.category]:
        state = decider.evolve(state, read_back(event))
        hashed.update(state_codec.encode(state))
    return hashed.hexdigest()


if __name__ == "__main__":
    write_golden_events(EVENTS, *SHOP, samples=SAMPLES)
    folds = json.loads(FOLDS.read_text(encoding="utf-8")) if FOLDS.exists() else {}
    for decider in DECIDERS:
        folds.setdefault(f"{decider.category} {decider.revision}", folded(decider))
    FOLDS.write_text(json.dumps(folds, indent=2) + "\n", encoding="utf-8")
