"""An order is drafted, submitted, reserved, paid and shipped; until it ships it can be cancelled."""

from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple, TypeAlias, assert_never, get_args

from google.protobuf.message import Message

from foldlog.orders.v1 import types_pb2
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
from foldlog.orders.v1.types_pb2 import OrderLine, OrderStatus
from foldlog.v1.money_pb2 import Money
from foldlog_server.core.decider import Decider
from foldlog_server.core.errors import Rejected
from foldlog_server.core.money import NANOS, round_to_minor, set_money, to_money, to_nanos
from foldlog_server.orders import refusals

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
Event: TypeAlias = (
    OrderCreated
    | ItemAdded
    | ItemQuantityChanged
    | ItemRemoved
    | OrderSubmitted
    | OrderReserved
    | PaymentReceived
    | OrderShipped
    | OrderCancelled
)

MAX_LINES = 2_000
MAX_QUANTITY = 1_000_000
MAX_TOTAL = 1_000_000_000_000 * NANOS


class Status(Enum):
    """How far an order has come, with the numbers of the contract's enum."""

    ABSENT = OrderStatus.ORDER_STATUS_UNSPECIFIED
    DRAFT = OrderStatus.ORDER_STATUS_DRAFT
    SUBMITTED = OrderStatus.ORDER_STATUS_SUBMITTED
    RESERVED = OrderStatus.ORDER_STATUS_RESERVED
    PAID = OrderStatus.ORDER_STATUS_PAID
    SHIPPED = OrderStatus.ORDER_STATUS_SHIPPED
    CANCELLED = OrderStatus.ORDER_STATUS_CANCELLED


class Line(NamedTuple):
    """One product at one price, in billionths of a unit of the order's currency."""

    product_id: str
    product_name: str
    quantity: int
    unit_price: int


class Order(NamedTuple):
    """An order as it stands. Amounts are billionths of a unit of its currency."""

    status: Status = Status.ABSENT
    customer_id: str = ""
    customer_name: str = ""
    currency_code: str = ""
    lines: Mapping[str, Line] = MappingProxyType({})
    """By line id, in the order in which they were added. Replaced, never changed."""
    total: int = 0
    amount_due: int | None = None
    reservation_id: str = ""
    payment_id: str = ""
    paid: int | None = None
    shipment_id: str = ""
    carrier: str = ""
    tracking_number: str = ""
    cancel_reason: str = ""


def evolve(order: Order, event: Event) -> Order:
    """The order after an event."""
    match event:
        case OrderCreated():
            return Order(Status.DRAFT, event.customer_id, event.customer_name, event.currency_code)
        case ItemAdded():
            return with_line(order, event.line)
        case ItemQuantityChanged():
            return with_quantity(order, event.line_id, event.quantity)
        case ItemRemoved():
            return without_line(order, event.line_id)
        case OrderSubmitted():
            return order._replace(status=Status.SUBMITTED, amount_due=to_nanos(event.amount_due))
        case OrderReserved():
            return order._replace(status=Status.RESERVED, reservation_id=event.reservation_id)
        case PaymentReceived():
            return order._replace(
                status=Status.PAID,
                payment_id=event.payment_id,
                paid=to_nanos(event.amount),
            )
        case OrderShipped():
            return order._replace(
                status=Status.SHIPPED,
                shipment_id=event.shipment_id,
                carrier=event.carrier,
                tracking_number=event.tracking_number,
            )
        case OrderCancelled():
            return order._replace(status=Status.CANCELLED, cancel_reason=event.reason)
        case _:
            assert_never(event)


def with_line(order: Order, added: OrderLine) -> Order:
    line = Line(added.product_id, added.product_name, added.quantity, to_nanos(added.unit_price))
    return order._replace(
        lines={**order.lines, added.line_id: line},
        total=order.total + line.quantity * line.unit_price,
    )


def with_quantity(order: Order, line_id: str, quantity: int) -> Order:
    line = order.lines[line_id]
    return order._replace(
        lines={**order.lines, line_id: line._replace(quantity=quantity)},
        total=order.total + (quantity - line.quantity) * line.unit_price,
    )


def without_line(order: Order, line_id: str) -> Order:
    lines = dict(order.lines)
    line = lines.pop(line_id)
    return order._replace(lines=lines, total=order.total - line.quantity * line.unit_price)


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


def render(id: str, version: int, order: Order) -> types_pb2.Order | None:
    """The order as clients see it; None if it does not exist.

    Its lines stand in the order in which they were added, each with its line id, also where that is the
    product id by default, and with a price whose units and nanos share the sign. The total is always
    set; the amount due and what was paid are set once they are fixed, also if they are zero.
    """
    if order.status is Status.ABSENT:
        return None
    # Field by field: with named arguments, a message takes twice as long to make.
    rendered = types_pb2.Order()
    rendered.order_id = id
    rendered.version = version
    rendered.customer_id = order.customer_id
    rendered.customer_name = order.customer_name
    rendered.currency_code = order.currency_code
    rendered.status = order.status.value
    if order.lines:
        rendered.lines.extend(line_messages(order))
    set_money(rendered.total, order.currency_code, order.total)
    if order.amount_due is not None:
        set_money(rendered.amount_due, order.currency_code, order.amount_due)
    rendered.reservation_id = order.reservation_id
    rendered.payment_id = order.payment_id
    if order.paid is not None:
        set_money(rendered.paid, order.currency_code, order.paid)
    rendered.shipment_id = order.shipment_id
    rendered.carrier = order.carrier
    rendered.tracking_number = order.tracking_number
    rendered.cancel_reason = order.cancel_reason
    return rendered


def line_messages(order: Order) -> list[OrderLine]:
    return [line_message(id, line, order.currency_code) for id, line in order.lines.items()]


def line_message(line_id: str, line: Line, currency_code: str) -> OrderLine:
    return OrderLine(
        line_id=line_id,
        product_id=line.product_id,
        product_name=line.product_name,
        quantity=line.quantity,
        unit_price=to_money(currency_code, line.unit_price),
    )


def money(order: Order, nanos: int | None) -> Money | None:
    return None if nanos is None else to_money(order.currency_code, nanos)


def _decide(command: Message, order: Order) -> Sequence[Event]:
    assert isinstance(command, Command)
    return decide(command, order)


def _evolve(order: Order, event: Message) -> Order:
    assert isinstance(event, Event)
    return evolve(order, event)


# A runner has messages of any domain: the two above narrow them, so that the checker proves the rest.
ORDER = Decider(
    category="order",
    initial=Order(),
    decide=_decide,
    evolve=_evolve,
    render=render,
    events=get_args(Event),
)
