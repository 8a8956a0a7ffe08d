"""GetCustomerOrders' and ListCustomers' documents: a customer's sums and orders."""

import pytest

from foldlog.orders.v1.events_pb2 import (
    OrderCancelled,
    OrderCreated,
    OrderReserved,
    OrderShipped,
    OrderSubmitted,
    PaymentReceived,
)
from foldlog.orders.v1.queries_pb2 import Customer, CustomerOrder
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
from foldlog_server.domain.view import Key
from foldlog_server.domains.orders.views.customer_orders import CUSTOMER_ORDERS
from tests.support.order_stories import LAMP_AND_SHADE, OrderStory, line, money

EURO_ORDER = OrderStory((line("lamp", 3, money("7.00", "EUR")),), currency_code="EUR")


@pytest.fixture
def scenario() -> ViewScenario:
    return ViewScenario(CUSTOMER_ORDERS)


def ada(
    *,
    active: int = 0,
    completed: int = 0,
    cancelled: int = 0,
    ordered: tuple[Money, ...] = (),
    spent: tuple[Money, ...] = (),
    last: tuple[str, int] = ("1", 1),
) -> Customer:
    """Ada with these orders; the last one's id and the position that created it."""
    return Customer(
        customer_id="ada",
        customer_name="Ada",
        order_count=active + completed + cancelled,
        active_count=active,
        completed_count=completed,
        cancelled_count=cancelled,
        ordered=ordered,
        spent=spent,
        last_order_id=last[0],
        last_order_time=recorded_time(last[1]),
    )


def test_the_view_keeps_customers_and_their_orders_together() -> None:
    assert CUSTOMER_ORDERS.name == "customer-orders"
    assert CUSTOMER_ORDERS.collections == {"customers": Customer, "customer-orders": CustomerOrder}
    assert set(CUSTOMER_ORDERS.events) == {
        OrderCreated,
        OrderSubmitted,
        OrderReserved,
        PaymentReceived,
        OrderShipped,
        OrderCancelled,
    }


def test_a_reservation_touches_the_order_alone(scenario: ViewScenario) -> None:
    recorded = scenario.record("order-1", OrderReserved(reservation_id="reservation-1"))

    assert list(CUSTOMER_ORDERS.keys(recorded)) == [Key("customer-orders", "1")]


@pytest.mark.parametrize(
    ("status", "customer"),
    [
        (ORDER_STATUS_DRAFT, ada(active=1)),
        (ORDER_STATUS_SUBMITTED, ada(active=1, ordered=(money("24.48"),))),
        (ORDER_STATUS_RESERVED, ada(active=1, ordered=(money("24.48"),))),
        (ORDER_STATUS_PAID, ada(active=1, ordered=(money("24.48"),), spent=(money("24.48"),))),
        (ORDER_STATUS_SHIPPED, ada(completed=1, ordered=(money("24.48"),), spent=(money("24.48"),))),
    ],
)
def test_an_order_counts_as_active_until_shipped_as_ordered_once_submitted_as_spent_once_paid(
    scenario: ViewScenario, status: OrderStatus.ValueType, customer: Customer
) -> None:
    scenario.given("order-1", *LAMP_AND_SHADE.until(status))

    assert scenario.document("customers", "ada") == customer
    assert scenario.document("customer-orders", "1") == CustomerOrder(
        order_id="1",
        customer_id="ada",
        status=status,
        amount_due=money("24.48") if status >= ORDER_STATUS_SUBMITTED else None,
        created_time=recorded_time(1),
    )


