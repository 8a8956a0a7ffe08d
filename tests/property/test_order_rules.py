"""What holds for every order and every stock, whatever is asked of it and in whatever order."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import Phase, example, find, given, settings
from hypothesis import strategies as st

from foldlog.inventory.v1.commands_pb2 import (
    AdjustStock,
    DispatchStock,
    ReceiveStock,
    ReleaseStock,
    ReservationLine,
    ReserveStock,
)
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
from foldlog.orders.v1.events_pb2 import OrderSubmitted
from foldlog.orders.v1.types_pb2 import Order as OrderMessage
from foldlog.orders.v1.types_pb2 import OrderLine
from foldlog.v1.money_pb2 import Money
from foldlog_server.domain.decider import Decider, State
from foldlog_server.domain.money import round_to_minor, to_money, to_nanos
from foldlog_server.domain.testing.scenarios import same, unchanged
from foldlog_server.domains.inventory.stock import MAX_ON_HAND, STOCK, Stock
from foldlog_server.domains.orders.order import Order, Status
from foldlog_server.domains.orders.order_rules import MAX_QUANTITY, MAX_TOTAL, ORDER
from foldlog_server.errors import Rejected

# Few ids and prices, so that commands meet; limits among the quantities, so that they are reached.
IDS = st.sampled_from(["a", "b", "c"])
QUANTITIES = st.one_of(st.integers(1, 9), st.sampled_from([MAX_QUANTITY // 2, MAX_QUANTITY]))
PRICES = st.builds(
    Money,
    currency_code=st.sampled_from(["GBP", "GBP", "GBP", "EUR"]),
    units=st.sampled_from([0, 1, 10**9]),
    nanos=st.sampled_from([0, 1, 5_000_000, 999_999_999]),
)
LINES = st.builds(
    OrderLine, line_id=st.one_of(st.just(""), IDS), product_id=IDS, quantity=QUANTITIES, unit_price=PRICES
)
LINE_COMMANDS = st.one_of(
    st.builds(AddItem, order_id=st.just("1"), line=LINES),
    st.builds(
        ChangeItemQuantity, order_id=st.just("1"), line_id=IDS, quantity=st.one_of(st.just(0), QUANTITIES)
    ),
    st.builds(RemoveItem, order_id=st.just("1"), line_id=IDS),
)
STATUS_COMMANDS = st.one_of(
    st.just(SubmitOrder(order_id="1")),
    st.builds(ConfirmReservation, order_id=st.just("1"), reservation_id=IDS),
    st.builds(RecordPayment, order_id=st.just("1"), payment_id=IDS, amount=PRICES),
    st.builds(ShipOrder, order_id=st.just("1"), shipment_id=IDS, carrier=IDS),
    st.just(CancelOrder(order_id="1", reason="late")),
)
CREATIONS = st.builds(
    CreateOrder,
    order_id=st.just("1"),
    customer_id=IDS,
    currency_code=st.just("GBP"),
    lines=st.lists(LINES, max_size=4),
)
ORDER_COMMANDS = st.one_of(LINE_COMMANDS, LINE_COMMANDS, STATUS_COMMANDS, CREATIONS)

UNITS = st.one_of(st.integers(1, 9), st.sampled_from([MAX_ON_HAND // 2, MAX_ON_HAND]))
STOCK_COMMANDS = st.one_of(
    st.builds(ReceiveStock, product_id=st.just("p"), name=st.sampled_from(["", "n"]), quantity=UNITS),
    st.builds(AdjustStock, product_id=st.just("p"), delta=st.one_of(UNITS, UNITS.map(lambda n: -n))),
    st.builds(
        ReserveStock,
        order_id=IDS,
        lines=st.builds(ReservationLine, product_id=st.just("p"), quantity=UNITS).map(lambda line: [line]),
    ),
    st.builds(ReleaseStock, order_id=IDS, product_ids=st.just(["p"])),
    st.builds(DispatchStock, order_id=IDS, product_ids=st.just(["p"])),
)

# What the contract answers with "nothing" when it is done already; the others act or are refused again.
SETTLED_BY_ONCE = (
    ChangeItemQuantity,
    SubmitOrder,
    ConfirmReservation,
    RecordPayment,
    ShipOrder,
    CancelOrder,
    ReserveStock,
    ReleaseStock,
)

bounded = settings(max_examples=300)


def decide(decider: Decider[Any, State, Any], command: Message, state: State) -> Sequence[Message]:
    """What happens; nothing if it is refused. The command and the state are seen to stay as they are."""
    before = repr(state)
    try:
        return unchanged(command, partial(decider.decide, command, state))
    except Rejected:
        return []
    finally:
        assert repr(state) == before


def evolve(decider: Decider[Any, State, Any], state: State, events: Sequence[Message]) -> State:
    """The state after the events. Events and every state on the way are seen to stay as they are."""
    for event in events:
        before, former = repr(state), state
        state = unchanged(event, partial(decider.evolve, state, event))
        assert repr(former) == before
    return state


def after(decider: Decider[Any, State, Any], commands: Sequence[Message]) -> tuple[State, list[Message]]:
    """The state and the history after a sequence of commands, the refused ones left out."""
    state, history = decider.initial, list[Message]()
    for command in commands:
        events = decide(decider, command, state)
        state = evolve(decider, state, events)
        history += events
    return state, history


def paying_its_way(commands: Sequence[Message]) -> list[Message]:
    """Each payment of a submitted order pays what is due, so that the later statuses are reached."""
    order, paid = ORDER.initial, list[Message]()
    for command in commands:
        if isinstance(command, RecordPayment) and order.amount_due is not None:
            amount = to_money(order.currency_code, order.amount_due)
            command = RecordPayment(order_id="1", payment_id=command.payment_id, amount=amount)
        order = evolve(ORDER, order, decide(ORDER, command, order))
        paid.append(command)
    return paid


@st.composite
def order_commands(draw: st.DrawFn) -> list[Message]:
    """A created order, lines, then anything in any order; often the way to the end, step by step."""
    commands: list[Message] = [draw(CREATIONS), *draw(st.lists(ORDER_COMMANDS, max_size=8))]
    steps: list[Message] = [
        SubmitOrder(order_id="1"),
        ConfirmReservation(order_id="1", reservation_id="a"),
        RecordPayment(order_id="1", payment_id="a"),
        ShipOrder(order_id="1", shipment_id="a"),
    ]
    for step in steps[: draw(st.integers(0, len(steps)))]:
        commands += [step, *draw(st.lists(ORDER_COMMANDS, max_size=2))]
    return paying_its_way(commands)


STOCK_SEQUENCES = st.lists(STOCK_COMMANDS, max_size=20)


def sum_of_lines(order: Order) -> int:
    return sum(line.quantity * line.unit_price for line in order.lines.values())


@bounded
@given(order_commands())
def test_an_order_s_total_is_always_the_sum_of_its_lines_and_within_its_limits(
    commands: list[Message],
) -> None:
    order = ORDER.initial
    for command in commands:
        order = evolve(ORDER, order, decide(ORDER, command, order))
        assert order.total == sum_of_lines(order) <= MAX_TOTAL
        assert all(1 <= line.quantity <= MAX_QUANTITY for line in order.lines.values())


@bounded
@given(order_commands())
def test_the_rendering_says_what_the_state_says(commands: list[Message]) -> None:
    order, history = after(ORDER, commands)
    shown = ORDER.render("1", len(history), order)
    if order.status is Status.ABSENT:
        assert shown is None
        return
    assert isinstance(shown, OrderMessage)
    assert shown.status == order.status.value
    assert to_nanos(shown.total) == sum(line.quantity * to_nanos(line.unit_price) for line in shown.lines)
    assert all(line.line_id for line in shown.lines)
    assert shown.HasField("amount_due") == (order.amount_due is not None)
    assert shown.HasField("paid") == bool(shown.payment_id)


@bounded
@given(order_commands())
def test_the_amount_due_is_fixed_once_and_paid_exactly(commands: list[Message]) -> None:
    order, history = after(ORDER, commands)
    submitted = [event for event in history if isinstance(event, OrderSubmitted)]
    assert len(submitted) <= 1
    for event in submitted:
        assert order.amount_due == to_nanos(event.amount_due) == round_to_minor("GBP", order.total)
    assert order.paid in (None, order.amount_due)


@bounded
@given(order_commands(), ORDER_COMMANDS)
def test_an_order_s_command_done_already_does_nothing(commands: list[Message], command: Message) -> None:
    order, _ = after(ORDER, commands)
    [command] = paying_its_way([*commands, command])[-1:]
    once_then_nothing(ORDER, order, command)


@bounded
@given(STOCK_SEQUENCES, STOCK_COMMANDS)
def test_a_stock_s_command_done_already_does_nothing(commands: list[Message], command: Message) -> None:
    stock, _ = after(STOCK, commands)
    once_then_nothing(STOCK, stock, command)


def once_then_nothing(decider: Decider[Any, State, Any], state: State, command: Message) -> None:
    """Of commands that say how things shall be, the second one is accepted and changes nothing."""
    try:
        events = decider.decide(command, state)
    except Rejected:
        return
    removes = isinstance(command, ChangeItemQuantity) and command.quantity == 0
    if isinstance(command, SETTLED_BY_ONCE) and not removes:
        assert list(decider.decide(command, evolve(decider, state, events))) == []


@bounded
@given(STOCK_SEQUENCES)
@example([ReceiveStock(product_id="p", quantity=MAX_ON_HAND), ReceiveStock(product_id="p", quantity=1)])
def test_stock_is_never_promised_twice(commands: list[Message]) -> None:
    stock: Stock = STOCK.initial
    for command in commands:
        stock = evolve(STOCK, stock, decide(STOCK, command, stock))
        assert stock.reserved == sum(stock.reservations.values())
        assert 0 <= stock.reserved <= stock.on_hand <= MAX_ON_HAND
        assert all(stock.reservations.values())


@bounded
@given(order_commands())
def test_an_order_s_history_read_back_from_bytes_gives_the_same_order(commands: list[Message]) -> None:
    read_back_gives_the_same(ORDER, commands)


@bounded
@given(STOCK_SEQUENCES)
def test_a_stock_s_history_read_back_from_bytes_gives_the_same_stock(commands: list[Message]) -> None:
    read_back_gives_the_same(STOCK, commands)


def read_back_gives_the_same(decider: Decider[Any, State, Any], commands: Sequence[Message]) -> None:
    state, history = after(decider, commands)
    stored = [(type(event), event.SerializeToString()) for event in history]
    read = [message.FromString(data) for message, data in stored]
    assert all(map(same, read, history))
    assert evolve(decider, decider.initial, read) == state


@bounded
@given(CREATIONS)
def test_a_command_changed_after_the_decision_changes_no_event(command: CreateOrder) -> None:
    events = decide(ORDER, command, ORDER.initial)
    before = [event.SerializeToString(deterministic=True) for event in events]
    for line in command.lines:
        line.Clear()
    command.Clear()
    assert [event.SerializeToString(deterministic=True) for event in events] == before


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.ABSENT])
def test_the_sequences_reach_every_status(status: Status) -> None:
    """The properties above would prove little if their sequences stopped early."""
    first = settings(max_examples=2000, phases=[Phase.generate])
    find(order_commands(), lambda commands: after(ORDER, commands)[0].status is status, settings=first)
