"""Reads the views of the server: each subject's facts, by its id."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from examples.online_retail.amounts import amount, sums
from examples.online_retail.in_flight import for_each
from examples.online_retail.replay import Tally
from foldlog.orders.v1.types_pb2 import Order, OrderStatus
from foldlog_client import Client, NotFound

Facts: TypeAlias = Mapping[str, object]
"""The facts of one order, customer or product, by name."""
ReadModel: TypeAlias = dict[str, Facts]
"""The facts of all subjects, by id."""

_PAGE = 1_000


class ReadModels:
    """Queries one server, with so many queries in flight."""

    def __init__(self, client: Client, tally: Tally, *, in_flight: int = 64) -> None:
        self._client = client
        self._tally = tally
        self._in_flight = in_flight

    async def current_orders(self) -> ReadModel:
        """ListCurrentOrders: every order neither shipped nor cancelled, at a glance."""
        return {
            order.order_id: {
                "status": status_name(order.status),
                "customer": (order.customer_id, order.customer_name),
                "lines": order.line_count,
                "units": order.item_count,
                "total": amount(order.total),
            }
            async for order in self._client.orders.iterate_current_orders(page_size=_PAGE)
        }

    async def finished_orders(self) -> ReadModel:
        """ListOrderHistory: every order that was shipped or cancelled."""
        return {
            order.order_id: {"status": status_name(order.outcome)}
            async for order in self._client.orders.iterate_order_history_orders(page_size=_PAGE)
        }

    async def order_details(self, order_ids: Iterable[str]) -> ReadModel:
        """GetOrder: each order with its lines."""
        found: ReadModel = {}

        async def ask(order_id: str) -> None:
            try:
                reply = await self._client.orders.get_order(order_id=order_id)
            except NotFound:
                return
            found[order_id] = _order_facts(reply.order)
            self._tally.compared += 1

        await for_each(order_ids, ask, at_once=self._in_flight)
        return found

    async def order_histories(self, order_ids: Iterable[str]) -> ReadModel:
        """GetOrderHistory: the events of each order, by type, in their order."""
        found: ReadModel = {}

        async def ask(order_id: str) -> None:
            try:
                entries = self._client.orders.iterate_order_history_entries(
                    order_id=order_id, page_size=_PAGE
                )
                events = [entry.event async for entry in entries]
            except NotFound:
                return
            found[order_id] = {
                "versions": [event.version for event in events],
                "events": [event.type.rpartition(".")[2] for event in events],
            }
            self._tally.compared += 1

        await for_each(order_ids, ask, at_once=self._in_flight)
        return found

    async def customers(self) -> ReadModel:
        """ListCustomers: the sums of every customer."""
        return {
            customer.customer_id: {
                "name": customer.customer_name,
                "orders": customer.order_count,
                "active": customer.active_count,
                "finished": customer.completed_count + customer.cancelled_count,
                "ordered": sums(customer.ordered),
                "spent": sums(customer.spent),
            }
            async for customer in self._client.orders.iterate_customers(page_size=_PAGE)
        }

    async def customer_orders(self, customer_ids: Iterable[str]) -> ReadModel:
        """GetCustomerOrders: the orders of each customer, each with its status and amount due."""
        found: ReadModel = {}

        async def ask(customer_id: str) -> None:
            try:
                orders = self._client.orders.iterate_customer_orders(customer_id=customer_id, page_size=_PAGE)
                found[customer_id] = {
                    order.order_id: (status_name(order.status), amount(order.amount_due))
                    async for order in orders
                }
            except NotFound:
                return
            self._tally.compared += 1

        await for_each(customer_ids, ask, at_once=self._in_flight)
        return found

    async def inventory(self) -> ReadModel:
        """ListInventory: the stock of every product and the demand for it."""
        return {
            item.product_id: {
                "on hand": item.on_hand,
                "reserved": item.reserved,
                "available": item.available,
                "demanded units": item.demanded_units,
                "demanded value": sums(item.demanded_value),
                "dispatched units": item.dispatched_units,
                "dispatched value": sums(item.dispatched_value),
            }
            async for item in self._client.inventory.iterate_inventory_items(page_size=_PAGE)
        }


def status_name(status: OrderStatus.ValueType) -> str:
    """The status as people write it, such as "SUBMITTED"."""
    return OrderStatus.Name(status).removeprefix("ORDER_STATUS_")


def _order_facts(order: Order) -> Facts:
    return {
        "status": status_name(order.status),
        "customer": (order.customer_id, order.customer_name),
        "lines": sorted((line.product_id, amount(line.unit_price), line.quantity) for line in order.lines),
        "total": amount(order.total),
        "due": amount(order.amount_due),
    }
