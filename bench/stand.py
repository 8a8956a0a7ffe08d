"""What is measured, and the proof that it happened: a window counts only if the server did what was asked."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from shutil import copytree
from typing import NamedTuple

import foldlog_client
from bench import appends, echo, h2load
from bench.h2load import MESSAGE_HEAD, SHAPES, Call
from bench.history import write_history
from bench.processes import ECHO, BenchFailed, Server, foldlog, serving
from bench.processes import appends as appending
from bench.rebuild import rebuild_in_a_process
from bench.subscriber import catch_up
from foldlog.orders.v1.command_service_pb2 import CreateOrderRequest
from foldlog.orders.v1.commands_pb2 import CreateOrder
from foldlog.orders.v1.queries_pb2 import GetOrderRequest, GetOrderResponse
from foldlog.orders.v1.types_pb2 import OrderLine
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog.v1.money_pb2 import Money
from foldlog_server.stores.sqlite.reader import SqliteLogReader

ECHO_BYTES = 200
_ECHO = Call(f"/{echo.SERVICE}/{echo.METHOD}", bytes(ECHO_BYTES))
_APPEND = Call(f"/{appends.SERVICE}/{appends.METHOD}", bytes(ECHO_BYTES))

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
_SECONDS_TO_BUILD = 60


class Window(NamedTuple):
    """One measurement."""

    per_second: float
    """Calls or events, to the moment at which everything they ask for is done."""
    answered_per_second: float | None = None
    """Calls to the last answer, where something is still to be done after it."""
    p50_ms: float | None = None
    p99_ms: float | None = None
    server_us: float | None = None
    """CPU time that the server used for one of them."""
    per_commit: float | None = None
    """How many of them one commit stored."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured in one window."""

    calls: Mapping[int, int]
    """Calls, by how many are in flight."""
    history: int
    """Events that are caught up with, and from which views are rebuilt."""
    readings: int
    """How often a subscriber catches up."""


class Stand:
    """Servers that stand idle until it is their turn."""

    def __init__(
        self,
        sizes: Sizes,
        echo: Server,
        appends: Server,
        appends_directory: Path,
        foldlog: Server,
        history: Server,
        history_directory: Path,
        client: foldlog_client.Client,
    ) -> None:
        self._sizes = sizes
        self._echo = echo
        self._appends = appends
        self._appends_directory = appends_directory
        self._foldlog = foldlog
        self._history = history
        self._history_directory = history_directory
        self._client = client

    async def echoes(self, in_flight: int) -> Window:
        """Calls of the bare server."""
        calls = self._sizes.calls[in_flight]
        before = self._echo.cpu_seconds()
        load = await h2load.load(self._echo.address, _ECHO, SHAPES[in_flight], calls)
        used = self._echo.cpu_seconds() - before
        check_size("the echo", calls, load.data_bytes, ECHO_BYTES)
        return Window(calls / load.seconds, None, load.p50_ms, load.p99_ms, used / calls * 1e6)

    async def appends(self, in_flight: int) -> Window:
        """Calls that each append an event of as many bytes as the echo's to a log, until it is durable."""
        calls = self._sizes.calls[in_flight]
        before, used_before = self._appended(), self._appends.cpu_seconds()
        load = await h2load.load(self._appends.address, _APPEND, SHAPES[in_flight], calls)
        used = self._appends.cpu_seconds() - used_before
        check_size("the appends", calls, load.data_bytes, ECHO_BYTES)
        stored = self._appended_after(before)
        check_appended(stored, calls)
        commits = len({event.recorded_time.ToNanoseconds() for event in stored})
        return Window(
            calls / load.seconds, None, load.p50_ms, load.p99_ms, used / calls * 1e6, calls / commits
        )

    async def commands(self, in_flight: int) -> Window:
        """Commands that each create an order, until all are durable and all views have seen them."""
        calls = self._sizes.calls[in_flight]
        before, used_before = await self._head(), self._foldlog.cpu_seconds()
        load = await h2load.load(self._foldlog.address, CREATE, SHAPES[in_flight], calls)
        answered = time.perf_counter()
        head = await self._head()
        check_growth(before, head, calls)
        await self._views_seen(head)
        lag = time.perf_counter() - answered
        used = self._foldlog.cpu_seconds() - used_before
        return Window(
            calls / (load.seconds + lag),
            calls / load.seconds,
            load.p50_ms,
            load.p99_ms,
            used / calls * 1e6,
            calls / await self._commits(before + 1),
        )

    async def queries(self, in_flight: int) -> Window:
        """Questions for one order with three lines."""
        calls = self._sizes.calls[in_flight]
        answer = await self._order()
        before = self._foldlog.cpu_seconds()
        load = await h2load.load(self._foldlog.address, _GET, SHAPES[in_flight], calls)
        used = self._foldlog.cpu_seconds() - before
        if await self._order() != answer:
            raise BenchFailed("GetOrder gave another answer after the load than before.")
        check_size("GetOrder", calls, load.data_bytes, len(answer))
        return Window(calls / load.seconds, None, load.p50_ms, load.p99_ms, used / calls * 1e6)

    async def catching_up(self) -> Window:
        """Events to one subscriber that reads a whole log, some times one after the other."""
        seconds, events = 0.0, 0
        before = self._history.cpu_seconds()
        for _ in range(self._sizes.readings):
            read, taken = await catch_up(self._history.address)
            events, seconds = events + read, seconds + taken
        used = self._history.cpu_seconds() - before
        return Window(events / seconds, server_us=used / events * 1e6)

    async def rebuilding(self) -> dict[str, Window]:
        """Events of a log, by the name of the view that is rebuilt from it."""
        seconds = await rebuild_in_a_process(self._history_directory)
        return {name: Window(self._sizes.history / taken) for name, taken in seconds.items()}

    async def create_what_is_asked_for(self) -> None:
        """The order that queries ask for, and a product, so that there is an answer of every view."""
        await self._client.orders.create_order(
            order_id=_ORDER, customer_id=_CUSTOMER, currency_code="GBP", lines=_LINES
        )
        await self._client.inventory.receive_stock(product_id=_PRODUCT, quantity=1)
        await self._views_seen(await self._head())

    def _appended(self) -> int:
        with SqliteLogReader.open(self._appends_directory) as reader:
            return reader.head.position

    def _appended_after(self, position: int) -> list[RecordedEvent]:
        events: list[RecordedEvent] = []
        with SqliteLogReader.open(self._appends_directory) as reader:
            while read := reader.read_all(from_position=position + 1 + len(events)):
                events += [RecordedEvent.FromString(event.record) for event in read]
        return events

    async def _head(self) -> int:
        return (await self._client.events.head()).position

    async def _commits(self, first: int) -> int:
        """How many commits stored the events from a position on.

        Those of one commit have one time, and so have commits for which a clock stood still or went back.
        """
        events = self._client.events.read_all(from_position=first)
        return len({event.recorded_time.ToNanoseconds() async for event in events})

    async def _order(self) -> bytes:
        response = await self._client.orders.get_order(order_id=_ORDER)
        if [line.product_name for line in response.order.lines] != [line.product_name for line in _LINES]:
            raise BenchFailed("GetOrder did not give the order that was created.")
        return GetOrderResponse.SerializeToString(response)

    async def _views_seen(self, head: int) -> None:
        """Return once every view answers with what it is at the head."""
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
    """Raise `BenchFailed` unless the log has one event more for each call."""
    if after - before != calls:
        raise BenchFailed(
            f"The log grew by {after - before:,} events, and {calls:,} calls were to add one each: "
            "some were refused, or did something else. The run counts for nothing."
        )


