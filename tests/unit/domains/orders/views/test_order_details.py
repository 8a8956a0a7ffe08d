"""GetOrder's documents: the order as it stands."""

import pytest

from foldlog.orders.v1.events_pb2 import DESCRIPTOR as ORDER_EVENTS
from foldlog.orders.v1.events_pb2 import ItemAdded, ItemQuantityChanged, ItemRemoved, OrderCreated
from foldlog.orders.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_DRAFT,
    ORDER_STATUS_PAID,
    ORDER_STATUS_RESERVED,
    ORDER_STATUS_SHIPPED,
    ORDER_STATUS_SUBMITTED,
    Order,
    OrderLine,
    OrderStatus,
)
from foldlog.v1.money_pb2 import Money
from foldlog_server.domain.testing import ViewScenario
from foldlog_server.domains.orders.views.order_details import ORDER_DETAILS
from tests.support.order_stories import LAMP_AND_SHADE, line, money

LAMP, SHADE = LAMP_AND_SHADE.lines
CREATED = OrderCreated(customer_id="ada", customer_name="Ada", currency_code="GBP")


@pytest.fixture
def scenario() -> ViewScenario:
    return ViewScenario(ORDER_DETAILS)


def then_order(scenario: ViewScenario) -> Order:
    order = scenario.document("order-details", "536365")
    assert isinstance(order, Order)
    return order


def draft(version: int, total: Money, *lines: OrderLine) -> Order:
    return Order(
        order_id="536365",
        version=version,
        customer_id="ada",
        customer_name="Ada",
        currency_code="GBP",
        status=ORDER_STATUS_DRAFT,
        lines=lines,
        total=total,
    )


def test_the_view_keeps_one_collection_of_orders_and_looks_at_everything_that_happens_to_them() -> None:
    assert ORDER_DETAILS.name == "order-details"
    assert ORDER_DETAILS.collections == {"order-details": Order}
    assert {event.DESCRIPTOR.name for event in ORDER_DETAILS.events} == set(
        ORDER_EVENTS.message_types_by_name
    )


def test_a_created_order_is_an_empty_draft_whose_total_is_zero_in_its_currency(
    scenario: ViewScenario,
) -> None:
    scenario.given("order-536365", CREATED)

    assert then_order(scenario) == draft(1, money("0"))


def test_an_added_item_is_appended_and_raises_the_total(scenario: ViewScenario) -> None:
    scenario.given("order-536365", CREATED, ItemAdded(line=SHADE), ItemAdded(line=LAMP))

    assert then_order(scenario) == draft(3, money("24.485"), SHADE, LAMP)


def test_totals_carry_billionths_into_units_and_back(scenario: ViewScenario) -> None:
    scenario.given(
        "order-536365",
        CREATED,
        ItemAdded(line=line("nail", 3, money("0.333333334"))),
        ItemAdded(line=line("screw", 1, money("0.999999999"))),
    )
    assert then_order(scenario).total == Money(currency_code="GBP", units=2, nanos=1)

    scenario.given(
        "order-536365",
        ItemRemoved(line_id="nail", former_quantity=3, unit_price=money("0.333333334")),
    )
    assert then_order(scenario).total == Money(currency_code="GBP", units=0, nanos=999_999_999)


@pytest.mark.parametrize(("quantity", "total"), [(5, "54.455"), (1, "14.495")])
def test_a_changed_quantity_replaces_the_lines_and_moves_the_total(
    scenario: ViewScenario, quantity: int, total: str
) -> None:
    scenario.given(
        "order-536365",
        CREATED,
        ItemAdded(line=SHADE),
        ItemAdded(line=LAMP),
        ItemQuantityChanged(line_id="lamp", former_quantity=2, quantity=quantity, unit_price=money("9.99")),
    )

    assert then_order(scenario) == draft(4, money(total), SHADE, line("lamp", quantity, money("9.99")))


def test_a_removed_item_takes_its_line_and_value_and_the_others_keep_their_order(
    scenario: ViewScenario,
) -> None:
    bulb = line("bulb", 4, money("1.00"))
    scenario.given(
        "order-536365",
        CREATED,
        ItemAdded(line=SHADE),
        ItemAdded(line=LAMP),
        ItemAdded(line=bulb),
        ItemRemoved(line_id="lamp", former_quantity=2, unit_price=money("9.99")),
    )

    assert then_order(scenario) == draft(5, money("8.505"), SHADE, bulb)


