# Written by foldlog from the protos; do not edit.
"""Reasons why calls fail: the `reason` of an error whose `domain` is foldlog.inventory.v1."""

from enum import StrEnum


class Reason(StrEnum):
    """The values of ErrorReason, without the prefix ERROR_REASON_, to compare with the `reason` of an
    error."""

    PRODUCT_NOT_FOUND = "PRODUCT_NOT_FOUND"
    """There is no such product."""
    INSUFFICIENT_STOCK = "INSUFFICIENT_STOCK"
    """Too few units are available."""
    RESERVATION_DIFFERS = "RESERVATION_DIFFERS"
    """The order has an open reservation of another quantity."""
    NO_RESERVATION = "NO_RESERVATION"
    """The order has no open reservation."""
    BELOW_RESERVED = "BELOW_RESERVED"
    """The stock would be less than what is reserved."""
    QUANTITY_TOO_LARGE = "QUANTITY_TOO_LARGE"
    """The stock would be more than stock may be."""
