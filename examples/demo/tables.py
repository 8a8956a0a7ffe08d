"""Prints the four read models, each as a small table."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from rich import box
from rich.table import Table

from foldlog.inventory.v1.queries_pb2 import InventoryItem
from foldlog.orders.v1.queries_pb2 import CurrentOrder, Customer, FinishedOrder
from foldlog.orders.v1.types_pb2 import OrderStatus
from foldlog.v1.money_pb2 import Money


def current_orders(orders: Iterable[CurrentOrder]) -> Table:
    """CurrentOrdersView."""
    rows = [
        (order.order_id, order.customer_name, order.item_count, written(order.total), status(order.status))
        for order in orders
    ]
    return _table("Current orders", ("order", "customer", "items", "total", "status"), rows)


def order_history(orders: Iterable[FinishedOrder]) -> Table:
    """OrderHistoryView."""
    rows = [
        (
            order.order_id,
            order.customer_name,
            status(order.outcome),
            written(order.total),
            written(order.paid),
            order.tracking_number or order.cancel_reason,
        )
        for order in orders
    ]
    return _table("Order history", ("order", "customer", "outcome", "total", "paid", "note"), rows)


def customers(found: Iterable[Customer]) -> Table:
    """CustomerOrdersView."""
    rows = [
        (
            customer.customer_name,
            customer.order_count,
            customer.active_count,
            customer.completed_count,
            customer.cancelled_count,
            all_written(customer.ordered),
            all_written(customer.spent),
        )
        for customer in found
    ]
    headings = ("customer", "orders", "active", "completed", "cancelled", "ordered", "spent")
    return _table("Customers", headings, rows)


def inventory(items: Iterable[InventoryItem]) -> Table:
    """InventoryView."""
    rows = [
        (
            item.name,
            item.on_hand,
            item.reserved,
            item.available,
            f"{item.demanded_units} for {all_written(item.demanded_value)}",
            f"{item.dispatched_units} for {all_written(item.dispatched_value)}",
        )
        for item in items
    ]
    return _table(
        "Inventory", ("product", "on hand", "reserved", "available", "demanded", "dispatched"), rows
    )


def written(money: Money) -> str:
    """Return the amount for people: "16.50 GBP"; empty if none is set."""
    if not money.currency_code:
        return ""
    return f"{money.units + Decimal(money.nanos).scaleb(-9):,.2f} {money.currency_code}"


def all_written(sums: Iterable[Money]) -> str:
    """Return one amount for each currency; 0 if there is none."""
    return ", ".join(map(written, sums)) or "0"


def status(value: OrderStatus.ValueType) -> str:
    """The status as people write it, such as "SUBMITTED"."""
    return OrderStatus.Name(value).removeprefix("ORDER_STATUS_")


def _table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str | int]]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*map(str, row))
    return table
