"""ListOrderHistory's documents: orders shipped or cancelled."""

import pytest

from foldlog.orders.v1.events_pb2 import OrderCancelled, OrderShipped
from foldlog.orders.v1.queries_pb2 import FinishedOrder
from foldlog.orders.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_DRAFT,
    ORDER_STATUS_PAID,
    ORDER_STATUS_RESERVED,
    ORDER_STATUS_SHIPPED,
    ORDER_STATUS_SUBMITTED,
    OrderStatus,
)
from foldlog.v1.money_pb2 import Money
from foldlog_server.domain.testing import ViewScenario, recorded_time
from foldlog_server.domains.orders.views.order_history import ORDER_HISTORY
from tests.support.order_stories import LAMP_AND_SHADE, OrderStory, line, money


@pytest.fixture
def scenario() -> ViewScenario:
    return ViewScenario(ORDER_HISTORY)


def test_the_view_keeps_one_collection_and_looks_at_endings_only() -> None:
    assert ORDER_HISTORY.name == "order-history"
    assert ORDER_HISTORY.collections == {"order-history": FinishedOrder}
    assert set(ORDER_HISTORY.events) == {OrderShipped, OrderCancelled}


def test_an_order_that_has_not_ended_has_no_place_in_history(scenario: ViewScenario) -> None:
    scenario.given("order-536365", *LAMP_AND_SHADE.until(ORDER_STATUS_PAID))

    assert scenario.ids("order-history") == []


def test_a_shipped_order_is_kept_with_its_shipment_and_was_paid_what_was_due(scenario: ViewScenario) -> None:
    scenario.given("order-536365", *LAMP_AND_SHADE.until(ORDER_STATUS_SHIPPED))

    assert scenario.document("order-history", "536365") == FinishedOrder(
        order_id="536365",
        customer_id="ada",
        customer_name="Ada",
        outcome=ORDER_STATUS_SHIPPED,
        finished_time=recorded_time(7),
        item_count=3,
        line_count=2,
        total=money("24.485"),
        amount_due=money("24.48"),
        paid=money("24.48"),
        shipment_id="shipment-1",
        carrier="Parcel Post",
        tracking_number="PP 42",
    )


@pytest.mark.parametrize(
    ("status", "amount_due", "paid"),
    [
        (ORDER_STATUS_DRAFT, None, None),
        (ORDER_STATUS_SUBMITTED, money("24.48"), None),
        (ORDER_STATUS_RESERVED, money("24.48"), None),
        (ORDER_STATUS_PAID, money("24.48"), money("24.48")),
    ],
)
def test_a_cancelled_order_is_kept_with_its_reason_and_what_was_due_and_paid_by_then(
    scenario: ViewScenario, status: OrderStatus.ValueType, amount_due: Money | None, paid: Money | None
) -> None:
    events = [*LAMP_AND_SHADE.until(status), LAMP_AND_SHADE.cancelled(status)]
    scenario.given("order-536365", *events)

    assert scenario.document("order-history", "536365") == FinishedOrder(
        order_id="536365",
        customer_id="ada",
        customer_name="Ada",
        outcome=ORDER_STATUS_CANCELLED,
        finished_time=recorded_time(len(events)),
        item_count=3,
        line_count=2,
        total=money("24.485"),
        amount_due=amount_due,
        paid=paid,
        cancel_reason="no longer wanted",
    )


def test_an_order_cancelled_before_it_had_a_line_is_kept_empty(scenario: ViewScenario) -> None:
    story = OrderStory((), customer_name="")
    scenario.given("order-536365", *story.until(ORDER_STATUS_DRAFT), story.cancelled(ORDER_STATUS_DRAFT))

    assert scenario.document("order-history", "536365") == FinishedOrder(
        order_id="536365",
        customer_id="ada",
        outcome=ORDER_STATUS_CANCELLED,
        finished_time=recorded_time(2),
        total=money("0"),
        cancel_reason="no longer wanted",
    )


def test_an_order_that_cost_nothing_was_due_and_paid_at_zero(scenario: ViewScenario) -> None:
    gift = OrderStory((line("leaflet", 1, money("0")),))
    scenario.given("order-536365", *gift.until(ORDER_STATUS_SHIPPED))

    order = scenario.document("order-history", "536365")
    assert isinstance(order, FinishedOrder)
    assert order.HasField("amount_due")
    assert order.HasField("paid")
    assert (order.amount_due, order.paid) == (money("0"), money("0"))


def test_one_product_at_two_prices_counts_as_two_lines_in_the_orders_own_currency(
    scenario: ViewScenario,
) -> None:
    story = OrderStory(
        (
            line("lamp-1", 1, money("9.99", "EUR"), product_id="lamp"),
            line("lamp-2", 4, money("7.49", "EUR"), product_id="lamp"),
        ),
        currency_code="EUR",
    )
    scenario.given("order-1", *LAMP_AND_SHADE.until(ORDER_STATUS_SHIPPED))
    scenario.given("order-2", *story.until(ORDER_STATUS_SHIPPED))

    assert scenario.ids("order-history") == ["1", "2"]
    order = scenario.document("order-history", "2")
    assert isinstance(order, FinishedOrder)
    assert (order.item_count, order.line_count, order.total) == (5, 2, money("39.95", "EUR"))
