"""ListCurrentOrders' documents: orders neither shipped nor cancelled."""

import pytest

from foldlog.orders.v1.events_pb2 import DESCRIPTOR as ORDER_EVENTS
from foldlog.orders.v1.events_pb2 import ItemAdded, ItemQuantityChanged, ItemRemoved, OrderCreated
from foldlog.orders.v1.queries_pb2 import CurrentOrder
from foldlog.orders.v1.types_pb2 import (
    ORDER_STATUS_DRAFT,
    ORDER_STATUS_PAID,
    ORDER_STATUS_RESERVED,
    ORDER_STATUS_SHIPPED,
    ORDER_STATUS_SUBMITTED,
    OrderStatus,
)
from foldlog.v1.money_pb2 import Money
from foldlog_server.domain.testing import ViewScenario, recorded_time
from foldlog_server.domains.orders.views.current_orders import CURRENT_ORDERS
from tests.support.order_stories import LAMP_AND_SHADE, line, money

LAMP, SHADE = LAMP_AND_SHADE.lines
CREATED = OrderCreated(customer_id="ada", customer_name="Ada", currency_code="GBP")
CURRENT = [ORDER_STATUS_DRAFT, ORDER_STATUS_SUBMITTED, ORDER_STATUS_RESERVED, ORDER_STATUS_PAID]


@pytest.fixture
def scenario() -> ViewScenario:
    return ViewScenario(CURRENT_ORDERS)


def current(
    items: int,
    lines: int,
    total: Money,
    *,
    changed: int,
    created: int = 1,
    status: OrderStatus.ValueType = ORDER_STATUS_DRAFT,
) -> CurrentOrder:
    return CurrentOrder(
        order_id="536365",
        customer_id="ada",
        customer_name="Ada",
        item_count=items,
        line_count=lines,
        total=total,
        status=status,
        created_time=recorded_time(created),
        changed_time=recorded_time(changed),
    )


def test_the_view_keeps_one_collection_and_looks_at_everything_that_happens_to_orders() -> None:
    assert CURRENT_ORDERS.name == "current-orders"
    assert CURRENT_ORDERS.collections == {"current-orders": CurrentOrder}
    assert {event.DESCRIPTOR.name for event in CURRENT_ORDERS.events} == set(
        ORDER_EVENTS.message_types_by_name
    )


def test_a_created_order_is_a_draft_without_lines(scenario: ViewScenario) -> None:
    scenario.given("order-536365", CREATED)

    assert scenario.document("current-orders", "536365") == current(0, 0, money("0"), changed=1)


def test_items_count_as_units_and_as_lines(scenario: ViewScenario) -> None:
    scenario.given("order-536365", CREATED, ItemAdded(line=LAMP), ItemAdded(line=SHADE))

    assert scenario.document("current-orders", "536365") == current(3, 2, money("24.485"), changed=3)


@pytest.mark.parametrize(("quantity", "items", "total"), [(5, 6, "54.455"), (1, 2, "14.495")])
def test_a_changed_quantity_moves_units_and_total_but_not_the_lines(
    scenario: ViewScenario, quantity: int, items: int, total: str
) -> None:
    scenario.given(
        "order-536365",
        CREATED,
        ItemAdded(line=LAMP),
        ItemAdded(line=SHADE),
        ItemQuantityChanged(line_id="lamp", former_quantity=2, quantity=quantity, unit_price=money("9.99")),
    )

    assert scenario.document("current-orders", "536365") == current(items, 2, money(total), changed=4)


def test_a_removed_item_takes_its_units_line_and_value(scenario: ViewScenario) -> None:
    scenario.given(
        "order-536365",
        CREATED,
        ItemAdded(line=LAMP),
        ItemAdded(line=SHADE),
        ItemRemoved(line_id="lamp", former_quantity=2, unit_price=money("9.99")),
    )

    assert scenario.document("current-orders", "536365") == current(1, 1, money("4.505"), changed=4)


def test_one_product_at_two_prices_is_two_lines(scenario: ViewScenario) -> None:
    scenario.given(
        "order-536365",
        CREATED,
        ItemAdded(line=line("lamp-1", 1, money("9.99"), product_id="lamp")),
        ItemAdded(line=line("lamp-2", 2, money("7.49"), product_id="lamp")),
    )

    assert scenario.document("current-orders", "536365") == current(3, 2, money("24.97"), changed=3)


def test_totals_stay_exact_when_billionths_carry(scenario: ViewScenario) -> None:
    scenario.given(
        "order-536365",
        CREATED,
        ItemAdded(line=line("nail", 3, money("0.333333334"))),
        ItemRemoved(line_id="nail", former_quantity=3, unit_price=money("0.333333334")),
        ItemAdded(line=line("screw", 1_000_000, money("0.000000001"))),
    )

    assert scenario.document("current-orders", "536365") == current(
        1_000_000, 1, Money(currency_code="GBP", nanos=1_000_000), changed=4
    )


@pytest.mark.parametrize("status", CURRENT)
def test_each_status_is_shown_with_the_time_of_its_event(
    scenario: ViewScenario, status: OrderStatus.ValueType
) -> None:
    events = LAMP_AND_SHADE.until(status)
    scenario.given("order-536365", *events)

    assert scenario.document("current-orders", "536365") == current(
        3, 2, money("24.485"), status=status, changed=len(events)
    )


def test_a_shipped_order_is_no_longer_current(scenario: ViewScenario) -> None:
    scenario.given("order-536365", *LAMP_AND_SHADE.until(ORDER_STATUS_SHIPPED))

    assert scenario.ids("current-orders") == []


@pytest.mark.parametrize("status", CURRENT)
def test_a_cancelled_order_is_no_longer_current(
    scenario: ViewScenario, status: OrderStatus.ValueType
) -> None:
    scenario.given("order-1", CREATED)
    scenario.given("order-536365", *LAMP_AND_SHADE.until(status), LAMP_AND_SHADE.cancelled(status))

    assert scenario.ids("current-orders") == ["1"]


def test_an_order_in_another_currency_is_summed_in_that_currency(scenario: ViewScenario) -> None:
    scenario.given("order-1", OrderCreated(customer_id="bob", currency_code="JPY"))
    scenario.given("order-536365", CREATED)
    scenario.given("order-1", ItemAdded(line=line("lamp", 2, money("1500", "JPY"))))

    assert scenario.document("current-orders", "536365") == current(0, 0, money("0"), created=2, changed=2)
    assert scenario.document("current-orders", "1") == CurrentOrder(
        order_id="1",
        customer_id="bob",
        item_count=2,
        line_count=1,
        total=money("3000", "JPY"),
        status=ORDER_STATUS_DRAFT,
        created_time=recorded_time(1),
        changed_time=recorded_time(3),
    )
