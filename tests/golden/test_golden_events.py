"""Whatever was once stored is read for ever: the bytes of every event, as they lie on people's disks."""

import json
from typing import Any, NamedTuple

import pytest
from google.protobuf.descriptor_pool import Default
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domains.inventory.stock import STOCK
from foldlog_server.domains.orders.order import Status
from foldlog_server.domains.orders.order_rules import ORDER
from foldlog_server.domains.shop import SHOP
from tests.golden.write_golden import DECIDERS, EVENTS, FOLDS, HISTORIES, folded, read_back

STORED: dict[str, type[Message]] = {
    name: GetMessageClass(Default().FindMessageTypeByName(name)) for name in sorted(SHOP.codec.stored)
}
"""Every message that may lie in a log, by its full name; old ones, too."""

FILES = {path.stem: path for path in sorted(EVENTS.glob("*.json"))}


class Golden(NamedTuple):
    """What a golden file holds."""

    type: str
    data: bytes
    says: dict[str, object]

    @property
    def event(self) -> Any:
        return STORED[self.type].FromString(self.data)


def golden(stem: str) -> Golden:
    content = json.loads(FILES[stem].read_text(encoding="utf-8"))
    return Golden(content["type"], bytes.fromhex(content["bytes"]), content["says"])


@pytest.mark.parametrize("name", STORED)
def test_every_field_of_every_event_is_in_a_golden_file(name: str) -> None:
    """A field added later wants a second file, such as foldlog.orders.v1.ItemAdded-2.json."""
    kept = [file.event for file in map(golden, FILES) if file.type == name]
    assert kept, "run: python -m tests.golden.write_golden"
    fields = {field.name for event in kept for field, _ in event.ListFields()}
    assert fields == set(STORED[name].DESCRIPTOR.fields_by_name)


@pytest.mark.parametrize("stem", FILES)
class TestGoldenFile:
    def test_its_message_is_still_known(self, stem: str) -> None:
        assert golden(stem).type in STORED, "it lies on people's disks and can no longer be read"

    def test_its_bytes_still_say_the_same(self, stem: str) -> None:
        file = golden(stem)
        assert MessageToDict(file.event, preserving_proto_field_name=True) == file.says

    def test_its_bytes_would_be_written_the_same(self, stem: str) -> None:
        file = golden(stem)
        said = ParseDict(file.says, STORED[file.type]())
        assert said.SerializeToString(deterministic=True) == file.data


def orders(*names: str) -> list[Any]:
    return [golden(f"foldlog.orders.v1.{name}").event for name in names]


def test_a_history_of_golden_events_still_folds_into_the_same_order() -> None:
    order = ORDER.initial
    for event in orders("OrderCreated", "ItemAdded", "ItemQuantityChanged"):
        order = ORDER.evolve(order, event)
    assert (order.customer_id, order.customer_name, order.currency_code) == ("17850", "Zoë Quinn", "GBP")
    assert order.lines["L1"].quantity == 1_000_000
    assert order.total == 2_550_000 * 10**9
    for event in orders("ItemRemoved", "OrderSubmitted", "OrderReserved", "PaymentReceived"):
        order = ORDER.evolve(order, event)
    assert (order.lines, order.total) == ({}, 0)
    assert (order.reservation_id, order.payment_id) == ("order-536365", "pay 1")
    assert order.amount_due == order.paid == 3_390_016_300_000_000
    [shipped] = orders("OrderShipped")
    [cancelled] = orders("OrderCancelled")
    assert ORDER.evolve(order, shipped).tracking_number == "RM 123 456 785 GB"
    assert ORDER.evolve(order, cancelled).status is Status.CANCELLED


def test_a_history_of_golden_events_still_folds_into_the_same_stock() -> None:
    stock = STOCK.initial
    for name in ("StockReceived", "StockAdjusted", "StockReserved"):
        stock = STOCK.evolve(stock, golden(f"foldlog.inventory.v1.{name}").event)
    assert (stock.on_hand, stock.reserved) == (999_999_999_997, 6)
    released = STOCK.evolve(stock, golden("foldlog.inventory.v1.StockReleased").event)
    assert (released.on_hand, released.reserved) == (999_999_999_997, 0)
    dispatched = STOCK.evolve(stock, golden("foldlog.inventory.v1.StockDispatched").event)
    assert (dispatched.on_hand, dispatched.reserved) == (999_999_999_991, 0)


@pytest.mark.parametrize("decider", DECIDERS, ids=lambda decider: decider.category)
class TestGoldenFold:
    def test_a_changed_fold_is_a_new_revision(self, decider: AnyDecider) -> None:
        folds = json.loads(FOLDS.read_text(encoding="utf-8"))
        known = folds.get(f"{decider.category} {decider.revision}")
        assert known, "run: python -m tests.golden.write_golden"
        assert folded(decider) == known, "the same events make another state: raise the decider's revision"

    def test_its_history_has_every_event(self, decider: AnyDecider) -> None:
        assert {type(read_back(event)) for event in HISTORIES[decider.category]} == set(decider.events)
