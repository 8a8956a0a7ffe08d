"""GetInventory's and ListInventory's documents: stock, and what orders demand and took of it."""

import pytest

from foldlog.inventory.v1.events_pb2 import (
    StockAdjusted,
    StockDispatched,
    StockReceived,
    StockReleased,
    StockReserved,
)
from foldlog.inventory.v1.queries_pb2 import InventoryItem
from foldlog.orders.v1.events_pb2 import OrderCancelled, OrderShipped, OrderSubmitted
from foldlog.orders.v1.types_pb2 import (
    ORDER_STATUS_DRAFT,
    ORDER_STATUS_PAID,
    ORDER_STATUS_RESERVED,
    ORDER_STATUS_SHIPPED,
    ORDER_STATUS_SUBMITTED,
    OrderStatus,
)
from foldlog_server.domain.testing import ViewScenario
from foldlog_server.domain.view import Key
from foldlog_server.domains.inventory.views.inventory import INVENTORY
from tests.support.order_stories import LAMP_AND_SHADE, OrderStory, line, money

RECEIVED = StockReceived(name="Lamp", quantity=10)
TWO_PRICES = OrderStory(
    (
        line("lamp-1", 1, money("9.99"), product_id="lamp"),
        line("shade", 2, money("4.505")),
        line("lamp-2", 3, money("7.49"), product_id="lamp"),
    )
)


@pytest.fixture
def scenario() -> ViewScenario:
    return ViewScenario(INVENTORY)


def lamp(on_hand: int, reserved: int, available: int) -> InventoryItem:
    return InventoryItem(
        product_id="lamp", name="Lamp", on_hand=on_hand, reserved=reserved, available=available
    )


def name_of(scenario: ViewScenario, product_id: str) -> str:
    item = scenario.document("inventory", product_id)
    assert isinstance(item, InventoryItem)
    return item.name


def test_the_view_keeps_one_collection_of_products_fed_by_stock_and_by_orders() -> None:
    assert INVENTORY.name == "inventory"
    assert INVENTORY.collections == {"inventory": InventoryItem}
    assert set(INVENTORY.events) == {
        StockReceived,
        StockAdjusted,
        StockReserved,
        StockReleased,
        StockDispatched,
        OrderSubmitted,
        OrderShipped,
        OrderCancelled,
    }


def test_received_units_are_on_hand_and_available(scenario: ViewScenario) -> None:
    scenario.given("stock-lamp", RECEIVED, StockReceived(name="Lamp", quantity=5))

    assert scenario.document("inventory", "lamp") == lamp(15, 0, 15)


@pytest.mark.parametrize(("delta", "on_hand"), [(3, 13), (-4, 6)])
def test_adjusted_units_are_found_or_missing(scenario: ViewScenario, delta: int, on_hand: int) -> None:
    scenario.given("stock-lamp", RECEIVED, StockAdjusted(delta=delta, reason="counted"))

    assert scenario.document("inventory", "lamp") == lamp(on_hand, 0, on_hand)


def test_reserved_units_stay_on_hand_and_are_not_available(scenario: ViewScenario) -> None:
    scenario.given("stock-lamp", RECEIVED, StockReserved(order_id="1", quantity=4))

    assert scenario.document("inventory", "lamp") == lamp(10, 4, 6)


def test_released_units_are_available_again(scenario: ViewScenario) -> None:
    scenario.given(
        "stock-lamp",
        RECEIVED,
        StockReserved(order_id="1", quantity=4),
        StockReserved(order_id="2", quantity=1),
        StockReleased(order_id="1", quantity=4),
    )

    assert scenario.document("inventory", "lamp") == lamp(10, 1, 9)


def test_dispatched_units_leave_the_house_and_their_reservation(scenario: ViewScenario) -> None:
    scenario.given(
        "stock-lamp",
        RECEIVED,
        StockReserved(order_id="1", quantity=4),
        StockReserved(order_id="2", quantity=1),
        StockDispatched(order_id="1", quantity=4),
    )

    assert scenario.document("inventory", "lamp") == lamp(6, 1, 5)


