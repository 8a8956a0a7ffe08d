# Written by foldlog from the protos; do not edit.
"""Reasons why calls fail: the `reason` of an error whose `domain` is foldlog.orders.v1."""

from enum import StrEnum


class Reason(StrEnum):
    """The values of ErrorReason, without the prefix ERROR_REASON_, to compare with the `reason` of an
    error."""

    ORDER_NOT_FOUND = "ORDER_NOT_FOUND"
    """There is no such order."""
    ORDER_EXISTS = "ORDER_EXISTS"
    """There is an order with this id already."""
    WRONG_STATUS = "WRONG_STATUS"
    """The order's status does not allow this."""
    LINE_NOT_FOUND = "LINE_NOT_FOUND"
    """The order has no such line."""
    LINE_DIFFERS = "LINE_DIFFERS"
    """The line exists with another product or price."""
    ORDER_EMPTY = "ORDER_EMPTY"
    """The order has no lines."""
    AMOUNT_MISMATCH = "AMOUNT_MISMATCH"
    """The amount is not what is due."""
    ALREADY_PAID = "ALREADY_PAID"
    """The order is paid by another payment."""
    ALREADY_SHIPPED = "ALREADY_SHIPPED"
    """The order left in another shipment."""
    TOO_MANY_LINES = "TOO_MANY_LINES"
    """The order has as many lines as an order may have."""
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    """The price is in another currency than the order."""
    QUANTITY_TOO_LARGE = "QUANTITY_TOO_LARGE"
    """The line's quantity would be larger than a line's may be."""
    TOTAL_TOO_LARGE = "TOTAL_TOO_LARGE"
    """The order's total would be larger than an order's may be."""
    CUSTOMER_NOT_FOUND = "CUSTOMER_NOT_FOUND"
    """There is no such customer."""
