"""The contract's table of Orders, cell by cell, and the data that goes with each cell."""

import pytest
from google.protobuf.message import Message

from foldlog.orders.v1 import events_pb2
from foldlog.orders.v1.commands_pb2 import (
    AddItem,
    CancelOrder,
    ChangeItemQuantity,
    ConfirmReservation,
    CreateOrder,
    RecordPayment,
    RemoveItem,
    ShipOrder,
    SubmitOrder,
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
from foldlog.orders.v1.types_pb2 import Order as OrderMessage
from foldlog.orders.v1.types_pb2 import OrderLine, OrderStatus
from foldlog.v1.money_pb2 import Money
from foldlog_server.domain.money import to_money
from foldlog_server.domain.testing import given
from foldlog_server.domains.orders.order import Status
from foldlog_server.domains.orders.order_rules import MAX_LINES, MAX_QUANTITY, ORDER

ID = "536365"
CENT = 10_000_000


def gbp(units: int, nanos: int = 0) -> Money:
    return Money(currency_code="GBP", units=units, nanos=nanos)


def line(quantity: int = 6, price: Money | None = None, **fields: str) -> OrderLine:
    fields = {"line_id": "L1", "product_id": "85123A", "product_name": "T-LIGHT HOLDER"} | fields
    return OrderLine(quantity=quantity, unit_price=price or gbp(2, 55 * CENT), **fields)


CREATED = OrderCreated(customer_id="17850", customer_name="Ann", currency_code="GBP")
ADDED = ItemAdded(line=line())
SUBMITTED = OrderSubmitted(
    customer_id="17850",
    customer_name="Ann",
    lines=[line()],
    total=gbp(15, 30 * CENT),
    amount_due=gbp(15, 30 * CENT),
)
RESERVED = OrderReserved(reservation_id="R1")
PAID = PaymentReceived(payment_id="P1", amount=gbp(15, 30 * CENT), customer_id="17850")
SHIPPED = OrderShipped(
    shipment_id="S1",
    carrier="Royal Mail",
    tracking_number="RM1",
    customer_id="17850",
    customer_name="Ann",
    lines=[line()],
    total=gbp(15, 30 * CENT),
    amount_due=gbp(15, 30 * CENT),
)


def cancelled(former_status: OrderStatus.ValueType, **amounts: Money) -> OrderCancelled:
    return OrderCancelled(
        reason="late",
        former_status=former_status,
        customer_id="17850",
        customer_name="Ann",
        lines=[line()],
        total=gbp(15, 30 * CENT),
        **amounts,
    )


HISTORIES: dict[str, list[Message]] = {
    "ABSENT": [],
    "DRAFT": [CREATED, ADDED],
    "SUBMITTED": [CREATED, ADDED, SUBMITTED],
    "RESERVED": [CREATED, ADDED, SUBMITTED, RESERVED],
    "PAID": [CREATED, ADDED, SUBMITTED, RESERVED, PAID],
    "SHIPPED": [CREATED, ADDED, SUBMITTED, RESERVED, PAID, SHIPPED],
    "CANCELLED": [CREATED, ADDED, cancelled(OrderStatus.ORDER_STATUS_DRAFT)],
}

COMMANDS: dict[str, Message] = {
    "CreateOrder": CreateOrder(order_id=ID, customer_id="17850", currency_code="GBP"),
    "AddItem": AddItem(order_id=ID, line=line(line_id="L2")),
    "AddItem again": AddItem(order_id=ID, line=line()),
    "AddItem differing": AddItem(order_id=ID, line=line(product_id="71053")),
    "ChangeItemQuantity": ChangeItemQuantity(order_id=ID, line_id="L1", quantity=7),
    "ChangeItemQuantity to 0": ChangeItemQuantity(order_id=ID, line_id="L1"),
    "ChangeItemQuantity to the same": ChangeItemQuantity(order_id=ID, line_id="L1", quantity=6),
    "ChangeItemQuantity of no line": ChangeItemQuantity(order_id=ID, line_id="L9", quantity=7),
    "RemoveItem": RemoveItem(order_id=ID, line_id="L1"),
    "RemoveItem of no line": RemoveItem(order_id=ID, line_id="L9"),
    "SubmitOrder": SubmitOrder(order_id=ID),
    "ConfirmReservation": ConfirmReservation(order_id=ID, reservation_id="R1"),
    "ConfirmReservation of another": ConfirmReservation(order_id=ID, reservation_id="R2"),
    "RecordPayment": RecordPayment(order_id=ID, payment_id="P1", amount=gbp(15, 30 * CENT)),
    "RecordPayment of another": RecordPayment(order_id=ID, payment_id="P2", amount=gbp(15, 30 * CENT)),
    "RecordPayment of too little": RecordPayment(order_id=ID, payment_id="P3", amount=gbp(15)),
    "ShipOrder": ShipOrder(order_id=ID, shipment_id="S1"),
    "ShipOrder in another": ShipOrder(order_id=ID, shipment_id="S2"),
    "CancelOrder": CancelOrder(order_id=ID, reason="late"),
}

STATUSES = ["DRAFT", "SUBMITTED", "RESERVED", "PAID", "SHIPPED", "CANCELLED"]

# As in the contract: "=" repeats the cell to its left.
TABLE = """
CreateOrder                    | ORDER_EXISTS | = | = | = | = | =
AddItem                        | ItemAdded | WRONG_STATUS | = | = | = | =
AddItem again                  | ItemQuantityChanged | WRONG_STATUS | = | = | = | =
AddItem differing              | LINE_DIFFERS | WRONG_STATUS | = | = | = | =
ChangeItemQuantity             | ItemQuantityChanged | WRONG_STATUS | = | = | = | =
ChangeItemQuantity to 0        | ItemRemoved | WRONG_STATUS | = | = | = | =
ChangeItemQuantity to the same | nothing | WRONG_STATUS | = | = | = | =
ChangeItemQuantity of no line  | LINE_NOT_FOUND | WRONG_STATUS | = | = | = | =
RemoveItem                     | ItemRemoved | WRONG_STATUS | = | = | = | =
RemoveItem of no line          | LINE_NOT_FOUND | WRONG_STATUS | = | = | = | =
SubmitOrder                    | OrderSubmitted | nothing | = | = | = | WRONG_STATUS
ConfirmReservation             | WRONG_STATUS | OrderReserved | nothing | = | = | WRONG_STATUS
ConfirmReservation of another  | WRONG_STATUS | OrderReserved | WRONG_STATUS | = | = | =
RecordPayment                  | WRONG_STATUS | = | PaymentReceived | nothing | = | WRONG_STATUS
RecordPayment of another       | WRONG_STATUS | = | PaymentReceived | ALREADY_PAID | = | WRONG_STATUS
RecordPayment of too little    | WRONG_STATUS | = | AMOUNT_MISMATCH | ALREADY_PAID | = | WRONG_STATUS
ShipOrder                      | WRONG_STATUS | = | = | OrderShipped | nothing | WRONG_STATUS
ShipOrder in another           | WRONG_STATUS | = | = | OrderShipped | ALREADY_SHIPPED | WRONG_STATUS
CancelOrder                    | OrderCancelled | = | = | = | WRONG_STATUS | nothing
"""


def cells() -> list[tuple[str, str, str]]:
    """(command, status, cell) of the whole table."""
    found: list[tuple[str, str, str]] = []
    for row in TABLE.strip().splitlines():
        name, *outcomes = (cell.strip() for cell in row.split("|"))
        for status, outcome in zip(STATUSES, outcomes, strict=True):
            found.append((name, status, found[-1][2] if outcome == "=" else outcome))
    return found


@pytest.mark.parametrize(
    ("command", "status", "cell"), cells(), ids=[f"{c} | {s} | {cell}" for c, s, cell in cells()]
)
def test_the_table_holds(command: str, status: str, cell: str) -> None:
    outcome = given(ORDER, *HISTORIES[status]).when(COMMANDS[command])
    if cell == "nothing":
        outcome.then_nothing()
    elif cell in ("WRONG_STATUS", "ORDER_EXISTS"):
        outcome.then_rejected(cell, order_id=ID, status=status)
    elif cell.isupper():
        outcome.then_rejected(cell, order_id=ID)
    else:
        assert [event.DESCRIPTOR.name for event in outcome.events] == [cell], outcome.refusal


def test_the_table_has_a_row_for_every_command_in_its_order() -> None:
    assert list(COMMANDS) == list(dict.fromkeys(command for command, _, _ in cells()))


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "CreateOrder"])
def test_what_does_not_exist_is_not_found_whatever_is_asked(command: str) -> None:
    given(ORDER).when(COMMANDS[command]).then_rejected("ORDER_NOT_FOUND", order_id=ID)


