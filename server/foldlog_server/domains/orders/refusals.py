"""The refusals of the rules of orders: what was expected, what was found, what to do."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from google.protobuf.descriptor import Descriptor

from foldlog.orders.v1.errors_pb2 import ErrorReason
from foldlog_server.domain.money import NANOS
from foldlog_server.error_catalogue import catalogue
from foldlog_server.errors import Rejected

_REASONS = catalogue(ErrorReason)


class Command(Protocol):
    """Any command about an order."""

    DESCRIPTOR: Descriptor
    order_id: str


def order_not_found(command: Command) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_ORDER_NOT_FOUND,
        command,
        f"{_name(command)} needs an order, and there is no order {command.order_id}. "
        "Check the order id; create the order first.",
    )


def order_exists(command: Command, status: str) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_ORDER_EXISTS,
        command,
        f"An order {command.order_id} exists already and is {status}. "
        "Choose another id, or none; repeat a lost CreateOrder with its request id.",
        status=status,
    )


def wrong_status(command: Command, status: str, needed: Sequence[str]) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_WRONG_STATUS,
        command,
        f"{_name(command)} needs an order that is {' or '.join(needed)}, and this one is {status}. "
        "Read the order and see what its status allows.",
        status=status,
    )


def other_reservation(command: Command, status: str, reservation_id: str) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_WRONG_STATUS,
        command,
        f"{_name(command)} needs an order that is SUBMITTED, and this one is {status}, "
        f"under reservation {reservation_id}. Release the second reservation.",
        status=status,
        reservation_id=reservation_id,
    )


def line_not_found(command: Command, line_id: str) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_LINE_NOT_FOUND,
        command,
        f"The order has no line {line_id}. Read the order for the ids of its lines.",
        line_id=line_id,
    )


def line_differs(command: Command, line_id: str, product_id: str, unit_price: int) -> Rejected:
    price = decimal(unit_price)
    return _rejected(
        ErrorReason.ERROR_REASON_LINE_DIFFERS,
        command,
        f"Line {line_id} is product {product_id} at {price}, and what is to be added differs. "
        "Give the new line a line id of its own.",
        line_id=line_id,
        product_id=product_id,
        unit_price=price,
    )


def order_empty(command: Command) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_ORDER_EMPTY,
        command,
        "An order is submitted with at least one line, and this one has none. Add an item first.",
    )


def amount_mismatch(command: Command, currency_code: str, amount_due: int, amount: int) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_AMOUNT_MISMATCH,
        command,
        f"The amount due is {decimal(amount_due)} {currency_code}, and the payment is "
        f"{decimal(amount)}. Pay exactly the amount due.",
        amount_due=decimal(amount_due),
        amount=decimal(amount),
        currency_code=currency_code,
    )


def already_paid(command: Command, payment_id: str) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_ALREADY_PAID,
        command,
        f"The order is paid by payment {payment_id}. Give the second payment back.",
        payment_id=payment_id,
    )


def already_shipped(command: Command, shipment_id: str) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_ALREADY_SHIPPED,
        command,
        f"The order left in shipment {shipment_id}. Stop the second shipment.",
        shipment_id=shipment_id,
    )


def currency_mismatch(command: Command, line_id: str, expected: str, found: str) -> Rejected:
    """`line_id` is empty where the amount is a payment."""
    what = f"the price of line {line_id}" if line_id else "the amount"
    return _rejected(
        ErrorReason.ERROR_REASON_CURRENCY_MISMATCH,
        command,
        f"The order is in {expected}, and {what} is in {found}. Use the order's currency.",
        line_id=line_id,
        currency_code=expected,
        found_currency_code=found,
    )


def quantity_too_large(command: Command, line_id: str, quantity: int, limit: int) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_QUANTITY_TOO_LARGE,
        command,
        f"Line {line_id} would have {quantity:,} units, and a line has at most {limit:,}. Use a second line.",
        line_id=line_id,
        quantity=str(quantity),
        limit=str(limit),
    )


def too_many_lines(command: Command, line_id: str, limit: int) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_TOO_MANY_LINES,
        command,
        f"The order has {limit:,} lines, the most there may be, without line {line_id}. Begin another order.",
        line_id=line_id,
        limit=str(limit),
    )


def total_too_large(command: Command, line_id: str, currency_code: str, total: int, limit: int) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_TOTAL_TOO_LARGE,
        command,
        f"With line {line_id} the total would be {decimal(total)} {currency_code}, "
        f"and it is at most {decimal(limit)}. Begin another order.",
        line_id=line_id,
        total=decimal(total),
        limit=decimal(limit),
        currency_code=currency_code,
    )


def decimal(nanos: int) -> str:
    """Billionths of a unit as the shortest exact decimal number, such as "2.55"."""
    return f"{Decimal(nanos) / NANOS:f}"


def _name(command: Command) -> str:
    return command.DESCRIPTOR.name


def _rejected(
    reason: ErrorReason.ValueType, command: Command, message: str, *, line_id: str = "", **metadata: str
) -> Rejected:
    """The metadata begin with what the refusal is about: the line, or the order unless it has no id yet."""
    about = {"line_id": line_id, "order_id": command.order_id}
    named = {key: id for key, id in about.items() if id}
    return Rejected(_REASONS[reason], message, {**named, **metadata})