def test_the_product_of_a_stock_event_is_all_that_stands_behind_the_first_dash(
    scenario: ViewScenario,
) -> None:
    scenario.given("stock-lamp-2", RECEIVED)

    assert scenario.ids("inventory") == ["lamp-2"]


def test_a_draft_demands_nothing(scenario: ViewScenario) -> None:
    scenario.given("order-1", *LAMP_AND_SHADE.until(ORDER_STATUS_DRAFT))

    assert scenario.ids("inventory") == []


def test_a_submitted_order_demands_units_and_their_exact_value_of_products_never_received(
    scenario: ViewScenario,
) -> None:
    scenario.given("order-1", *LAMP_AND_SHADE.until(ORDER_STATUS_SUBMITTED))

    assert scenario.ids("inventory") == ["lamp", "shade"]
    assert scenario.document("inventory", "lamp") == InventoryItem(
        product_id="lamp", demanded_units=2, demanded_value=[money("19.98")]
    )
    assert scenario.document("inventory", "shade") == InventoryItem(
        product_id="shade", demanded_units=1, demanded_value=[money("4.505")]
    )


def test_one_product_at_two_prices_in_one_order_is_touched_once_and_counts_all_its_lines(
    scenario: ViewScenario,
) -> None:
    scenario.given("order-1", *TWO_PRICES.until(ORDER_STATUS_SHIPPED))

    assert scenario.document("inventory", "lamp") == InventoryItem(
        product_id="lamp",
        demanded_units=4,
        demanded_value=[money("32.46")],
        dispatched_units=4,
        dispatched_value=[money("32.46")],
    )


def test_a_shipped_order_is_dispatched_and_stays_demanded(scenario: ViewScenario) -> None:
    scenario.given("order-1", *LAMP_AND_SHADE.until(ORDER_STATUS_PAID))
    scenario.given("order-2", *LAMP_AND_SHADE.until(ORDER_STATUS_SHIPPED))

    assert scenario.document("inventory", "shade") == InventoryItem(
        product_id="shade",
        demanded_units=2,
        demanded_value=[money("9.01")],
        dispatched_units=1,
        dispatched_value=[money("4.505")],
    )


@pytest.mark.parametrize("status", [ORDER_STATUS_SUBMITTED, ORDER_STATUS_RESERVED, ORDER_STATUS_PAID])
def test_a_cancelled_order_takes_its_demand_back(
    scenario: ViewScenario, status: OrderStatus.ValueType
) -> None:
    scenario.given("order-1", *TWO_PRICES.until(status), TWO_PRICES.cancelled(status))
    scenario.given("order-2", *LAMP_AND_SHADE.until(status))

    assert scenario.document("inventory", "lamp") == InventoryItem(
        product_id="lamp", demanded_units=2, demanded_value=[money("19.98")]
    )


def test_demand_that_is_taken_back_whole_leaves_the_product_at_zero(scenario: ViewScenario) -> None:
    scenario.given("order-1", *TWO_PRICES.until(ORDER_STATUS_SUBMITTED))
    scenario.given("order-1", TWO_PRICES.cancelled(ORDER_STATUS_SUBMITTED))

    assert scenario.document("inventory", "shade") == InventoryItem(
        product_id="shade", demanded_value=[money("0")]
    )


def test_a_cancelled_draft_had_demanded_nothing_that_could_be_taken_back(scenario: ViewScenario) -> None:
    scenario.given("stock-lamp", RECEIVED)
    scenario.given(
        "order-1",
        *LAMP_AND_SHADE.until(ORDER_STATUS_DRAFT),
        LAMP_AND_SHADE.cancelled(ORDER_STATUS_DRAFT),
    )

    assert scenario.ids("inventory") == ["lamp"]
    assert scenario.document("inventory", "lamp") == lamp(10, 0, 10)