@pytest.mark.parametrize(
    ("status", "customer"),
    [
        (ORDER_STATUS_DRAFT, ada(cancelled=1)),
        (ORDER_STATUS_SUBMITTED, ada(cancelled=1, ordered=(money("0"),))),
        (ORDER_STATUS_RESERVED, ada(cancelled=1, ordered=(money("0"),))),
        (ORDER_STATUS_PAID, ada(cancelled=1, ordered=(money("0"),), spent=(money("0"),))),
    ],
)
def test_a_cancelled_order_gives_back_what_it_had_added(
    scenario: ViewScenario, status: OrderStatus.ValueType, customer: Customer
) -> None:
    scenario.given("order-1", *LAMP_AND_SHADE.until(status), LAMP_AND_SHADE.cancelled(status))

    assert scenario.document("customers", "ada") == customer
    assert scenario.document("customer-orders", "1") == CustomerOrder(
        order_id="1",
        customer_id="ada",
        status=ORDER_STATUS_CANCELLED,
        amount_due=money("24.48") if status >= ORDER_STATUS_SUBMITTED else None,
        created_time=recorded_time(1),
    )


def test_cancelling_one_order_leaves_the_sums_of_the_others(scenario: ViewScenario) -> None:
    scenario.given("order-1", *LAMP_AND_SHADE.until(ORDER_STATUS_PAID))
    scenario.given("order-2", *LAMP_AND_SHADE.until(ORDER_STATUS_PAID))
    scenario.given("order-1", LAMP_AND_SHADE.cancelled(ORDER_STATUS_PAID))

    assert scenario.document("customers", "ada") == ada(
        active=1,
        cancelled=1,
        ordered=(money("24.48"),),
        spent=(money("24.48"),),
        last=("2", 7),
    )


def test_each_currency_has_a_sum_of_its_own_sorted_by_its_code(scenario: ViewScenario) -> None:
    scenario.given("order-1", *LAMP_AND_SHADE.until(ORDER_STATUS_SHIPPED))
    scenario.given("order-2", *EURO_ORDER.until(ORDER_STATUS_SUBMITTED))
    scenario.given("order-3", *LAMP_AND_SHADE.until(ORDER_STATUS_SUBMITTED))

    assert scenario.document("customers", "ada") == ada(
        active=2,
        completed=1,
        ordered=(money("21", "EUR"), money("48.96")),
        spent=(money("24.48"),),
        last=("3", 11),
    )


def test_the_last_order_is_the_one_created_last_not_the_one_changed_last(scenario: ViewScenario) -> None:
    scenario.given("order-1", *LAMP_AND_SHADE.until(ORDER_STATUS_DRAFT))
    scenario.given("order-2", *EURO_ORDER.until(ORDER_STATUS_DRAFT))
    scenario.given("order-1", LAMP_AND_SHADE.cancelled(ORDER_STATUS_DRAFT))

    assert scenario.document("customers", "ada") == ada(active=1, cancelled=1, last=("2", 4))


@pytest.mark.parametrize(
    ("names", "name"),
    [(("Ada", ""), "Ada"), (("", "Ada"), "Ada"), (("Ada", "Ada L.", ""), "Ada L."), (("", ""), "")],
)
def test_a_customer_has_the_name_given_with_the_newest_order_that_had_one(
    scenario: ViewScenario, names: tuple[str, ...], name: str
) -> None:
    for number, given in enumerate(names):
        scenario.given(
            f"order-{number}",
            OrderCreated(customer_id="ada", customer_name=given, currency_code="GBP"),
        )

    customer = scenario.document("customers", "ada")
    assert isinstance(customer, Customer)
    assert customer.customer_name == name


def test_customers_stay_apart(scenario: ViewScenario) -> None:
    bobs = OrderStory(LAMP_AND_SHADE.lines, customer_id="bob", customer_name="Bob")
    scenario.given("order-1", *LAMP_AND_SHADE.until(ORDER_STATUS_DRAFT))
    scenario.given("order-2", *bobs.until(ORDER_STATUS_SHIPPED))

    assert scenario.ids("customers") == ["ada", "bob"]
    assert scenario.ids("customer-orders") == ["1", "2"]
    assert scenario.document("customers", "ada") == ada(active=1)
