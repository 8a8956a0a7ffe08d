"""The refusals of the rules of stock: what was expected, what was found, what to do."""

from foldlog.inventory.v1.errors_pb2 import ErrorReason
from foldlog_server.error_catalogue import catalogue
from foldlog_server.errors import Rejected

_REASONS = catalogue(ErrorReason)


def product_not_found(product_id: str) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_PRODUCT_NOT_FOUND,
        f"Nothing was ever received of product {product_id}. Check the product id; receive stock first.",
        product_id=product_id,
    )


def insufficient_stock(product_id: str, order_id: str, requested: int, available: int) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_INSUFFICIENT_STOCK,
        f"The request is for {requested:,} of product {product_id}, and the available stock is "
        f"{available:,}. Request fewer, or wait for stock.",
        product_id=product_id,
        order_id=order_id,
        requested=str(requested),
        available=str(available),
    )


def reservation_differs(product_id: str, order_id: str, requested: int, reserved: int) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_RESERVATION_DIFFERS,
        f"Order {order_id} has a reservation for {reserved:,} of product {product_id}, "
        f"and the request is for {requested:,}. Release the reservation first.",
        product_id=product_id,
        order_id=order_id,
        requested=str(requested),
        reserved=str(reserved),
    )


def no_reservation(product_id: str, order_id: str) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_NO_RESERVATION,
        f"A dispatch needs an open reservation, and order {order_id} has none of product {product_id}. "
        "Reserve first; a reservation is dispatched or released once.",
        product_id=product_id,
        order_id=order_id,
    )


def below_reserved(product_id: str, delta: int, on_hand: int, reserved: int) -> Rejected:
    most = f"Take away at most {on_hand - reserved:,}"
    advice = f"{most}, or release reservations first." if reserved else f"{most}."
    return _rejected(
        ErrorReason.ERROR_REASON_BELOW_RESERVED,
        f"{delta:+,} would leave {on_hand + delta:,} of product {product_id} on hand, "
        f"and the open reservations are for {reserved:,}. {advice}",
        product_id=product_id,
        delta=str(delta),
        on_hand=str(on_hand),
        reserved=str(reserved),
    )


def quantity_too_large(product_id: str, on_hand: int, more: int, limit: int) -> Rejected:
    return _rejected(
        ErrorReason.ERROR_REASON_QUANTITY_TOO_LARGE,
        f"{more:,} more of product {product_id} would make {on_hand + more:,} on hand, "
        f"and the limit is {limit:,}. Receive fewer.",
        product_id=product_id,
        on_hand=str(on_hand),
        requested=str(more),
        limit=str(limit),
    )


def _rejected(reason: ErrorReason.ValueType, message: str, **metadata: str) -> Rejected:
    return Rejected(_REASONS[reason], message, metadata)