@pytest.mark.parametrize("status", HISTORIES)
def test_each_history_leads_to_its_status(status: str) -> None:
    assert given(ORDER, *HISTORIES[status]).state.status.name == status


class TestCreateOrder:
    def test_an_order_begins_as_an_empty_draft(self) -> None:
        command = CreateOrder(order_id=ID, customer_id="17850", customer_name="Ann", currency_code="GBP")
        given(ORDER).when(command).then(CREATED)

    def test_an_order_is_created_and_filled_at_once(self) -> None:
        lines = [line(line_id=""), line(line_id="L2", price=gbp(3))]
        command = CreateOrder(order_id=ID, currency_code="GBP", lines=lines)
        given(ORDER).when(command).then(
            OrderCreated(currency_code="GBP"),
            ItemAdded(line=line(line_id="85123A")),
            ItemAdded(line=line(line_id="L2", price=gbp(3))),
        )

    def test_the_same_line_twice_adds_up(self) -> None:
        command = CreateOrder(order_id=ID, currency_code="GBP", lines=[line(2), line(3), line(4)])
        price = gbp(2, 55 * CENT)
        given(ORDER).when(command).then(
            OrderCreated(currency_code="GBP"),
            ItemAdded(line=line(2)),
            ItemQuantityChanged(line_id="L1", former_quantity=2, quantity=5, unit_price=price),
            ItemQuantityChanged(line_id="L1", former_quantity=5, quantity=9, unit_price=price),
        )

    def test_one_line_id_for_two_prices_is_refused_and_nothing_happens(self) -> None:
        lines = [line(), line(price=gbp(3))]
        given(ORDER).when(CreateOrder(order_id=ID, currency_code="GBP", lines=lines)).then_rejected(
            "LINE_DIFFERS", order_id=ID, line_id="L1", unit_price="2.55"
        )

    def test_a_line_in_another_currency_is_refused(self) -> None:
        given(ORDER).when(CreateOrder(order_id=ID, currency_code="EUR", lines=[line()])).then_rejected(
            "CURRENCY_MISMATCH", line_id="L1", currency_code="EUR", found_currency_code="GBP"
        )

    def test_a_refusal_of_an_order_yet_to_be_made_names_no_order(self) -> None:
        outcome = given(ORDER).when(CreateOrder(currency_code="EUR", lines=[line(line_id="7")]))
        assert outcome.refusal is not None
        assert outcome.refusal.metadata == {
            "line_id": "7",
            "currency_code": "EUR",
            "found_currency_code": "GBP",
        }

    def test_as_many_lines_as_allowed_are_accepted(self) -> None:
        lines = [line(line_id=str(number)) for number in range(MAX_LINES)]
        outcome = given(ORDER).when(CreateOrder(order_id=ID, currency_code="GBP", lines=lines))
        assert len(outcome.events) == 1 + MAX_LINES

    def test_one_line_more_is_refused(self) -> None:
        lines = [line(line_id=str(number)) for number in range(MAX_LINES + 1)]
        given(ORDER).when(CreateOrder(order_id=ID, currency_code="GBP", lines=lines)).then_rejected(
            "TOO_MANY_LINES", line_id="2000", limit="2000"
        )