def test_each_currency_has_a_sum_of_its_own_sorted_by_its_code(scenario: ViewScenario) -> None:
    euros = OrderStory((line("lamp", 3, money("7.0005", "EUR")),), currency_code="EUR")
    scenario.given("order-1", *LAMP_AND_SHADE.until(ORDER_STATUS_SHIPPED))
    scenario.given("order-2", *euros.until(ORDER_STATUS_SHIPPED))

    sums = [money("21.0015", "EUR"), money("19.98")]
    assert scenario.document("inventory", "lamp") == InventoryItem(
        product_id="lamp",
        demanded_units=5,
        demanded_value=sums,
        dispatched_units=5,
        dispatched_value=sums,
    )


def test_stock_and_demand_are_counted_apart(scenario: ViewScenario) -> None:
    scenario.given("order-1", *LAMP_AND_SHADE.until(ORDER_STATUS_SUBMITTED))
    scenario.given("stock-lamp", RECEIVED, StockReserved(order_id="1", quantity=2))

    expected = lamp(10, 2, 8)
    expected.demanded_units = 2
    expected.demanded_value.append(money("19.98"))
    assert scenario.document("inventory", "lamp") == expected


def ordered(name: str) -> OrderSubmitted:
    submitted = OrderStory((line("lamp", 1, money("1"), name=name),)).until(ORDER_STATUS_SUBMITTED)[-1]
    assert isinstance(submitted, OrderSubmitted)
    return submitted


def received(name: str) -> StockReceived:
    return StockReceived(name=name, quantity=1)


@pytest.mark.parametrize(
    ("events", "name"),
    [
        ([received("Lamp"), received("Red lamp")], "Red lamp"),
        ([received("Lamp"), received("")], "Lamp"),
        ([ordered("Lamp"), ordered("Red lamp")], "Lamp"),
        ([ordered(""), ordered("Lamp")], "Lamp"),
        ([ordered("Lamp"), received("Red lamp")], "Red lamp"),
        ([ordered("Lamp"), received("")], "Lamp"),
        ([received(""), ordered("Lamp")], "Lamp"),
        ([received("Lamp"), ordered("Red lamp")], "Lamp"),
        ([received(""), ordered("")], ""),
    ],
)
def test_a_product_is_named_as_last_received_else_as_first_ordered(
    scenario: ViewScenario, events: list[StockReceived | OrderSubmitted], name: str
) -> None:
    for number, event in enumerate(events):
        scenario.given("stock-lamp" if isinstance(event, StockReceived) else f"order-{number}", event)

    assert name_of(scenario, "lamp") == name


def test_of_several_lines_the_first_that_names_the_product_does(scenario: ViewScenario) -> None:
    story = OrderStory(
        (
            line("1", 1, money("1"), product_id="lamp"),
            line("2", 1, money("1"), product_id="lamp", name="Lamp"),
            line("3", 1, money("1"), product_id="lamp", name="Red lamp"),
        )
    )
    scenario.given("order-1", *story.until(ORDER_STATUS_SUBMITTED))

    assert name_of(scenario, "lamp") == "Lamp"


def test_a_runner_may_ask_for_the_keys_of_a_batch_before_it_evolves(scenario: ViewScenario) -> None:
    first = scenario.record("order-1", TWO_PRICES.until(ORDER_STATUS_SUBMITTED)[-1])
    second = scenario.record("order-2", LAMP_AND_SHADE.until(ORDER_STATUS_SUBMITTED)[-1])
    key = Key("inventory", "lamp")

    assert set(INVENTORY.keys(first)) == set(INVENTORY.keys(second)) == {key, Key("inventory", "shade")}
    item = INVENTORY.evolve(key, INVENTORY.evolve(key, None, first), second)

    assert item == InventoryItem(product_id="lamp", demanded_units=6, demanded_value=[money("52.44")])
