"""How fresh answers say they are, held against what the log says, over a real channel."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from grpc import StatusCode
from grpc.aio import AioRpcError

from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog.inventory.v1.events_pb2 import StockReceived
from foldlog.orders.v1.commands_pb2 import AddItem
from foldlog.orders.v1.events_pb2 import OrderCancelled, OrderCreated
from foldlog.v1.event_service_pb2 import ReadAllRequest
from foldlog.v1.reads_pb2 import (
    WHEN_BEHIND_ANSWER,
    WHEN_BEHIND_FAIL,
    WHEN_BEHIND_UNSPECIFIED,
    WhenBehind,
)
from tests.support.orders import cancel, create, do
from tests.support.questions import CUSTOMER, ORDER, PRODUCT, QUESTIONS, with_options
from tests.support.server import Server
from tests.support.view_scenario import line, money
from tests.support.wire import refusal_of

# What the log says


@dataclass
class Truth:
    """What every answer must hold that has seen the log up to a position."""

    versions: Counter[str] = field(default_factory=Counter)
    current: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    customer_of: dict[str, str] = field(default_factory=dict)
    on_hand: Counter[str] = field(default_factory=Counter)

    def see(self, event: Any) -> None:
        id = event.stream.partition("-")[2]
        self.versions[event.stream] += 1
        match event.type.rpartition(".")[2]:
            case "OrderCreated":
                self.customer_of[id] = OrderCreated.FromString(event.payload.value).customer_id
                self.current.append(id)
            case "OrderCancelled":
                self.current.remove(id)
                self.finished.append(id)
            case "StockReceived":
                self.on_hand[id] += StockReceived.FromString(event.payload.value).quantity

    def of(self, query: str) -> object:
        """What `told` must give of an answer."""
        customers = Counter(self.customer_of.values())
        return {
            "GetOrder": self.versions[f"order-{ORDER}"],
            "GetOrderHistory": list(range(1, self.versions[f"order-{ORDER}"] + 1)),
            "ListCurrentOrders": [(id, self.versions[f"order-{id}"] - 1) for id in self.current],
            "ListOrderHistory": self.finished,
            "GetCustomerOrders": (
                customers[CUSTOMER],
                [id for id, customer in self.customer_of.items() if customer == CUSTOMER],
            ),
            "ListCustomers": sorted(customers.items()),
            "GetInventory": self.on_hand[PRODUCT],
            "ListInventory": sorted(self.on_hand.items()),
            "GetStock": self.on_hand[PRODUCT],
        }[query]


TOLD: Mapping[str, Callable[[Any], object]] = {
    "GetOrder": lambda a: a.order.version,
    "GetOrderHistory": lambda a: [entry.event.version for entry in a.entries],
    "ListCurrentOrders": lambda a: [(order.order_id, order.item_count) for order in a.orders],
    "ListOrderHistory": lambda a: [order.order_id for order in a.orders],
    "GetCustomerOrders": lambda a: (a.customer.order_count, [order.order_id for order in a.orders]),
    "ListCustomers": lambda a: [(one.customer_id, one.order_count) for one in a.customers],
    "GetInventory": lambda a: a.item.on_hand,
    "ListInventory": lambda a: [(item.product_id, item.on_hand) for item in a.items],
    "GetStock": lambda a: a.stock.on_hand,
}


def name_of(request: Any) -> str:
    return str(request.DESCRIPTOR.name.removesuffix("Request"))


# What clients are told meanwhile


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, the end of the log that the asker knew of, and when it was asked and told in nanoseconds."""

    query: str
    answer: Any
    known: int
    asked: int
    told: int