class TestAddItem:
    def test_a_line_is_added(self) -> None:
        given(ORDER, CREATED).when(AddItem(order_id=ID, line=line())).then(ADDED)

    def test_a_line_without_an_id_gets_its_product_id(self) -> None:
        given(ORDER, CREATED).when(AddItem(order_id=ID, line=line(line_id=""))).then(
            ItemAdded(line=line(line_id="85123A"))
        )

    def test_the_default_line_id_is_the_same_line_as_the_product_id_spelled_out(self) -> None:
        given(ORDER, CREATED, ItemAdded(line=line(line_id="85123A"))).when(
            AddItem(order_id=ID, line=line(1, line_id=""))
        ).then(
            ItemQuantityChanged(line_id="85123A", former_quantity=6, quantity=7, unit_price=gbp(2, 55 * CENT))
        )

    def test_the_same_line_adds_up_whatever_its_name(self) -> None:
        given(ORDER, CREATED, ADDED).when(
            AddItem(order_id=ID, line=line(4, product_name="another name"))
        ).then(
            ItemQuantityChanged(line_id="L1", former_quantity=6, quantity=10, unit_price=gbp(2, 55 * CENT))
        )

    @pytest.mark.parametrize(
        "other", [line(product_id="71053"), line(price=gbp(2, 55 * CENT + 1))], ids=["product", "price"]
    )
    def test_another_product_or_price_needs_a_line_of_its_own(self, other: OrderLine) -> None:
        given(ORDER, CREATED, ADDED).when(AddItem(order_id=ID, line=other)).then_rejected(
            "LINE_DIFFERS", order_id=ID, line_id="L1", product_id="85123A", unit_price="2.55"
        )

    def test_another_currency_is_refused_before_anything_else(self) -> None:
        euros = Money(currency_code="EUR", units=2)
        item = line(MAX_QUANTITY, price=euros, product_id="71053")
        given(ORDER, CREATED, ADDED).when(AddItem(order_id=ID, line=item)).then_rejected(
            "CURRENCY_MISMATCH", line_id="L1", order_id=ID, currency_code="GBP", found_currency_code="EUR"
        )

    def test_a_line_that_differs_is_refused_before_a_quantity_too_large(self) -> None:
        item = line(MAX_QUANTITY, product_id="71053")
        given(ORDER, CREATED, ADDED).when(AddItem(order_id=ID, line=item)).then_rejected("LINE_DIFFERS")

    def test_a_line_grows_to_its_limit(self) -> None:
        outcome = given(ORDER, CREATED, ADDED).when(AddItem(order_id=ID, line=line(MAX_QUANTITY - 6)))
        outcome.then(
            ItemQuantityChanged(
                line_id="L1", former_quantity=6, quantity=MAX_QUANTITY, unit_price=gbp(2, 55 * CENT)
            )
        )

    def test_a_line_does_not_grow_beyond_its_limit(self) -> None:
        given(ORDER, CREATED, ADDED).when(AddItem(order_id=ID, line=line(MAX_QUANTITY - 5))).then_rejected(
            "QUANTITY_TOO_LARGE", order_id=ID, line_id="L1", quantity="1000001", limit="1000000"
        )

    def test_a_full_order_takes_no_new_line_but_more_of_one_it_has(self) -> None:
        full = [ItemAdded(line=line(line_id=str(number))) for number in range(MAX_LINES)]
        order = given(ORDER, CREATED, *full)
        order.when(AddItem(order_id=ID, line=line(line_id="new"))).then_rejected(
            "TOO_MANY_LINES", order_id=ID, line_id="new", limit="2000"
        )
        order.when(AddItem(order_id=ID, line=line(MAX_QUANTITY + 1, line_id="new"))).then_rejected(
            "QUANTITY_TOO_LARGE"
        )
        order.when(AddItem(order_id=ID, line=line(1000, gbp(10**9), line_id="new"))).then_rejected(
            "TOO_MANY_LINES"
        )
        order.when(AddItem(order_id=ID, line=line(1, line_id="0"))).then(
            ItemQuantityChanged(line_id="0", former_quantity=6, quantity=7, unit_price=gbp(2, 55 * CENT))
        )

    def test_the_total_reaches_its_limit_and_not_a_billionth_more(self) -> None:
        million = ItemAdded(line=line(1000, gbp(10**9), line_id="million"))
        free = AddItem(order_id=ID, line=line(1, Money(currency_code="GBP"), line_id="free"))
        dust = AddItem(order_id=ID, line=line(1, gbp(0, 1), line_id="dust"))
        given(ORDER, CREATED).when(AddItem(order_id=ID, line=million.line)).then(million)
        given(ORDER, CREATED, million).when(free).then(ItemAdded(line=free.line))
        given(ORDER, CREATED, million).when(dust).then_rejected(
            "TOTAL_TOO_LARGE",
            order_id=ID,
            line_id="dust",
            total="1000000000000.000000001",
            limit="1000000000000",
            currency_code="GBP",
        )

    def test_a_quantity_too_large_is_refused_before_a_total_too_large(self) -> None:
        dear = ItemAdded(line=line(1, gbp(10**9)))
        item = line(MAX_QUANTITY, gbp(10**9))
        given(ORDER, CREATED, dear).when(AddItem(order_id=ID, line=item)).then_rejected("QUANTITY_TOO_LARGE")

    def test_adding_up_counts_only_what_is_added_to_the_total(self) -> None:
        half = ItemAdded(line=line(500, gbp(10**9)))
        order = given(ORDER, CREATED, half)
        order.when(AddItem(order_id=ID, line=line(500, gbp(10**9)))).then(
            ItemQuantityChanged(line_id="L1", former_quantity=500, quantity=1000, unit_price=gbp(10**9))
        )
        order.when(AddItem(order_id=ID, line=line(501, gbp(10**9)))).then_rejected("TOTAL_TOO_LARGE")


