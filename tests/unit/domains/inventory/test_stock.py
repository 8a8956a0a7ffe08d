"""The contract's table of Stock, cell by cell, and the data that goes with each cell."""

import pytest
from google.protobuf.message import Message

from foldlog.inventory.v1 import events_pb2
from foldlog.inventory.v1.commands_pb2 import (
    AdjustStock,
    DispatchStock,
    ReceiveStock,
    ReleaseStock,
    ReservationLine,
    ReserveStock,
)
from foldlog.inventory.v1.events_pb2 import (
    StockAdjusted,
    StockDispatched,
    StockReceived,
    StockReleased,
    StockReserved,
)
from foldlog.inventory.v1.types_pb2 import Stock as StockMessage
from foldlog_server.domain.testing import given
from foldlog_server.domains.inventory.stock import MAX_ON_HAND, STOCK

ID = "85123A"
RECEIVED = StockReceived(name="T-LIGHT HOLDER", quantity=10)
RESERVED = StockReserved(order_id="1", quantity=4)
RELEASED = StockReleased(order_id="1", quantity=4)
DISPATCHED = StockDispatched(order_id="1", quantity=4)


def receive(quantity: int, name: str = "") -> ReceiveStock:
    return ReceiveStock(product_id=ID, name=name, quantity=quantity)


def adjust(delta: int) -> AdjustStock:
    return AdjustStock(product_id=ID, delta=delta, reason="counted")


def reserve(order_id: str, quantity: int) -> ReserveStock:
    return ReserveStock(order_id=order_id, lines=[ReservationLine(product_id=ID, quantity=quantity)])


def release(order_id: str) -> ReleaseStock:
    return ReleaseStock(order_id=order_id, product_ids=[ID])


def dispatch(order_id: str) -> DispatchStock:
    return DispatchStock(order_id=order_id, product_ids=[ID])


HISTORIES: dict[str, list[Message]] = {
    "unknown": [],
    "known": [RECEIVED, RESERVED],
}

COMMANDS: dict[str, Message] = {
    "ReceiveStock": receive(10),
    "AdjustStock up": adjust(1),
    "AdjustStock below reserved": adjust(-7),
    "ReserveStock": reserve("2", 6),
    "ReserveStock, open, same quantity": reserve("1", 4),
    "ReserveStock, open, other quantity": reserve("1", 5),
    "ReserveStock, too much": reserve("2", 7),
    "ReleaseStock": release("1"),
    "ReleaseStock, none open": release("2"),
    "DispatchStock": dispatch("1"),
    "DispatchStock, none open": dispatch("2"),
}

TABLE = """
ReceiveStock                       | StockReceived      | StockReceived
AdjustStock up                     | PRODUCT_NOT_FOUND  | StockAdjusted
AdjustStock below reserved         | PRODUCT_NOT_FOUND  | BELOW_RESERVED
ReserveStock                       | INSUFFICIENT_STOCK | StockReserved
ReserveStock, open, same quantity  | INSUFFICIENT_STOCK | nothing
ReserveStock, open, other quantity | INSUFFICIENT_STOCK | RESERVATION_DIFFERS
ReserveStock, too much             | INSUFFICIENT_STOCK | INSUFFICIENT_STOCK
ReleaseStock                       | nothing            | StockReleased
ReleaseStock, none open            | nothing            | nothing
DispatchStock                      | NO_RESERVATION     | StockDispatched
DispatchStock, none open           | NO_RESERVATION     | NO_RESERVATION
"""


def cells() -> list[tuple[str, str, str]]:
    """(command, history, cell) of the whole table."""
    rows = [[cell.strip() for cell in row.split("|")] for row in TABLE.strip().splitlines()]
    return [
        (name, history, cell)
        for name, *outcomes in rows
        for history, cell in zip(HISTORIES, outcomes, strict=True)
    ]


@pytest.mark.parametrize(
    ("command", "history", "cell"), cells(), ids=[f"{c} | {h} | {cell}" for c, h, cell in cells()]
)
def test_the_table_holds(command: str, history: str, cell: str) -> None:
    outcome = given(STOCK, *HISTORIES[history]).when(COMMANDS[command])
    if cell == "nothing":
        outcome.then_nothing()
    elif cell.isupper():
        outcome.then_rejected(cell, product_id=ID)
    else:
        assert [event.DESCRIPTOR.name for event in outcome.events] == [cell], outcome.refusal


def test_the_table_has_a_row_for_every_command_in_its_order() -> None:
    assert list(COMMANDS) == list(dict.fromkeys(command for command, _, _ in cells()))


