"""What each command does to an order, or why it is refused."""

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
from foldlog_server.domain.money import NANOS, round_to_minor, to_money, to_nanos
from foldlog_server.domains.orders import refusals
from foldlog_server.domains.orders.order import Event, Line, Order, Status, evolve
from foldlog_server.domains.orders.order_message import line_message, line_messages, money
from foldlog_server.errors import Rejected

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

MAX_LINES = 2_000
MAX_QUANTITY = 1_000_000
MAX_TOTAL = 1_000_000_000_000 * NANOS


def decide(command: Command, order: Order) -> Sequence[Event]:  # noqa: C901, PLR0915 - a table, to be read as one
    """The contract's table: a row is a command, a column a status. Raises `Rejected`."""
    if order.status is Status.ABSENT:
        return order_begun(command)
    match command:
        case CreateOrder():
            raise refusals.order_exists(command, order.status.name)
        case AddItem():
            match order.status:
                case Status.DRAFT:
                    return [item_added(command, command.line, order)]
                case Status.SUBMITTED | Status.RESERVED | Status.PAID | Status.SHIPPED | Status.CANCELLED:
                    raise wrong_status(command, order, Status.DRAFT)
                case _:
                    assert_never(order.status)
        case ChangeItemQuantity():
            match order.status:
                case Status.DRAFT:
                    return quantity_set(command, order)
                case Status.SUBMITTED | Status.RESERVED | Status.PAID | Status.SHIPPED | Status.CANCELLED:
                    raise wrong_status(command, order, Status.DRAFT)
                case _:
                    assert_never(order.status)
        case RemoveItem():
            match order.status:
                case Status.DRAFT:
                    return [item_removed(command, order)]
                case Status.SUBMITTED | Status.RESERVED | Status.PAID | Status.SHIPPED | Status.CANCELLED:
                    raise wrong_status(command, order, Status.DRAFT)
                case _:
                    assert_never(order.status)
        case SubmitOrder():
            match order.status:
                case Status.DRAFT:
                    return [order_submitted(command, order)]
                case Status.SUBMITTED | Status.RESERVED | Status.PAID | Status.SHIPPED:
                    return []
                case Status.CANCELLED:
                    raise wrong_status(command, order, Status.DRAFT)
                case _:
                    assert_never(order.status)
        case ConfirmReservation(reservation_id=reservation_id):
            match order.status:
                case Status.DRAFT | Status.CANCELLED:
                    raise wrong_status(command, order, Status.SUBMITTED)
                case Status.SUBMITTED:
                    return [OrderReserved(reservation_id=reservation_id)]
                case Status.RESERVED | Status.PAID | Status.SHIPPED:
                    if reservation_id == order.reservation_id:
                        return []
                    raise refusals.other_reservation(command, order.status.name, order.reservation_id)
                case _:
                    assert_never(order.status)
        case RecordPayment(payment_id=payment_id):
            match order.status:
                case Status.DRAFT | Status.SUBMITTED | Status.CANCELLED:
                    raise wrong_status(command, order, Status.RESERVED)
                case Status.RESERVED:
                    return [payment_received(command, order)]
                case Status.PAID | Status.SHIPPED:
                    if payment_id == order.payment_id:
                        return []
                    raise refusals.already_paid(command, order.payment_id)
                case _:
                    assert_never(order.status)
        case ShipOrder(shipment_id=shipment_id):
            match order.status:
                case Status.DRAFT | Status.SUBMITTED | Status.RESERVED | Status.CANCELLED:
                    raise wrong_status(command, order, Status.PAID)
                case Status.PAID:
                    return [order_shipped(command, order)]
                case Status.SHIPPED:
                    if shipment_id == order.shipment_id:
                        return []
                    raise refusals.already_shipped(command, order.shipment_id)
                case _:
                    assert_never(order.status)
        case CancelOrder():
            match order.status:
                case Status.DRAFT | Status.SUBMITTED | Status.RESERVED | Status.PAID:
                    return [order_cancelled(command, order)]
                case Status.SHIPPED:
                    raise wrong_status(
                        command, order, Status.DRAFT, Status.SUBMITTED, Status.RESERVED, Status.PAID
                    )
                case Status.CANCELLED:
                    return []
                case _:
                    assert_never(order.status)
        case _:
            assert_never(command)


