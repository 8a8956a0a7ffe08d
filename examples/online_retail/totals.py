"""Sums up what every read model must show in the end, straight from the rows.

This shares nothing with the mapping to orders but the rows: it decides by itself which of them count, and
adds fractions instead of decimals, so that a mistake in either shows as a difference.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from examples.online_retail.rows import Row


@dataclass(slots=True)
class OrderTotal:
    """One invoice, summed up."""

    customer_id: str
    units: int = 0
    value: Fraction = Fraction(0)
    """Pounds, exact."""
    lines: dict[tuple[str, Fraction], int] = field(default_factory=lambda: defaultdict(int))
    """Units by product and price."""

    @property
    def due(self) -> Fraction:
        """Pounds, rounded to pennies; a half goes to the even penny, as Python rounds fractions."""
        return Fraction(round(self.value * 100), 100)


@dataclass(slots=True)
class ProductTotal:
    """All kept rows of one product, summed up."""

    units: int = 0
    value: Fraction = Fraction(0)
    """Pounds, exact."""


@dataclass(slots=True)
class CustomerTotal:
    """All orders of one customer, summed up."""

    orders: set[str] = field(default_factory=set)
    ordered: Fraction = Fraction(0)
    """Pounds: the sum of the amounts due."""


@dataclass(slots=True)
class Totals:
    """Everything, by order id, product id and customer id."""

    orders: dict[str, OrderTotal]
    products: dict[str, ProductTotal]
    customers: dict[str, CustomerTotal]

    @property
    def line_count(self) -> int:
        return sum(len(order.lines) for order in self.orders.values())

    @property
    def units(self) -> int:
        return sum(order.units for order in self.orders.values())

    @property
    def value(self) -> Fraction:
        """Pounds, exact."""
        return sum((product.value for product in self.products.values()), Fraction(0))

    @property
    def ordered(self) -> Fraction:
        """Pounds: the sum of all amounts due."""
        return sum((customer.ordered for customer in self.customers.values()), Fraction(0))


def sum_up(rows: Iterable[Row]) -> Totals:
    """The totals of the rows that count. Reads each row once."""
    orders: dict[str, OrderTotal] = {}
    products: dict[str, ProductTotal] = defaultdict(ProductTotal)
    for row in rows:
        price = _price(row.price)
        if row.invoice[:1] in ("C", "A") or row.quantity < 1 or price < 0:
            continue
        order = orders.setdefault(row.invoice, OrderTotal(row.customer.partition(".")[0] or "guest"))
        for total in (order, products[row.product]):
            total.units += row.quantity
            total.value += row.quantity * price
        order.lines[row.product, price] += row.quantity
    return Totals(orders, dict(products), _customers(orders))


def _customers(orders: dict[str, OrderTotal]) -> dict[str, CustomerTotal]:
    customers: dict[str, CustomerTotal] = defaultdict(CustomerTotal)
    for order_id, order in orders.items():
        customer = customers[order.customer_id]
        customer.orders.add(order_id)
        customer.ordered += order.due
    return dict(customers)


@lru_cache(maxsize=4096)
def _price(text: str) -> Fraction:
    return Fraction(text)