class TestReceiveStock:
    def test_stock_of_a_new_product_is_received(self) -> None:
        given(STOCK).when(receive(10, "T-LIGHT HOLDER")).then(RECEIVED)

    def test_stock_of_a_known_product_adds_up(self) -> None:
        given(STOCK, RECEIVED).when(receive(5)).then(StockReceived(quantity=5))
        given(STOCK, RECEIVED, StockReceived(quantity=5)).shows(
            StockMessage(product_id=ID, name="T-LIGHT HOLDER", on_hand=15, available=15), id=ID
        )

    def test_a_name_replaces_the_former_one(self) -> None:
        given(STOCK, RECEIVED, StockReceived(name="LANTERN", quantity=1)).shows(
            StockMessage(product_id=ID, name="LANTERN", on_hand=11, available=11), id=ID
        )

    def test_stock_grows_to_its_limit_and_not_a_unit_more(self) -> None:
        given(STOCK).when(receive(MAX_ON_HAND)).then(StockReceived(quantity=MAX_ON_HAND))
        given(STOCK, RECEIVED).when(receive(MAX_ON_HAND - 10)).then(StockReceived(quantity=MAX_ON_HAND - 10))
        given(STOCK, RECEIVED).when(receive(MAX_ON_HAND - 9)).then_rejected(
            "QUANTITY_TOO_LARGE",
            product_id=ID,
            on_hand="10",
            requested="999999999991",
            limit="1000000000000",
        )


class TestAdjustStock:
    def test_units_found_and_missing_are_counted(self) -> None:
        given(STOCK, RECEIVED).when(adjust(3)).then(StockAdjusted(delta=3, reason="counted"))
        given(STOCK, RECEIVED).when(adjust(-3)).then(StockAdjusted(delta=-3, reason="counted"))

    def test_everything_may_be_missing(self) -> None:
        given(STOCK, RECEIVED).when(adjust(-10)).then(StockAdjusted(delta=-10, reason="counted"))

    def test_not_more_than_everything_may_be_missing(self) -> None:
        given(STOCK, RECEIVED).when(adjust(-11)).then_rejected(
            "BELOW_RESERVED", product_id=ID, delta="-11", on_hand="10", reserved="0"
        )

    def test_the_advice_fits_what_is_reserved(self) -> None:
        below_nothing = given(STOCK, RECEIVED).when(adjust(-11)).refusal
        below_reserved = given(STOCK, RECEIVED, RESERVED).when(adjust(-11)).refusal
        assert below_nothing is not None
        assert below_nothing.message.endswith("the open reservations are for 0. Take away at most 10.")
        assert below_reserved is not None
        assert below_reserved.message.endswith("Take away at most 6, or release reservations first.")

    def test_what_is_reserved_stays(self) -> None:
        given(STOCK, RECEIVED, RESERVED).when(adjust(-6)).then(StockAdjusted(delta=-6, reason="counted"))
        given(STOCK, RECEIVED, RESERVED).when(adjust(-7)).then_rejected(
            "BELOW_RESERVED", product_id=ID, delta="-7", on_hand="10", reserved="4"
        )

    def test_stock_grows_to_its_limit_and_not_a_unit_more(self) -> None:
        delta = MAX_ON_HAND - 10
        given(STOCK, RECEIVED).when(adjust(delta)).then(StockAdjusted(delta=delta, reason="counted"))
        given(STOCK, RECEIVED).when(adjust(delta + 1)).then_rejected(
            "QUANTITY_TOO_LARGE", product_id=ID, on_hand="10", requested=str(delta + 1)
        )

    def test_a_product_that_was_never_received_is_not_found(self) -> None:
        given(STOCK).when(adjust(1)).then_rejected("PRODUCT_NOT_FOUND", product_id=ID)


