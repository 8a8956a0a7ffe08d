# Written by foldlog from the protos; do not edit.
"""Why calls fail, as an error says it where its domain is foldlog.inventory.v1."""

from enum import StrEnum


class Reason(StrEnum):
    """What `reason` of an error is compared with: a value's name in ErrorReason, without ERROR_REASON_."""

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