class TestChangeItemQuantity:
    def test_a_quantity_is_set(self) -> None:
        given(ORDER, CREATED, ADDED).when(COMMANDS["ChangeItemQuantity"]).then(
            ItemQuantityChanged(line_id="L1", former_quantity=6, quantity=7, unit_price=gbp(2, 55 * CENT))
        )

    def test_zero_removes_the_line(self) -> None:
        given(ORDER, CREATED, ADDED).when(COMMANDS["ChangeItemQuantity to 0"]).then(
            ItemRemoved(line_id="L1", former_quantity=6, unit_price=gbp(2, 55 * CENT))
        )

    def test_a_line_that_is_not_there_cannot_change_not_even_to_zero(self) -> None:
        for quantity in (0, 7):
            given(ORDER, CREATED, ADDED).when(
                ChangeItemQuantity(order_id=ID, line_id="L9", quantity=quantity)
            ).then_rejected("LINE_NOT_FOUND", order_id=ID, line_id="L9")

    def test_the_total_keeps_its_limit(self) -> None:
        order = given(ORDER, CREATED, ItemAdded(line=line(1, gbp(10**9))))
        order.when(ChangeItemQuantity(order_id=ID, line_id="L1", quantity=1000)).then(
            ItemQuantityChanged(line_id="L1", former_quantity=1, quantity=1000, unit_price=gbp(10**9))
        )
        order.when(ChangeItemQuantity(order_id=ID, line_id="L1", quantity=1001)).then_rejected(
            "TOTAL_TOO_LARGE", total="1001000000000"
        )


