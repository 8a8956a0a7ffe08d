"""Loads a Foldlog server, and proves that it did what was requested: else a window does not count."""

import asyncio
import time
from datetime import timedelta
from typing import NamedTuple

import foldlog_client
from bench import h2load
from bench.h2load import MESSAGE_HEAD, SHAPES, Call
from bench.processes import BenchFailed, Server
from foldlog.orders.v1.command_service_pb2 import CreateOrderRequest
from foldlog.orders.v1.commands_pb2 import CreateOrder
from foldlog.orders.v1.queries_pb2 import GetOrderRequest, GetOrderResponse
from foldlog.orders.v1.types_pb2 import OrderLine
from foldlog.v1.money_pb2 import Money

_CUSTOMER, _ORDER, _PRODUCT = "customer-1", "order-1", "product-1"
CREATE = Call(
    "/foldlog.orders.v1.CommandService/CreateOrder",
    CreateOrderRequest(command=CreateOrder(customer_id=_CUSTOMER, currency_code="GBP")).SerializeToString(),
)
_GET = Call("/foldlog.orders.v1.QueryService/GetOrder", GetOrderRequest(order_id=_ORDER).SerializeToString())
_LINES = [
    OrderLine(
        product_id=f"product-{number}",
        product_name=f"Product {number}",
        quantity=number,
        unit_price=Money(currency_code="GBP", units=number),
    )
    for number in range(1, 4)
]
_LONGEST_WAIT = timedelta(seconds=30)


class Window(NamedTuple):
    """One measured window."""

    per_second: float
    """Calls or events per second, until everything they ask for is done."""
    answered_per_second: float | None = None
    """Calls per second until the last answer, if something is still to be done after it."""
    p50_ms: float | None = None
    p99_ms: float | None = None
    server_us: float | None = None
    """CPU time that the server used for one of them."""
    per_commit: float | None = None
    """How many of them one commit stored on average."""


class Shop:
    """One server with a log of its own, and a client that checks what it did."""

    def __init__(self, server: Server, client: foldlog_client.Client) -> None:
        self.server = server
        self._client = client

    async def commands(self, in_flight: int, calls: int) -> Window:
        """Measure commands that each create an order, until all are durable and all views have seen them."""
        before, used_before = await self._head(), self.server.cpu_seconds()
        load = await h2load.load(self.server.address, CREATE, SHAPES[in_flight], calls)
        answered = time.perf_counter()
        head = await self._head()
        check_growth(before, head, calls)
        await self._views_seen(head)
        lag = time.perf_counter() - answered
        used = self.server.cpu_seconds() - used_before
        return Window(
            calls / (load.seconds + lag),
            calls / load.seconds,
            load.p50_ms,
            load.p99_ms,
            used / calls * 1e6,
            calls / await self._commits(before + 1),
        )

    async def queries(self, in_flight: int, calls: int) -> Window:
        """Measure queries for one order with three lines."""
        answer = await self._order()
        before = self.server.cpu_seconds()
        load = await h2load.load(self.server.address, _GET, SHAPES[in_flight], calls)
        used = self.server.cpu_seconds() - before
        if await self._order() != answer:
            raise BenchFailed("GetOrder returned another answer after the load than before.")
        check_size("GetOrder", calls, load.data_bytes, len(answer))
        return Window(calls / load.seconds, None, load.p50_ms, load.p99_ms, used / calls * 1e6)

    async def create_what_is_asked_for(self) -> None:
        """Create the order that queries ask for, and a product, so that every view has an answer."""
        await self._client.orders.create_order(
            order_id=_ORDER, customer_id=_CUSTOMER, currency_code="GBP", lines=_LINES
        )
        await self._client.inventory.receive_stock(product_id=_PRODUCT, quantity=1)
        await self._views_seen(await self._head())

    async def _head(self) -> int:
        return (await self._client.events.head()).position

    async def _commits(self, first: int) -> int:
        """Return how many commits stored the events from a position on.

        Events of one commit have the same time; so do commits between which the clock stood still or went
        back.
        """
        events = self._client.events.read_all(from_position=first)
        return len({event.recorded_time.ToNanoseconds() async for event in events})

    async def _order(self) -> bytes:
        response = await self._client.orders.get_order(order_id=_ORDER)
        if [line.product_name for line in response.order.lines] != [line.product_name for line in _LINES]:
            raise BenchFailed("GetOrder did not return the order that was created.")
        return GetOrderResponse.SerializeToString(response)

    async def _views_seen(self, head: int) -> None:
        """Return once every view answers as of the head."""
        orders, inventory = self._client.orders, self._client.inventory
        answers = await asyncio.gather(
            orders.get_order(order_id=_ORDER, min_position=head, max_wait=_LONGEST_WAIT),
            orders.list_current_orders(page_size=1, min_position=head, max_wait=_LONGEST_WAIT),
            orders.list_order_history(page_size=1, min_position=head, max_wait=_LONGEST_WAIT),
            orders.get_customer_orders(
                customer_id=_CUSTOMER, page_size=1, min_position=head, max_wait=_LONGEST_WAIT
            ),
            inventory.get_inventory(product_id=_PRODUCT, min_position=head, max_wait=_LONGEST_WAIT),
        )
        if any(answer.freshness.position < head for answer in answers):
            raise BenchFailed("A view answered before it had seen all commands.")


def check_growth(before: int, after: int, calls: int) -> None:
    """Raise `BenchFailed` unless the log has one more event for each call."""
    if after - before != calls:
        raise BenchFailed(
            f"The log grew by {after - before:,} events, and {calls:,} calls were to add one each: "
            "some were refused, or did something else. The run counts for nothing."
        )


def check_size(what: str, calls: int, received: int, answer_bytes: int) -> None:
    """Raise `BenchFailed` unless as many bytes were received as that many answers have with their headers."""
    expected = calls * (MESSAGE_HEAD + answer_bytes)
    if received != expected:
        raise BenchFailed(
            f"The answers of {what} had {received:,} bytes instead of {expected:,}: some were refused."
        )