class Busy:
    """Clients that change everything, and clients that ask about it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.known = 0
        self.told: list[Told] = []

    async def send(self, *commands: Any) -> None:
        self.known = max(self.known, (await do(self.server, *commands)).result.position)

    async def begin(self) -> None:
        await self.send(create(ORDER), ReceiveStock(product_id=PRODUCT, quantity=1))
        for question in QUESTIONS:
            await self.server.ask(with_options(question.request, min_position=self.known))

    async def write(self, writer: int, rounds: int) -> None:
        for number in range(rounds):
            id = f"{writer}.{number}"
            await self.send(AddItem(order_id=ORDER, line=line(PRODUCT, 1, money("1"))))
            await self.send(ReceiveStock(product_id=(PRODUCT, "jam")[number % 2], quantity=writer + 1))
            await self.send(create(id, customer_id=("ada", "bob")[number % 2]))
            if number % 3 == 0:
                await self.send(cancel(id))

    async def ask(self, request: Any, **options: Any) -> None:
        known, asked = self.known, time.time_ns()
        answer = await self.server.ask(with_options(request, **options))
        self.told.append(Told(name_of(request), answer, known, asked, time.time_ns()))

    async def read(self, done: asyncio.Event) -> None:
        while not done.is_set():
            for question in QUESTIONS:
                await self.ask(question.request)
                await self.ask(
                    question.request,
                    min_position=self.known,
                    max_wait=Duration(),
                    when_behind=WHEN_BEHIND_ANSWER,
                )
                await self.ask(question.request, min_position=self.known)

    async def pause_views(self, rounds: int) -> None:
        """Let the views lag for a few rounds of questions."""
        await self.server.views.stop()
        for number in range(rounds):
            await self.write(100 + number, 1)
            for question in QUESTIONS:
                await self.ask(question.request)
        self.server.views.start()


async def log_of(server: Server) -> list[Any]:
    return [event async for batch in server.ask(ReadAllRequest()) for event in batch.events]


async def test_an_answer_under_load_holds_what_its_position_says_and_lags_as_it_says(server: Server) -> None:
    busy, done = Busy(server), asyncio.Event()
    await busy.begin()
    readers = [asyncio.create_task(busy.read(done)) for _ in range(3)]
    await asyncio.gather(*(busy.write(writer, 12) for writer in range(4)))
    done.set()
    await asyncio.gather(*readers)
    await busy.pause_views(4)

    log = await log_of(server)
    truths = truths_of(log)
    for told in busy.told:
        freshness = told.answer.freshness
        assert TOLD[told.query](told.answer) == truths[freshness.position].of(told.query), told
        check_lag(told, log)
    assert {told.query for told in busy.told} == set(TOLD)
    lagging = {told.query for told in busy.told if told.answer.freshness.lag_events}
    assert lagging >= {name_of(question.request) for question in QUESTIONS if question.collection}


def truths_of(log: Sequence[Any]) -> list[Truth]:
    """By position."""
    truths = [Truth()]
    for event in log:
        truths.append(deepcopy(truths[-1]))
        truths[-1].see(event)
    return truths


def check_lag(told: Told, log: Sequence[Any]) -> None:
    freshness = told.answer.freshness
    assert told.known <= freshness.head <= len(log)
    assert freshness.lag_events == freshness.head - freshness.position
    assert not freshness.incomplete
    lag = freshness.lag_time.ToNanoseconds()
    if not freshness.lag_events:
        assert lag == 0
        return
    oldest = log[freshness.position].recorded_time.ToNanoseconds()  # the first it has not seen
    assert max(0, told.asked - oldest) <= lag <= max(0, told.told - oldest)


# What is asked for


@pytest.fixture
async def behind(server: Server) -> tuple[Server, int, int]:
    """A server whose views have stopped, where they stand, and the head."""
    busy = Busy(server)
    await busy.begin()
    await server.views.stop()
    seen = busy.known
    await busy.write(0, 1)
    return server, seen, busy.known


NO_WAIT, SHORT, TOO_LONG = Duration(), Duration(nanos=1), Duration(seconds=30, nanos=1)


async def test_every_position_wait_and_wish_is_answered_by_every_query_as_the_contract_says(
    behind: tuple[Server, int, int],
) -> None:
    server, seen, head = behind
    log_id = (await server.head()).log_id
    for question, wish, wait, log, position in product(
        QUESTIONS,
        (WHEN_BEHIND_UNSPECIFIED, WHEN_BEHIND_FAIL, WHEN_BEHIND_ANSWER),
        (NO_WAIT, SHORT, TOO_LONG),
        ("", log_id, log_id.upper()),
        (0, seen, seen + 1, head, head + 1),
    ):
        options = {"when_behind": wish, "max_wait": wait, "log_id": log, "min_position": position}
        place = seen if question.collection else head
        expected = expected_of(place, head, log in ("", log_id), **options)
        assert await outcome(server, with_options(question.request, **options)) == expected, options


Outcome = tuple[str, int]


def expected_of(
    place: int,
    head: int,
    is_its_log: bool,
    *,
    when_behind: WhenBehind.ValueType,
    max_wait: Duration,
    min_position: int,
    **_: Any,
) -> Outcome:
    """A refusal's reason, or the position of the answer."""
    if max_wait == TOO_LONG:
        return "INVALID_FIELDS", 0
    if not is_its_log:
        return "LOG_REPLACED", 0
    if min_position > head:
        return "POSITION_BEYOND_HEAD", 0
    if min_position > place and when_behind != WHEN_BEHIND_ANSWER:
        return "VIEW_BEHIND", place
    return "", place


async def outcome(server: Server, request: Any) -> Outcome:
    try:
        return "", (await server.ask(request)).freshness.position
    except AioRpcError as error:
        refusal = refusal_of(error)
    assert refusal.code is CODES[refusal.reason]
    return refusal.reason, int(refusal.metadata["position"]) if refusal.reason == "VIEW_BEHIND" else 0


CODES = {
    "INVALID_FIELDS": StatusCode.INVALID_ARGUMENT,
    "LOG_REPLACED": StatusCode.FAILED_PRECONDITION,
    "POSITION_BEYOND_HEAD": StatusCode.OUT_OF_RANGE,
    "VIEW_BEHIND": StatusCode.UNAVAILABLE,
}