class TestRemoveItem:
    def test_a_line_is_removed(self) -> None:
        given(ORDER, CREATED, ADDED).when(COMMANDS["RemoveItem"]).then(
            ItemRemoved(line_id="L1", former_quantity=6, unit_price=gbp(2, 55 * CENT))
        )

    def test_a_line_is_removed_once(self) -> None:
        removed = ItemRemoved(line_id="L1", former_quantity=6, unit_price=gbp(2, 55 * CENT))
        given(ORDER, CREATED, ADDED, removed).when(COMMANDS["RemoveItem"]).then_rejected(
            "LINE_NOT_FOUND", order_id=ID, line_id="L1"
        )


class TestSubmitOrder:
    def test_lines_and_amounts_are_fixed(self) -> None:
        given(ORDER, CREATED, ADDED).when(COMMANDS["SubmitOrder"]).then(SUBMITTED)

    def test_an_order_without_lines_is_refused(self) -> None:
        given(ORDER, CREATED).when(COMMANDS["SubmitOrder"]).then_rejected("ORDER_EMPTY", order_id=ID)

    def test_an_order_whose_lines_were_all_removed_is_refused(self) -> None:
        removed = ItemRemoved(line_id="L1", former_quantity=6, unit_price=gbp(2, 55 * CENT))
        given(ORDER, CREATED, ADDED, removed).when(COMMANDS["SubmitOrder"]).then_rejected("ORDER_EMPTY")

    @pytest.mark.parametrize(
        ("currency", "price", "due"),
        [
            ("GBP", 5_000_000, 0),
            ("GBP", 15_000_000, 20_000_000),
            ("GBP", 25_000_000, 20_000_000),
            ("GBP", 25_000_001, 30_000_000),
            ("JPY", 500_000_000, 0),
            ("JPY", 1_500_000_000, 2_000_000_000),
            ("KWD", 1_500_000, 2_000_000),
        ],
    )
    def test_the_amount_due_is_the_total_rounded_half_even_to_the_minor_unit(
        self, currency: str, price: int, due: int
    ) -> None:
        item = line(1, to_money(currency, price))
        given(ORDER, OrderCreated(currency_code=currency), ItemAdded(line=item)).when(
            SubmitOrder(order_id=ID)
        ).then(
            OrderSubmitted(lines=[item], total=to_money(currency, price), amount_due=to_money(currency, due))
        )

    def test_the_sum_is_rounded_not_its_lines(self) -> None:
        lines = [line(1, gbp(0, 4_000_000), line_id=id) for id in ("a", "b", "c")]
        given(ORDER, CREATED, *(ItemAdded(line=each) for each in lines)).when(SubmitOrder(order_id=ID)).then(
            OrderSubmitted(
                customer_id="17850",
                customer_name="Ann",
                lines=lines,
                total=gbp(0, 12_000_000),
                amount_due=gbp(0, 10_000_000),
            )
        )


