"""Decides what each command does to an order, or why it is refused: one rule for each command."""

from collections.abc import Sequence
from typing import TypeAlias, assert_never

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
from foldlog.orders.v1.types_pb2 import OrderLine
from foldlog.v1.money_pb2 import Money
from foldlog_server.domain.decider import Decider
from foldlog_server.domain.money import NANOS, round_to_minor, to_money, to_nanos
from foldlog_server.domains.orders import refusals
from foldlog_server.domains.orders.order import Event, Line, Order, Status, evolve
from foldlog_server.domains.orders.order_message import line_message, line_messages, money, render

Command: TypeAlias = (
    CreateOrder
    | AddItem
    | ChangeItemQuantity
    | RemoveItem
    | SubmitOrder
    | ConfirmReservation
    | RecordPayment
    | ShipOrder
    | CancelOrder
)

PAID_OR_LATER = (Status.PAID, Status.SHIPPED)
RESERVED_OR_LATER = (Status.RESERVED, *PAID_OR_LATER)
SUBMITTED_OR_LATER = (Status.SUBMITTED, *RESERVED_OR_LATER)
CANCELLABLE = (Status.DRAFT, Status.SUBMITTED, Status.RESERVED, Status.PAID)

MAX_LINES = 2_000
MAX_QUANTITY = 1_000_000
MAX_TOTAL = 1_000_000_000_000 * NANOS


def decide(command: Command, order: Order) -> Sequence[Event]:
    """Decides a command on an order, one rule for each command. Raises `Rejected`."""
    match command:
        case CreateOrder():
            return order_created(command, order)
        case AddItem():
            return [item_added(command, command.line, in_status(command, order, Status.DRAFT))]
        case ChangeItemQuantity():
            return quantity_set(command, in_status(command, order, Status.DRAFT))
        case RemoveItem():
            return [item_removed(command, in_status(command, order, Status.DRAFT))]
        case SubmitOrder():
            return order_submitted(command, order)
        case ConfirmReservation():
            return reservation_confirmed(command, order)
        case RecordPayment():
            return payment_recorded(command, order)
        case ShipOrder():
            return order_shipped(command, order)
        case CancelOrder():
            return order_cancelled(command, order)
        case _:
            assert_never(command)


def in_status(command: Command, order: Order, *allowed: Status) -> Order:
    """The order, if its status is one of those allowed; raises `Rejected` otherwise."""
    if order.status is Status.ABSENT:
        raise refusals.order_not_found(command)
    if order.status not in allowed:
        raise refusals.wrong_status(command, order.status.name, [status.name for status in allowed])
    return order


def order_created(command: CreateOrder, order: Order) -> Sequence[Event]:
    """A new order; each of its lines is added by the rule for adding an item."""
    if order.status is not Status.ABSENT:
        raise refusals.order_exists(command, order.status.name)
    created = OrderCreated(
        customer_id=command.customer_id,
        customer_name=command.customer_name,
        currency_code=command.currency_code,
    )
    events: list[Event] = [created]
    order = evolve(order, created)
    for item in command.lines:
        event = item_added(command, item, order)
        events.append(event)
        order = evolve(order, event)
    return events


def item_added(
    command: CreateOrder | AddItem, item: OrderLine, order: Order
) -> ItemAdded | ItemQuantityChanged:
    """A line that is added again increases its quantity. Checked in this order: currency, product and price,
    limits."""
    line_id = item.line_id or item.product_id
    check_currency(command, order, item.unit_price, line_id)
    line = Line(item.product_id, item.product_name, item.quantity, to_nanos(item.unit_price))
    present = order.lines.get(line_id)
    if present is None:
        check_limits(command, order, line_id, line.quantity, line)
        return ItemAdded(line=line_message(line_id, line, order.currency_code))
    if (present.product_id, present.unit_price) != (line.product_id, line.unit_price):
        raise refusals.line_differs(command, line_id, present.product_id, present.unit_price)
    return quantity_changed(command, order, line_id, present.quantity + line.quantity)


def quantity_set(command: ChangeItemQuantity, order: Order) -> Sequence[Event]:
    line = existing_line(command, order)
    if command.quantity == 0:
        return [item_removed(command, order)]
    if command.quantity == line.quantity:
        return []
    return [quantity_changed(command, order, command.line_id, command.quantity)]


def quantity_changed(command: Command, order: Order, line_id: str, quantity: int) -> ItemQuantityChanged:
    line = order.lines[line_id]
    check_limits(command, order, line_id, quantity, line)
    return ItemQuantityChanged(
        line_id=line_id,
        former_quantity=line.quantity,
        quantity=quantity,
        unit_price=to_money(order.currency_code, line.unit_price),
    )