class TestReserveStock:
    def test_units_are_set_aside_for_an_order(self) -> None:
        given(STOCK, RECEIVED).when(reserve("1", 4)).then(RESERVED)

    def test_all_that_is_available_can_be_reserved_and_not_a_unit_more(self) -> None:
        given(STOCK, RECEIVED, RESERVED).when(reserve("2", 6)).then(StockReserved(order_id="2", quantity=6))
        given(STOCK, RECEIVED, RESERVED).when(reserve("2", 7)).then_rejected(
            "INSUFFICIENT_STOCK", product_id=ID, order_id="2", requested="7", available="6"
        )

    def test_nothing_is_available_of_an_unknown_product(self) -> None:
        given(STOCK).when(reserve("1", 4)).then_rejected(
            "INSUFFICIENT_STOCK", product_id=ID, order_id="1", requested="4", available="0"
        )

    def test_an_open_reservation_again_changes_nothing_even_if_nothing_is_left(self) -> None:
        everything = StockReserved(order_id="1", quantity=10)
        given(STOCK, RECEIVED, everything).when(reserve("1", 10)).then_nothing()

    @pytest.mark.parametrize("quantity", [3, 5, 1_000_000])
    def test_an_open_reservation_of_another_quantity_is_refused(self, quantity: int) -> None:
        given(STOCK, RECEIVED, RESERVED).when(reserve("1", quantity)).then_rejected(
            "RESERVATION_DIFFERS", product_id=ID, order_id="1", requested=str(quantity), reserved="4"
        )

    @pytest.mark.parametrize("closing", [RELEASED, DISPATCHED], ids=["released", "dispatched"])
    def test_a_closed_reservation_can_be_made_again(self, closing: Message) -> None:
        given(STOCK, RECEIVED, RESERVED, closing).when(reserve("1", 5)).then(
            StockReserved(order_id="1", quantity=5)
        )

    def test_one_decision_is_about_one_product(self) -> None:
        lines = [ReservationLine(product_id=id, quantity=1) for id in (ID, "71053")]
        with pytest.raises(ValueError, match="unpack"):
            given(STOCK, RECEIVED).when(ReserveStock(order_id="1", lines=lines))


class TestReleaseStock:
    def test_the_reservation_is_given_up(self) -> None:
        given(STOCK, RECEIVED, RESERVED).when(release("1")).then(RELEASED)

    @pytest.mark.parametrize("closing", [RELEASED, DISPATCHED], ids=["released", "dispatched"])
    def test_a_closed_reservation_is_released_by_doing_nothing(self, closing: Message) -> None:
        given(STOCK, RECEIVED, RESERVED, closing).when(release("1")).then_nothing()

    def test_only_the_order_s_own_reservation_is_released(self) -> None:
        given(STOCK, RECEIVED, RESERVED).when(release("2")).then_nothing()

    @pytest.mark.parametrize("command", [ReleaseStock, DispatchStock])
    def test_one_decision_is_about_one_product(
        self, command: type[ReleaseStock] | type[DispatchStock]
    ) -> None:
        with pytest.raises(ValueError, match="unpack"):
            given(STOCK, RECEIVED, RESERVED).when(command(order_id="1", product_ids=[ID, "71053"]))


class TestDispatchStock:
    def test_the_reserved_units_leave(self) -> None:
        given(STOCK, RECEIVED, RESERVED).when(dispatch("1")).then(DISPATCHED)

    @pytest.mark.parametrize("closing", [RELEASED, DISPATCHED], ids=["released", "dispatched"])
    def test_a_closed_reservation_cannot_be_dispatched(self, closing: Message) -> None:
        given(STOCK, RECEIVED, RESERVED, closing).when(dispatch("1")).then_rejected(
            "NO_RESERVATION", product_id=ID, order_id="1"
        )

    def test_an_order_without_a_reservation_cannot_dispatch(self) -> None:
        given(STOCK).when(dispatch("1")).then_rejected("NO_RESERVATION", product_id=ID, order_id="1")


class TestRendering:
    def test_an_unknown_product_shows_nothing(self) -> None:
        given(STOCK).shows(None, id=ID)

    @pytest.mark.parametrize(
        ("events", "on_hand", "reserved"),
        [
            ([], 10, 0),
            ([RESERVED], 10, 4),
            ([RESERVED, RELEASED], 10, 0),
            ([RESERVED, DISPATCHED], 6, 0),
            ([RESERVED, StockAdjusted(delta=-6)], 4, 4),
            ([StockAdjusted(delta=-10)], 0, 0),
            ([RESERVED, StockReserved(order_id="2", quantity=5), DISPATCHED], 6, 5),
        ],
        ids=["received", "reserved", "released", "dispatched", "all reserved", "none left", "two orders"],
    )
    def test_available_is_what_is_on_hand_less_what_is_reserved(
        self, events: list[Message], on_hand: int, reserved: int
    ) -> None:
        shown = StockMessage(
            product_id=ID,
            name="T-LIGHT HOLDER",
            on_hand=on_hand,
            reserved=reserved,
            available=on_hand - reserved,
        )
        given(STOCK, RECEIVED, *events).shows(shown, id=ID)


def test_the_decider_has_every_event_of_its_proto() -> None:
    declared = set(events_pb2.DESCRIPTOR.message_types_by_name)
    assert {event.DESCRIPTOR.name for event in STOCK.events} == declared


def test_a_message_of_another_domain_is_a_defect_not_a_refusal() -> None:
    with pytest.raises(AssertionError):
        STOCK.decide(RECEIVED, STOCK.initial)  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        STOCK.evolve(STOCK.initial, receive(1))  # type: ignore[arg-type]