class TestConfirmReservation:
    def test_a_submitted_order_is_reserved(self) -> None:
        given(ORDER, *HISTORIES["SUBMITTED"]).when(COMMANDS["ConfirmReservation"]).then(RESERVED)

    def test_a_second_reservation_is_told_of_the_first(self) -> None:
        given(ORDER, *HISTORIES["RESERVED"]).when(COMMANDS["ConfirmReservation of another"]).then_rejected(
            "WRONG_STATUS", order_id=ID, status="RESERVED", reservation_id="R1"
        )


class TestRecordPayment:
    def test_a_reserved_order_is_paid(self) -> None:
        given(ORDER, *HISTORIES["RESERVED"]).when(COMMANDS["RecordPayment"]).then(PAID)

    @pytest.mark.parametrize("amount", [gbp(15, 30 * CENT - 1), gbp(15, 30 * CENT + 1), gbp(0)])
    def test_not_a_billionth_more_or_less_than_the_amount_due(self, amount: Money) -> None:
        given(ORDER, *HISTORIES["RESERVED"]).when(
            RecordPayment(order_id=ID, payment_id="P1", amount=amount)
        ).then_rejected("AMOUNT_MISMATCH", order_id=ID, amount_due="15.3", currency_code="GBP")

    def test_the_right_number_in_the_wrong_currency_is_refused(self) -> None:
        amount = Money(currency_code="EUR", units=15, nanos=30 * CENT)
        given(ORDER, *HISTORIES["RESERVED"]).when(
            RecordPayment(order_id=ID, payment_id="P1", amount=amount)
        ).then_rejected("CURRENCY_MISMATCH", currency_code="GBP", found_currency_code="EUR")

    @pytest.mark.parametrize("status", ["PAID", "SHIPPED"])
    def test_the_same_payment_again_changes_nothing_whatever_its_amount(self, status: str) -> None:
        given(ORDER, *HISTORIES[status]).when(
            RecordPayment(order_id=ID, payment_id="P1", amount=Money(currency_code="EUR"))
        ).then_nothing()

    def test_a_second_payment_is_told_of_the_first(self) -> None:
        given(ORDER, *HISTORIES["PAID"]).when(COMMANDS["RecordPayment of another"]).then_rejected(
            "ALREADY_PAID", order_id=ID, payment_id="P1"
        )

    def test_an_order_for_nothing_is_paid_with_nothing(self) -> None:
        nothing = Money(currency_code="GBP")
        free = [
            CREATED,
            ItemAdded(line=line(1, nothing)),
            OrderSubmitted(customer_id="17850", total=nothing, amount_due=nothing),
            RESERVED,
        ]
        given(ORDER, *free).when(RecordPayment(order_id=ID, payment_id="P1", amount=nothing)).then(
            PaymentReceived(payment_id="P1", amount=nothing, customer_id="17850")
        )