def check_appended(stored: Sequence[RecordedEvent], calls: int) -> None:
    """Raise `BenchFailed` unless each call has stored what it brought in a stream of its own."""
    check_growth(0, len(stored), calls)
    whole = {event.stream for event in stored if len(event.payload.value) == ECHO_BYTES}
    if len(whole) != calls:
        raise BenchFailed(f"{calls:,} appends left only {len(whole):,} streams with an event of their size.")


def check_size(what: str, calls: int, received: int, answer_bytes: int) -> None:
    """Raise `BenchFailed` unless so many bytes were received as that many answers have with their heads."""
    expected = calls * (MESSAGE_HEAD + answer_bytes)
    if received != expected:
        raise BenchFailed(
            f"The answers of {what} had {received:,} bytes instead of {expected:,}: some were refused."
        )


@asynccontextmanager
async def standing(directory: Path, sizes: Sizes, seed: int) -> AsyncIterator[Stand]:
    """All servers, on new data directories in a directory. Raises `BenchFailed`."""
    written, served, appended = (directory / name for name in ("history", "served-history", "appends"))
    events = await write_history(written, sizes.history, seed)
    copytree(written, served)
    sizes = Sizes(sizes.calls, events, sizes.readings)
    async with (
        serving(*ECHO) as echo_server,
        serving(*appending(appended)) as appends_server,
        serving(*foldlog(directory / "fresh")) as foldlog_server,
        serving(*foldlog(served)) as history_server,
        foldlog_client.connect(foldlog_server.address) as client,
    ):
        stand = Stand(
            sizes, echo_server, appends_server, appended, foldlog_server, history_server, written, client
        )
        await stand.create_what_is_asked_for()
        await _views_built(history_server)
        yield stand


async def _views_built(server: Server) -> None:
    """Return once a server that has begun with a long log has nothing more to do."""
    async with foldlog_client.connect(server.address) as client:
        head = (await client.events.head()).position
        for _ in range(_SECONDS_TO_BUILD):
            answers = await asyncio.gather(
                client.orders.list_current_orders(page_size=1),
                client.orders.list_order_history(page_size=1),
                client.orders.list_customers(page_size=1),
                client.inventory.list_inventory(page_size=1),
            )
            if all(answer.freshness.position == head for answer in answers):
                return
            await asyncio.sleep(1)
    raise BenchFailed("The views of a server did not come to the head of its log.")
