"""Whatever was once stored is read for ever: the bytes of every event, as they lie on people's disks."""

import json
from typing import Any

import pytest

from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domain.testing import check_golden_events
from foldlog_server.domain.testing.golden import read, stored_messages
from foldlog_server.domains.inventory.stock import STOCK
from foldlog_server.domains.orders.order import Status
from foldlog_server.domains.orders.order_rules import ORDER
from foldlog_server.domains.shop import SHOP
from tests.golden.write_golden import DECIDERS, EVENTS, FOLDS, HISTORIES, folded, read_back


def test_every_event_that_was_ever_stored_is_read_as_it_was_written() -> None:
    """A file that is missing is written by: python -m tests.golden.write_golden"""
    check_golden_events(EVENTS, *SHOP)


def golden(name: str) -> Any:
    file = read(EVENTS / f"{name}.json")
    return stored_messages(*SHOP)[file.type].FromString(file.data)


def orders(*names: str) -> list[Any]:
    return [golden(f"foldlog.orders.v1.{name}") for name in names]


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
        stock = STOCK.evolve(stock, golden(f"foldlog.inventory.v1.{name}"))
    assert (stock.on_hand, stock.reserved) == (999_999_999_997, 6)
    released = STOCK.evolve(stock, golden("foldlog.inventory.v1.StockReleased"))
    assert (released.on_hand, released.reserved) == (999_999_999_997, 0)
    dispatched = STOCK.evolve(stock, golden("foldlog.inventory.v1.StockDispatched"))
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