class TestShipOrder:
    def test_a_paid_order_is_shipped_with_everything_views_need(self) -> None:
        command = ShipOrder(order_id=ID, shipment_id="S1", carrier="Royal Mail", tracking_number="RM1")
        given(ORDER, *HISTORIES["PAID"]).when(command).then(SHIPPED)

    def test_a_second_shipment_is_told_of_the_first(self) -> None:
        given(ORDER, *HISTORIES["SHIPPED"]).when(COMMANDS["ShipOrder in another"]).then_rejected(
            "ALREADY_SHIPPED", order_id=ID, shipment_id="S1"
        )


class TestCancelOrder:
    @pytest.mark.parametrize(
        ("status", "amounts"),
        [
            ("DRAFT", {}),
            ("SUBMITTED", {"amount_due": gbp(15, 30 * CENT)}),
            ("RESERVED", {"amount_due": gbp(15, 30 * CENT)}),
            ("PAID", {"amount_due": gbp(15, 30 * CENT), "paid": gbp(15, 30 * CENT)}),
        ],
    )
    def test_it_tells_the_former_status_and_what_was_due_and_paid(
        self, status: str, amounts: dict[str, Money]
    ) -> None:
        former = OrderStatus.Value(f"ORDER_STATUS_{status}")
        given(ORDER, *HISTORIES[status]).when(COMMANDS["CancelOrder"]).then(cancelled(former, **amounts))

    def test_an_order_without_lines_can_be_cancelled(self) -> None:
        given(ORDER, CREATED).when(COMMANDS["CancelOrder"]).then(
            OrderCancelled(
                reason="late",
                former_status=OrderStatus.ORDER_STATUS_DRAFT,
                customer_id="17850",
                customer_name="Ann",
                total=Money(currency_code="GBP"),
            )
        )

    def test_a_shipped_order_can_no_longer_be_cancelled(self) -> None:
        given(ORDER, *HISTORIES["SHIPPED"]).when(COMMANDS["CancelOrder"]).then_rejected(
            "WRONG_STATUS", order_id=ID, status="SHIPPED"
        )


