"""What every read model must say, as the totals of the rows have it; names and order as in read_models."""

from fractions import Fraction

from examples.online_retail.amounts import Amount
from examples.online_retail.read_models import Facts, ReadModel
from examples.online_retail.totals import CustomerTotal, OrderTotal, ProductTotal, Totals

_STATUS = "SUBMITTED"


class Expected:
    """The facts that follow from the totals when every order was submitted and nothing else happened."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals

    def current_orders(self) -> ReadModel:
        return {order_id: _current_order(order) for order_id, order in self._totals.orders.items()}

    def order_details(self) -> ReadModel:
        return {order_id: _order(order) for order_id, order in self._totals.orders.items()}

    def order_histories(self) -> ReadModel:
        return {order_id: _history(order) for order_id, order in self._totals.orders.items()}

    def finished_orders(self) -> ReadModel:
        return {}

    def customers(self) -> ReadModel:
        return {
            customer_id: _customer(customer_id, customer)
            for customer_id, customer in self._totals.customers.items()
        }

    def customer_orders(self) -> ReadModel:
        orders = self._totals.orders
        return {
            customer_id: {order_id: (_STATUS, Amount(orders[order_id].due)) for order_id in customer.orders}
            for customer_id, customer in self._totals.customers.items()
        }

    def inventory(self) -> ReadModel:
        return {product_id: _product(product) for product_id, product in self._totals.products.items()}


def _current_order(order: OrderTotal) -> Facts:
    return {
        "status": _STATUS,
        "customer": (order.customer_id, f"Customer {order.customer_id}"),
        "lines": len(order.lines),
        "units": order.units,
        "total": Amount(order.value),
    }


def _order(order: OrderTotal) -> Facts:
    return {
        "status": _STATUS,
        "customer": (order.customer_id, f"Customer {order.customer_id}"),
        "lines": sorted((product, Amount(price), units) for (product, price), units in order.lines.items()),
        "total": Amount(order.value),
        "due": Amount(order.due),
    }


def _history(order: OrderTotal) -> Facts:
    events = ["OrderCreated", *["ItemAdded"] * len(order.lines), "OrderSubmitted"]
    return {"versions": list(range(1, len(events) + 1)), "events": events}


def _customer(customer_id: str, customer: CustomerTotal) -> Facts:
    return {
        "name": f"Customer {customer_id}",
        "orders": len(customer.orders),
        "active": len(customer.orders),
        "finished": 0,
        "ordered": _sums(customer.ordered),
        "spent": [],
    }


def _product(product: ProductTotal) -> Facts:
    return {
        "on hand": product.units,
        "reserved": 0,
        "available": product.units,
        "demanded units": product.units,
        "demanded value": _sums(product.value),
        "dispatched units": 0,
        "dispatched value": [],
    }


def _sums(value: Fraction) -> list[Amount]:
    return [Amount(value)] if value else []
