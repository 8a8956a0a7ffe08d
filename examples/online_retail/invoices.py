"""From rows to what is sent: one order an invoice, and the stock that all orders together need.

- An invoice whose number begins with C (credit note) or A (adjustment) is skipped.
- Of the others, rows with a quantity of 0 or less, or a price below 0, are skipped; an invoice that has no
  other rows is skipped with them.
- Rows with the same product and price are one line. Its id is the product's, or `<product>@<price>` if the
  invoice has the product at another price already.
- Every product receives exactly what its kept rows order.
"""

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from examples.online_retail.rows import Row

CURRENCY = "GBP"
GUEST = "guest"


@dataclass(slots=True)
class Line:
    """One product at one price."""

    line_id: str
    product_id: str
    product_name: str
    unit_price: Decimal
    """In pounds."""
    quantity: int = 0


@dataclass(slots=True)
class Invoice:
    """One order to be."""

    order_id: str
    customer_id: str
    lines: dict[tuple[str, Decimal], Line] = field(default_factory=dict)
    """By product and price, in the order of the rows."""

    @property
    def customer_name(self) -> str:
        return f"Customer {self.customer_id}"


@dataclass(slots=True)
class Receipt:
    """What a product receives."""

    product_id: str
    name: str
    """The description in the first row kept; may be empty."""
    quantity: int = 0


@dataclass(slots=True)
class Skipped:
    """What is not imported, and why."""

    credit_notes: int = 0
    """Invoices."""
    adjustments: int = 0
    """Invoices."""
    without_rows: int = 0
    """Invoices of which no row was kept."""
    rows_of_quantity: int = 0
    """Rows with a quantity of 0 or less."""
    rows_of_price: int = 0
    """Rows with a price below 0."""


@dataclass(slots=True)
class Invoices:
    """Everything to send."""

    orders: list[Invoice]
    receipts: list[Receipt]
    skipped: Skipped

    @property
    def line_count(self) -> int:
        return sum(len(order.lines) for order in self.orders)


def read_invoices(rows: Iterable[Row]) -> Invoices:
    """The orders in the order of their first rows, and the stock they need. Reads each row once."""
    invoices: dict[str, Invoice] = {}
    receipts: dict[str, Receipt] = {}
    passed_over: set[str] = set()
    skipped = Skipped()
    for row in rows:
        invoice = invoices.get(row.invoice)
        if row.invoice.startswith(("C", "A")):
            passed_over.add(row.invoice)
            continue
        if invoice is None:
            invoice = invoices[row.invoice] = Invoice(row.invoice, _customer_id(row))
        if not _is_skipped(row, skipped):
            _add_line(invoice, row)
            _receive(receipts, row)
    orders = [invoice for invoice in invoices.values() if invoice.lines]
    kinds = Counter(number[0] for number in passed_over)
    skipped.credit_notes, skipped.adjustments = kinds["C"], kinds["A"]
    skipped.without_rows = len(invoices) - len(orders)
    return Invoices(orders, list(receipts.values()), skipped)


def _is_skipped(row: Row, skipped: Skipped) -> bool:
    if row.quantity <= 0:
        skipped.rows_of_quantity += 1
        return True
    if _price(row.price) < 0:
        skipped.rows_of_price += 1
        return True
    return False


def _add_line(invoice: Invoice, row: Row) -> None:
    product, price = sys.intern(row.product), _price(row.price)
    line = invoice.lines.get((product, price))
    if line is None:
        again = any(product == other for other, _ in invoice.lines)
        line_id = f"{product}@{row.price}" if again else product
        line = Line(line_id, product, sys.intern(row.description), price)
        invoice.lines[product, price] = line
    line.quantity += row.quantity


def _receive(receipts: dict[str, Receipt], row: Row) -> None:
    receipt = receipts.setdefault(row.product, Receipt(row.product, row.description))
    receipt.quantity += row.quantity


def _customer_id(row: Row) -> str:
    return sys.intern(row.customer.removesuffix(".0") or GUEST)


@lru_cache(maxsize=4096)
def _price(text: str) -> Decimal:
    return Decimal(text)