def order_begun(command: Command) -> Sequence[Event]:
    """What happens where no order is: it is created, and filled by the rule for adding an item."""
    if not isinstance(command, CreateOrder):
        raise refusals.order_not_found(command)
    created = OrderCreated(
        customer_id=command.customer_id,
        customer_name=command.customer_name,
        currency_code=command.currency_code,
    )
    events: list[Event] = [created]
    if command.lines:
        order = evolve(Order(), created)
        for item in command.lines:
            event = item_added(command, item, order)
            events.append(event)
            order = evolve(order, event)
    return events


def wrong_status(command: Command, order: Order, *needed: Status) -> Rejected:
    return refusals.wrong_status(command, order.status.name, [status.name for status in needed])


def item_added(
    command: CreateOrder | AddItem, item: OrderLine, order: Order
) -> ItemAdded | ItemQuantityChanged:
    """The same line again adds up. Checked in this order: currency, product and price, limits."""
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


def order_submitted(command: SubmitOrder, order: Order) -> OrderSubmitted:
    if not order.lines:
        raise refusals.order_empty(command)
    amount_due = round_to_minor(order.currency_code, order.total)
    return OrderSubmitted(
        customer_id=order.customer_id,
        customer_name=order.customer_name,
        lines=line_messages(order),
        total=to_money(order.currency_code, order.total),
        amount_due=to_money(order.currency_code, amount_due),
    )


def payment_received(command: RecordPayment, order: Order) -> PaymentReceived:
    check_currency(command, order, command.amount)
    amount = to_nanos(command.amount)
    assert order.amount_due is not None  # fixed by submitting
    if amount != order.amount_due:
        raise refusals.amount_mismatch(command, order.currency_code, order.amount_due, amount)
    return PaymentReceived(
        payment_id=command.payment_id,
        amount=to_money(order.currency_code, amount),
        customer_id=order.customer_id,
    )


def order_shipped(command: ShipOrder, order: Order) -> OrderShipped:
    return OrderShipped(
        shipment_id=command.shipment_id,
        carrier=command.carrier,
        tracking_number=command.tracking_number,
        customer_id=order.customer_id,
        customer_name=order.customer_name,
        lines=line_messages(order),
        total=to_money(order.currency_code, order.total),
        amount_due=money(order, order.amount_due),
    )


def order_cancelled(command: CancelOrder, order: Order) -> OrderCancelled:
    return OrderCancelled(
        reason=command.reason,
        former_status=order.status.value,
        customer_id=order.customer_id,
        customer_name=order.customer_name,
        lines=line_messages(order),
        total=to_money(order.currency_code, order.total),
        amount_due=money(order, order.amount_due),
        paid=money(order, order.paid),
    )


def existing_line(command: ChangeItemQuantity | RemoveItem, order: Order) -> Line:
    line = order.lines.get(command.line_id)
    if line is None:
        raise refusals.line_not_found(command, command.line_id)
    return line


def check_currency(command: Command, order: Order, amount: Money, line_id: str = "") -> None:
    if amount.currency_code != order.currency_code:
        raise refusals.currency_mismatch(command, line_id, order.currency_code, amount.currency_code)


def check_limits(command: Command, order: Order, line_id: str, quantity: int, line: Line) -> None:
    """The limits of an order in which the line, new or present, has the quantity."""
    present = order.lines.get(line_id)
    former = present.quantity if present else 0
    total = order.total + (quantity - former) * line.unit_price
    if quantity > MAX_QUANTITY:
        raise refusals.quantity_too_large(command, line_id, quantity, MAX_QUANTITY)
    if present is None and len(order.lines) >= MAX_LINES:
        raise refusals.too_many_lines(command, line_id, MAX_LINES)
    if total > MAX_TOTAL:
        raise refusals.total_too_large(command, line_id, order.currency_code, total, MAX_TOTAL)