def test_a_line_that_comes_back_after_its_removal_stands_last(scenario: ViewScenario) -> None:
    scenario.given(
        "order-536365",
        CREATED,
        ItemAdded(line=LAMP),
        ItemAdded(line=SHADE),
        ItemRemoved(line_id="lamp", former_quantity=2, unit_price=money("9.99")),
        ItemAdded(line=line("lamp", 1, money("8.00"))),
    )

    assert then_order(scenario) == draft(5, money("12.505"), SHADE, line("lamp", 1, money("8.00")))


def test_one_product_at_two_prices_is_two_lines_that_change_apart(scenario: ViewScenario) -> None:
    full = line("lamp-1", 1, money("9.99"), product_id="lamp")
    reduced = line("lamp-2", 1, money("7.49"), product_id="lamp")
    scenario.given(
        "order-536365",
        CREATED,
        ItemAdded(line=full),
        ItemAdded(line=reduced),
        ItemQuantityChanged(line_id="lamp-2", former_quantity=1, quantity=3, unit_price=money("7.49")),
    )

    assert then_order(scenario) == draft(
        4, money("32.46"), full, line("lamp-2", 3, money("7.49"), product_id="lamp")
    )


def order_at(status: OrderStatus.ValueType) -> Order:
    """The lamp and shade at the status, field by field as each event adds them."""
    order = draft(3, money("24.485"), LAMP, SHADE)
    order.status = status
    order.version = len(LAMP_AND_SHADE.until(status))
    if status >= ORDER_STATUS_SUBMITTED:
        order.amount_due.CopyFrom(money("24.48"))
    if status >= ORDER_STATUS_RESERVED:
        order.reservation_id = "reservation-1"
    if status >= ORDER_STATUS_PAID:
        order.payment_id = "payment-1"
        order.paid.CopyFrom(money("24.48"))
    if status >= ORDER_STATUS_SHIPPED:
        order.shipment_id = "shipment-1"
        order.carrier = "Parcel Post"
        order.tracking_number = "PP 42"
    return order


@pytest.mark.parametrize(
    "status",
    [
        ORDER_STATUS_DRAFT,
        ORDER_STATUS_SUBMITTED,
        ORDER_STATUS_RESERVED,
        ORDER_STATUS_PAID,
        ORDER_STATUS_SHIPPED,
    ],
)
def test_each_status_adds_what_its_event_says(scenario: ViewScenario, status: OrderStatus.ValueType) -> None:
    scenario.given("order-536365", *LAMP_AND_SHADE.until(status))

    assert then_order(scenario) == order_at(status)


@pytest.mark.parametrize(
    "status", [ORDER_STATUS_DRAFT, ORDER_STATUS_SUBMITTED, ORDER_STATUS_RESERVED, ORDER_STATUS_PAID]
)
def test_a_cancelled_order_keeps_what_it_had_and_says_why(
    scenario: ViewScenario, status: OrderStatus.ValueType
) -> None:
    scenario.given("order-536365", *LAMP_AND_SHADE.until(status), LAMP_AND_SHADE.cancelled(status))

    expected = order_at(status)
    expected.status = ORDER_STATUS_CANCELLED
    expected.version += 1
    expected.cancel_reason = "no longer wanted"
    assert then_order(scenario) == expected


def test_orders_of_other_streams_stay_apart(scenario: ViewScenario) -> None:
    scenario.given("order-1", OrderCreated(customer_id="bob", currency_code="EUR"))
    scenario.given("order-536365", CREATED)
    scenario.given("order-1", ItemAdded(line=line("lamp", 1, money("8", "EUR"))))

    assert then_order(scenario) == draft(1, money("0"))
    assert scenario.document("order-details", "1") == Order(
        order_id="1",
        version=2,
        customer_id="bob",
        currency_code="EUR",
        status=ORDER_STATUS_DRAFT,
        lines=[line("lamp", 1, money("8", "EUR"))],
        total=money("8", "EUR"),
    )
