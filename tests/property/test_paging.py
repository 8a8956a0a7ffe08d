"""Every list over a real channel, in both orders, page by page, while rows come, change and go."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog.inventory.v1.queries_pb2 import ListInventoryRequest
from foldlog.orders.v1.commands_pb2 import AddItem
from foldlog.orders.v1.queries_pb2 import (
    GetCustomerOrdersRequest,
    GetOrderHistoryRequest,
    ListCurrentOrdersRequest,
    ListCustomersRequest,
    ListOrderHistoryRequest,
)
from foldlog.orders.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_DRAFT,
    ORDER_STATUS_SHIPPED,
    ORDER_STATUS_SUBMITTED,
)
from foldlog.v1.reads_pb2 import ReadOptions
from tests.support.order_stories import line, money
from tests.support.orders import cancel, create, do, way_to
from tests.support.server import Server, serving

LONG_ORDER = "long"
CUSTOMERS = ["ada", "Ada", "ädä", "z"]
PRODUCTS = ["tea", "Tea", "𝕥𝕖𝕒", "a"]
ROUNDS = 200
"""Far more pages than there can be rows."""


@dataclass
class Shop:
    """What is in the lists, as the commands that were sent must have left it."""

    server: Server
    position: int = 0
    customer_of: dict[str, str] = field(default_factory=dict)
    status_of: dict[str, int] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)
    products: set[str] = field(default_factory=set)
    versions: int = 0

    def current(self, **filters: Any) -> list[str]:
        return [
            id
            for id, status in self.status_of.items()
            if id not in self.finished
            and filters.get("customer", self.customer_of[id]) == self.customer_of[id]
            and filters.get("status", status) == status
        ]

    async def send(self, *commands: Any) -> None:
        self.position = (await do(self.server, *commands)).result.position

    async def begin(self) -> None:
        await self.make(LONG_ORDER, "ada", [])
        self.versions = 1

    async def make(self, id: str, customer: str, lines: Sequence[Any]) -> None:
        await self.send(create(id, *lines, customer_id=customer))
        self.customer_of[id], self.status_of[id] = customer, ORDER_STATUS_DRAFT

    # What may happen between two pages; `number` is chance

    async def order(self, number: int) -> None:
        product = PRODUCTS[number % len(PRODUCTS)]
        id = f"{number % 97}-{len(self.customer_of)}"
        await self.make(id, CUSTOMERS[number % len(CUSTOMERS)], [line(product, 1, money("1"))])

    async def submit(self, number: int) -> None:
        if drafts := self.current(status=ORDER_STATUS_DRAFT)[1:]:
            id = drafts[number % len(drafts)]
            reply = await do(self.server, *way_to(ORDER_STATUS_SUBMITTED, id))
            self.position, self.status_of[id] = reply.result.position, ORDER_STATUS_SUBMITTED
            self.products |= {one.product_id for one in reply.order.lines}

    async def cancel(self, number: int) -> None:
        if current := self.current()[1:]:
            await self._finish(current[number % len(current)], ORDER_STATUS_CANCELLED)

    async def ship(self, number: int) -> None:
        if submitted := self.current(status=ORDER_STATUS_SUBMITTED):
            await self._finish(submitted[number % len(submitted)], ORDER_STATUS_SHIPPED)

    async def _finish(self, id: str, outcome: int) -> None:
        way = [cancel(id)] if outcome == ORDER_STATUS_CANCELLED else way_to(outcome, id)
        await self.send(*way)
        self.finished.append(id)
        self.status_of[id] = outcome

    async def change(self, number: int) -> None:
        await self.send(AddItem(order_id=LONG_ORDER, line=line("tea", number + 1, money("1"))))
        self.versions += 1

    async def receive(self, number: int) -> None:
        product = PRODUCTS[number % len(PRODUCTS)]
        await self.send(ReceiveStock(product_id=product, quantity=1))
        self.products.add(product)


ACTIONS = [Shop.order, Shop.order, Shop.submit, Shop.cancel, Shop.ship, Shop.change, Shop.receive]


@dataclass(frozen=True)
class Listing:
    """A list: how it is asked for, what is in it now, in its order, and what a row is known by."""

    request: Any
    rows: str
    key: Callable[[Any], Any]
    expected: Callable[[Shop], list[Any]]


def order_id(row: Any) -> Any:
    return row.order_id


def by_bytes(ids: Any) -> list[str]:
    return sorted(set(ids), key=str.encode)


LISTINGS = [
    Listing(ListCurrentOrdersRequest(), "orders", order_id, Shop.current),
    Listing(
        ListCurrentOrdersRequest(customer_id="ada"),
        "orders",
        order_id,
        lambda shop: shop.current(customer="ada"),
    ),
    Listing(
        ListCurrentOrdersRequest(status=ORDER_STATUS_SUBMITTED),
        "orders",
        order_id,
        lambda shop: shop.current(status=ORDER_STATUS_SUBMITTED),
    ),
    Listing(ListOrderHistoryRequest(), "orders", order_id, lambda shop: list(shop.finished)),
    Listing(
        ListOrderHistoryRequest(outcome=ORDER_STATUS_CANCELLED),
        "orders",
        order_id,
        lambda shop: [id for id in shop.finished if shop.status_of[id] == ORDER_STATUS_CANCELLED],
    ),
    Listing(
        GetCustomerOrdersRequest(customer_id="ada"),
        "orders",
        order_id,
        lambda shop: [id for id, customer in shop.customer_of.items() if customer == "ada"],
    ),
    Listing(
        ListCustomersRequest(),
        "customers",
        lambda row: row.customer_id,
        lambda shop: by_bytes(shop.customer_of.values()),
    ),
    Listing(
        ListInventoryRequest(),
        "items",
        lambda row: row.product_id,
        lambda shop: by_bytes(shop.products),
    ),
    Listing(
        GetOrderHistoryRequest(order_id=LONG_ORDER),
        "entries",
        lambda row: row.event.version,
        lambda shop: list(range(1, shop.versions + 1)),
    ),
]


class Pager:
    """One client on its way through one list, with pages of other sizes each time."""

    def __init__(self, listing: Listing, descending: bool, sizes: Sequence[int], shop: Shop) -> None:
        self.listing = listing
        self.sizes = sizes
        self.shop = shop
        self.request: Any = type(listing.request)(descending=descending)
        self.request.MergeFrom(listing.request)
        self.pages = 0
        self.seen: list[Any] = []
        self.throughout: set[Any] = set(listing.expected(shop))
        self.ever: set[Any] = set()
        self.is_done = False

    async def turn(self) -> None:
        """Ask for the next page, of the lists as they are now."""
        here = self.listing.expected(self.shop)
        self.throughout &= set(here)
        self.ever |= set(here)
        self.request.page_size = size = self.sizes[self.pages % len(self.sizes)]
        self.request.options.CopyFrom(ReadOptions(min_position=self.shop.position))
        page = await self.shop.server.ask(self.request)
        rows = [self.listing.key(row) for row in getattr(page, self.listing.rows)]
        in_order = here[::-1] if self.request.descending else here
        assert rows == [key for key in in_order if key in rows], f"{rows} of {in_order}"
        assert len(rows) <= size
        assert not page.next_page_token or len(rows) == size
        self.seen += rows
        self.pages += 1
        self.request.page_token = page.next_page_token
        self.is_done = not page.next_page_token

    def check(self) -> None:
        assert self.is_done
        assert len(self.seen) == len(set(self.seen)), f"twice: {self.seen}"
        assert self.throughout <= set(self.seen), f"missed: {self.throughout - set(self.seen)}"
        assert set(self.seen) <= self.ever, f"never there: {set(self.seen) - self.ever}"


async def page_through(data: Path, first: "Plan", between: Sequence["Plan"], sizes: Sequence[int]) -> None:
    async with serving(data) as server:
        shop = Shop(server)
        await shop.begin()
        await happen(shop, first)
        pagers = [
            Pager(listing, descending, sizes, shop) for listing in LISTINGS for descending in (False, True)
        ]
        for number in range(ROUNDS):
            await asyncio.gather(*(pager.turn() for pager in pagers if not pager.is_done))
            await happen(shop, between[number] if number < len(between) else ())
        for pager in pagers:
            pager.check()


async def happen(shop: Shop, plan: "Plan") -> None:
    for action, number in plan:
        await ACTIONS[action](shop, number)


Plan = Sequence[tuple[int, int]]
some_actions = st.lists(st.tuples(st.integers(0, len(ACTIONS) - 1), st.integers(0, 1000)), max_size=8)
many_actions = st.lists(st.tuples(st.integers(0, len(ACTIONS) - 1), st.integers(0, 1000)), min_size=10)


@pytest.fixture(scope="session")
def empty_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a log without events: to be copied, which costs less than to sync a new one."""
    data = tmp_path_factory.mktemp("log") / "data"

    async def make() -> None:
        async with serving(data):
            pass

    asyncio.run(make())
    return data


@settings(max_examples=8)
@given(
    first=many_actions,
    between=st.lists(some_actions, min_size=2, max_size=8),
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=5),
)
def test_a_row_that_is_there_throughout_is_listed_once_whatever_comes_changes_and_goes(
    first: Plan,
    between: Sequence[Plan],
    sizes: Sequence[int],
    empty_log: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    data = tmp_path_factory.mktemp("paged") / "data"
    shutil.copytree(empty_log, data)
    asyncio.run(page_through(data, first, between, sizes), debug=True)