class TestRendering:
    def test_what_does_not_exist_shows_nothing(self) -> None:
        given(ORDER).shows(None, id=ID)

    def test_an_empty_draft_has_a_total_of_nothing_in_its_currency(self) -> None:
        given(ORDER, CREATED).shows(
            OrderMessage(
                order_id=ID,
                version=1,
                customer_id="17850",
                customer_name="Ann",
                currency_code="GBP",
                status=OrderStatus.ORDER_STATUS_DRAFT,
                total=Money(currency_code="GBP"),
            ),
            id=ID,
        )

    def test_a_shipped_order_shows_everything(self) -> None:
        given(ORDER, *HISTORIES["SHIPPED"]).shows(
            OrderMessage(
                order_id=ID,
                version=6,
                customer_id="17850",
                customer_name="Ann",
                currency_code="GBP",
                status=OrderStatus.ORDER_STATUS_SHIPPED,
                lines=[line()],
                total=gbp(15, 30 * CENT),
                amount_due=gbp(15, 30 * CENT),
                reservation_id="R1",
                payment_id="P1",
                paid=gbp(15, 30 * CENT),
                shipment_id="S1",
                carrier="Royal Mail",
                tracking_number="RM1",
            ),
            id=ID,
        )

    def test_a_cancelled_order_shows_why_and_no_amount_that_was_never_fixed(self) -> None:
        given(ORDER, *HISTORIES["CANCELLED"]).shows(
            OrderMessage(
                order_id=ID,
                version=3,
                customer_id="17850",
                customer_name="Ann",
                currency_code="GBP",
                status=OrderStatus.ORDER_STATUS_CANCELLED,
                lines=[line()],
                total=gbp(15, 30 * CENT),
                cancel_reason="late",
            ),
            id=ID,
        )

    def test_lines_keep_the_order_in_which_they_were_added(self) -> None:
        added = [ItemAdded(line=line(1, gbp(1), line_id=id)) for id in ("c", "a", "b")]
        changed = ItemQuantityChanged(line_id="c", former_quantity=1, quantity=5, unit_price=gbp(1))
        removed = ItemRemoved(line_id="a", former_quantity=1, unit_price=gbp(1))
        state = given(ORDER, CREATED, *added, changed, removed, added[1]).state
        shown = ORDER.render(ID, 7, state)
        assert isinstance(shown, OrderMessage)
        assert [(each.line_id, each.quantity) for each in shown.lines] == [("c", 5), ("b", 1), ("a", 1)]
        assert shown.total == gbp(7)

    def test_zero_amounts_are_shown_once_they_are_fixed(self) -> None:
        nothing = Money(currency_code="GBP")
        submitted = OrderSubmitted(total=nothing, amount_due=nothing)
        state = given(ORDER, CREATED, ADDED, submitted).state
        shown = ORDER.render(ID, 3, state)
        assert isinstance(shown, OrderMessage)
        assert shown.HasField("amount_due")
        assert not shown.HasField("paid")


def test_the_statuses_are_those_of_the_contract() -> None:
    ours = {status.name: status.value for status in Status if status is not Status.ABSENT}
    contract = {name.removeprefix("ORDER_STATUS_"): number for name, number in OrderStatus.items()}
    assert contract.pop("UNSPECIFIED") == Status.ABSENT.value
    assert ours == contract


def test_the_decider_has_every_event_of_its_proto() -> None:
    declared = set(events_pb2.DESCRIPTOR.message_types_by_name)
    assert {event.DESCRIPTOR.name for event in ORDER.events} == declared


def test_a_message_of_another_domain_is_a_defect_not_a_refusal() -> None:
    with pytest.raises(AssertionError):
        ORDER.decide(CREATED, ORDER.initial)  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        ORDER.evolve(ORDER.initial, SubmitOrder(order_id=ID))  # type: ignore[arg-type]