def item_removed(command: ChangeItemQuantity | RemoveItem, order: Order) -> ItemRemoved:
    line = existing_line(command, order)
    return ItemRemoved(
        line_id=command.line_id,
        former_quantity=line.quantity,
        unit_price=to_money(order.currency_code, line.unit_price),
    )


def order_submitted(command: SubmitOrder, order: Order) -> Sequence[OrderSubmitted]:
    if order.status in SUBMITTED_OR_LATER:
        return []
    in_status(command, order, Status.DRAFT)
    if not order.lines:
        raise refusals.order_empty(command)
    amount_due = round_to_minor(order.currency_code, order.total)
    submitted = OrderSubmitted(
        customer_id=order.customer_id,
        customer_name=order.customer_name,
        lines=line_messages(order),
        total=to_money(order.currency_code, order.total),
        amount_due=to_money(order.currency_code, amount_due),
    )
    return [submitted]


def reservation_confirmed(command: ConfirmReservation, order: Order) -> Sequence[OrderReserved]:
    if order.status in RESERVED_OR_LATER:
        if command.reservation_id == order.reservation_id:
            return []
        raise refusals.other_reservation(command, order.status.name, order.reservation_id)
    in_status(command, order, Status.SUBMITTED)
    return [OrderReserved(reservation_id=command.reservation_id)]


def payment_recorded(command: RecordPayment, order: Order) -> Sequence[PaymentReceived]:
    if order.status in PAID_OR_LATER:
        if command.payment_id == order.payment_id:
            return []
        raise refusals.already_paid(command, order.payment_id)
    in_status(command, order, Status.RESERVED)
    check_currency(command, order, command.amount)
    amount = to_nanos(command.amount)
    assert order.amount_due is not None  # fixed by submitting
    if amount != order.amount_due:
        raise refusals.amount_mismatch(command, order.currency_code, order.amount_due, amount)
    received = PaymentReceived(
        payment_id=command.payment_id,
        amount=to_money(order.currency_code, amount),
        customer_id=order.customer_id,
    )
    return [received]


def order_shipped(command: ShipOrder, order: Order) -> Sequence[OrderShipped]:
    if order.status is Status.SHIPPED:
        if command.shipment_id == order.shipment_id:
            return []
        raise refusals.already_shipped(command, order.shipment_id)
    in_status(command, order, Status.PAID)
    shipped = OrderShipped(
        shipment_id=command.shipment_id,
        carrier=command.carrier,
        tracking_number=command.tracking_number,
        customer_id=order.customer_id,
        customer_name=order.customer_name,
        lines=line_messages(order),
        total=to_money(order.currency_code, order.total),
        amount_due=money(order, order.amount_due),
    )
    return [shipped]


def order_cancelled(command: CancelOrder, order: Order) -> Sequence[OrderCancelled]:
    if order.status is Status.CANCELLED:
        return []
    in_status(command, order, *CANCELLABLE)
    cancelled = OrderCancelled(
        reason=command.reason,
        former_status=order.status.value,
        customer_id=order.customer_id,
        customer_name=order.customer_name,
        lines=line_messages(order),
        total=to_money(order.currency_code, order.total),
        amount_due=money(order, order.amount_due),
        paid=money(order, order.paid),
    )
    return [cancelled]


def existing_line(command: ChangeItemQuantity | RemoveItem, order: Order) -> Line:
    line = order.lines.get(command.line_id)
    if line is None:
        raise refusals.line_not_found(command, command.line_id)
    return line


def check_currency(command: Command, order: Order, amount: Money, line_id: str = "") -> None:
    if amount.currency_code != order.currency_code:
        raise refusals.currency_mismatch(command, line_id, order.currency_code, amount.currency_code)


def check_limits(command: Command, order: Order, line_id: str, quantity: int, line: Line) -> None:
    """Check the limits of the order as it would be with this quantity of the line, new or present."""
    present = order.lines.get(line_id)
    former = present.quantity if present else 0
    total = order.total + (quantity - former) * line.unit_price
    if quantity > MAX_QUANTITY:
        raise refusals.quantity_too_large(command, line_id, quantity, MAX_QUANTITY)
    if present is None and len(order.lines) >= MAX_LINES:
        raise refusals.too_many_lines(command, line_id, MAX_LINES)
    if total > MAX_TOTAL:
        raise refusals.total_too_large(command, line_id, order.currency_code, total, MAX_TOTAL)


ORDER = Decider("order", Order(), decide, evolve, render)
