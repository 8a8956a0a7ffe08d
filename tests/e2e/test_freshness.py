"""Freshness over a real channel: what an answer says of itself is what the log says."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from grpc import StatusCode

from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog.inventory.v1.queries_pb2 import GetInventoryRequest, GetStockRequest, ListInventoryRequest
from foldlog.orders.v1.commands_pb2 import AddItem
from foldlog.orders.v1.queries_pb2 import (
    GetCustomerOrdersRequest,
    GetOrderHistoryRequest,
    GetOrderRequest,
    ListCurrentOrdersRequest,
    ListCustomersRequest,
    ListOrderHistoryRequest,
)
from foldlog.v1.event_service_pb2 import ReadAllRequest
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog.v1.reads_pb2 import (
    WHEN_BEHIND_ANSWER,
    WHEN_BEHIND_FAIL,
    WHEN_BEHIND_UNSPECIFIED,
    Freshness,
    ReadOptions,
)
from tests.support.order_stories import line, money
from tests.support.orders import cancel, create
from tests.support.server import Server
from tests.support.wire import refused

AT_ONCE = Duration()
ADDED = "foldlog.orders.v1.ItemAdded"
CHANGED = "foldlog.orders.v1.ItemQuantityChanged"
CREATED = "foldlog.orders.v1.OrderCreated"
CANCELLED = "foldlog.orders.v1.OrderCancelled"
RECEIVED = "foldlog.inventory.v1.StockReceived"


@dataclass(frozen=True)
class Question:
    """A query, a number in its answer, and the events that make up that number."""

    request: Message
    number: Callable[[Any], int]
    counts: Callable[[RecordedEvent], bool]
    is_of_a_view: bool = True


def quantity_of(response: Any) -> int:
    return int(response.order.lines[0].quantity)


def is_change_of_1(event: RecordedEvent) -> bool:
    return event.stream == "order-1" and event.type in (ADDED, CHANGED)


def is_order_of_bob(event: RecordedEvent) -> bool:
    return event.type == CREATED and event.stream.startswith("order-b")


def is_end(event: RecordedEvent) -> bool:
    return event.type == CANCELLED


def is_receipt(event: RecordedEvent) -> bool:
    return event.type == RECEIVED


QUESTIONS = [
    Question(GetOrderRequest(order_id="1"), quantity_of, is_change_of_1),
    Question(ListCurrentOrdersRequest(), lambda answer: answer.orders[0].item_count, is_change_of_1),
    Question(
        GetCustomerOrdersRequest(customer_id="bob"),
        lambda answer: answer.customer.order_count,
        is_order_of_bob,
    ),
    Question(
        GetCustomerOrdersRequest(customer_id="bob", page_size=1000),
        lambda answer: len(answer.orders),
        is_order_of_bob,
    ),
    Question(ListCustomersRequest(), lambda answer: answer.customers[1].cancelled_count, is_end),
    Question(ListOrderHistoryRequest(page_size=1000), lambda answer: len(answer.orders), is_end),
    Question(GetInventoryRequest(product_id="tea"), lambda answer: answer.item.on_hand, is_receipt),
    Question(ListInventoryRequest(), lambda answer: answer.items[0].on_hand, is_receipt),
    Question(GetStockRequest(product_id="tea"), lambda answer: answer.stock.on_hand, is_receipt, False),
    Question(
        GetOrderHistoryRequest(order_id="1", page_size=1000),
        lambda answer: len(answer.entries) - 1,
        is_change_of_1,
        False,
    ),
]


def asking(question: Question, **options: Any) -> Any:
    request: Any = type(question.request)(options=ReadOptions(**options))
    request.MergeFrom(question.request)
    return request


async def one_more(server: Server, number: int) -> Any:
    """Every number that the questions ask for grows by one. Gives the result of the last command."""
    await server.send(ReceiveStock(product_id="tea", quantity=1))
    await server.send(AddItem(order_id="1", line=line("tea", 1, money("1"))))
    await server.send(create(f"b{number}", customer_id="bob"))
    return (await server.send(cancel(f"b{number}"))).result


async def log_of(server: Server) -> list[RecordedEvent]:
    return [event async for batch in server.ask(ReadAllRequest()) for event in batch.events]


@pytest.fixture
async def served(server: Server) -> Server:
    """A server of which every question has an answer."""
    await server.send(create("1"))
    position = (await one_more(server, 0)).position
    for question in QUESTIONS:
        await server.ask(asking(question, min_position=position))
    return server


# Under load


@dataclass
class Load:
    """Commands that never rest, and what readers were told meanwhile."""

    server: Server
    is_over: bool = False
    answers: list[tuple[Question, int, Any, int]] = field(default_factory=list)
    """The question, when it was asked, the answer, and when it came; in nanoseconds since the epoch."""

    async def write(self) -> None:
        for number in range(1, 41):
            await one_more(self.server, number)
        self.is_over = True

    async def read(self, questions: Sequence[Question]) -> None:
        while not self.is_over:
            for question in questions:
                asked = time.time_ns()
                answer = await self.server.ask(question.request)
                self.answers.append((question, asked, answer, time.time_ns()))


async def test_under_load_an_answer_has_exactly_the_events_up_to_the_position_it_names(
    served: Server,
) -> None:
    load = Load(served)
    await asyncio.gather(load.write(), load.read(QUESTIONS), load.read(QUESTIONS[::-1]))
    log = await log_of(served)
    log_id = (await served.head()).log_id
    behind = 0
    for question, asked, answer, came in load.answers:
        freshness = answer.freshness
        assert question.number(answer) == sum(map(question.counts, log[: freshness.position]))
        check_true(freshness, log, log_id, asked, came)
        behind += freshness.lag_events > 0
    assert behind, "No view was ever behind: nothing was shown."


def check_true(
    freshness: Freshness, log: Sequence[RecordedEvent], log_id: str, asked: int, came: int
) -> None:
    assert freshness.log_id == log_id
    assert freshness.position <= freshness.head <= len(log)
    assert freshness.lag_events == freshness.head - freshness.position
    assert not freshness.incomplete
    recorded_before = sum(event.recorded_time.ToNanoseconds() <= came for event in log)
    assert freshness.head <= recorded_before
    lag = freshness.lag_time.ToNanoseconds()
    if freshness.lag_events:
        unseen = log[freshness.position].recorded_time.ToNanoseconds()
        assert max(0, asked - unseen) <= lag <= came - unseen
    else:
        assert lag == 0


async def test_what_a_reader_is_told_never_goes_back(served: Server) -> None:
    load = Load(served)
    await asyncio.gather(load.write(), load.read(QUESTIONS))
    for question in QUESTIONS:
        told = [answer.freshness for asked, _, answer, _ in load.answers if asked is question]
        positions = [(freshness.position, freshness.head) for freshness in told]
        assert positions == sorted(positions)


async def test_a_view_that_stands_still_grows_older(served: Server) -> None:
    await served.views.stop()
    first = await one_more(served, 1)
    unseen = (await log_of(served))[first.position - 4].recorded_time.ToNanoseconds()
    for number in (2, 3):
        last = await one_more(served, number)
        for question in QUESTIONS:
            if question.is_of_a_view:
                asked = time.time_ns()
                freshness = (await served.ask(question.request)).freshness
                lag = freshness.lag_time.ToNanoseconds()
                assert freshness.position == first.position - 4
                assert (freshness.head, freshness.lag_events) == (last.position, 4 * number)
                assert asked - unseen <= lag <= time.time_ns() - unseen


# What may be asked for

WAITS = [None, AT_ONCE, Duration(nanos=1), Duration(nanos=2_000_000), Duration(seconds=30)]
BEHAVIOURS = [WHEN_BEHIND_UNSPECIFIED, WHEN_BEHIND_FAIL, WHEN_BEHIND_ANSWER]


@pytest.mark.parametrize("when_behind", BEHAVIOURS)
async def test_what_a_view_has_seen_is_answered_at_once_whatever_the_wait(
    served: Server, when_behind: Any
) -> None:
    position = (await served.head()).position
    await served.views.stop()
    for question in QUESTIONS:
        for min_position in (0, 1, position):
            for max_wait in WAITS:
                asked = asking(
                    question, min_position=min_position, max_wait=max_wait, when_behind=when_behind
                )
                answer = await served.ask(asked)
                assert (question.number(answer), answer.freshness.position) == (1, position)


@pytest.mark.parametrize("when_behind", BEHAVIOURS)
async def test_what_a_view_has_not_seen_fails_or_is_answered_stale_after_any_wait(
    served: Server, when_behind: Any
) -> None:
    seen = (await served.head()).position
    await served.views.stop()
    await one_more(served, 1)
    for question in QUESTIONS:
        for min_position in (seen + 1, seen + 4):
            for max_wait in (AT_ONCE, Duration(nanos=1), Duration(nanos=2_000_000)):
                asked = asking(
                    question, min_position=min_position, max_wait=max_wait, when_behind=when_behind
                )
                await is_behind(served, question, asked, seen)


async def is_behind(server: Server, question: Question, request: Any, seen: int) -> None:
    if not question.is_of_a_view:
        assert question.number(await server.ask(request)) == 2
    elif request.options.when_behind == WHEN_BEHIND_ANSWER:
        answer = await server.ask(request)
        assert (question.number(answer), answer.freshness.position) == (1, seen)
        assert (answer.freshness.head, answer.freshness.lag_events) == (seen + 4, 4)
    else:
        refusal = await refused(server.ask(request))
        assert (refusal.code, refusal.reason) == (StatusCode.UNAVAILABLE, "VIEW_BEHIND")
        told = [refusal.metadata[name] for name in ("min_position", "position", "head")]
        assert told == [str(number) for number in (request.options.min_position, seen, seen + 4)]


async def test_what_nobody_has_written_is_refused_at_once_whatever_else_is_asked_for(served: Server) -> None:
    head = (await served.head()).position
    for question, when_behind in zip(QUESTIONS, cycle(BEHAVIOURS), strict=False):
        for min_position in (head + 1, 2**63 - 1, 2**63, 2**64 - 1):
            for max_wait in WAITS:
                asked = asking(
                    question, min_position=min_position, max_wait=max_wait, when_behind=when_behind
                )
                refusal = await refused(served.ask(asked))
                assert (refusal.code, refusal.reason) == (StatusCode.OUT_OF_RANGE, "POSITION_BEYOND_HEAD")


async def test_a_position_of_another_log_is_refused_wherever_it_lies(served: Server) -> None:
    head = await served.head()
    for question, when_behind in zip(QUESTIONS, cycle(BEHAVIOURS), strict=False):
        for other in ("x", head.log_id.upper(), head.log_id[:-1], f" {head.log_id}", "𝔩" * 16):
            for min_position in (0, 1, head.position, 2**64 - 1):
                asked = asking(question, min_position=min_position, log_id=other, when_behind=when_behind)
                refusal = await refused(served.ask(asked))
                assert (refusal.code, refusal.reason) == (StatusCode.FAILED_PRECONDITION, "LOG_REPLACED")
                assert refusal.metadata == {"asked_log_id": other, "log_id": head.log_id}
        same = asking(question, min_position=head.position, log_id=head.log_id, when_behind=when_behind)
        assert question.number(await served.ask(same)) == 1


NO_WAITS = [
    Duration(seconds=30, nanos=1),
    Duration(seconds=31),
    Duration(seconds=315_576_000_000),
    Duration(seconds=2**63 - 1),
    Duration(nanos=-1),
    Duration(seconds=-1),
    Duration(seconds=1, nanos=-1),
    Duration(nanos=2**31 - 1),
]


async def test_a_wait_that_is_none_is_refused(served: Server) -> None:
    for question in QUESTIONS:
        for max_wait in NO_WAITS:
            refusal = await refused(served.ask(asking(question, max_wait=max_wait)))
            assert (refusal.code, refusal.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS")
            assert {subject.split(".")[1] for subject, _ in refusal.violations} == {"max_wait"}


async def test_something_else_than_failing_or_answering_is_refused(served: Server) -> None:
    for question in QUESTIONS:
        for value in (3, -1, 2**31 - 1):
            asked = asking(question, when_behind=value)
            refusal = await refused(served.ask(asked))
            assert refusal.violations == [("options.when_behind", "enum")]


async def test_the_log_is_told_before_the_position_and_the_fields_before_both(served: Server) -> None:
    for question in QUESTIONS:
        wrong: dict[str, Any] = {"min_position": 2**64 - 1}
        for reason, more in (
            ("POSITION_BEYOND_HEAD", {}),
            ("LOG_REPLACED", {"log_id": "x"}),
            ("INVALID_FIELDS", {"max_wait": Duration(seconds=31)}),
        ):
            wrong |= more
            assert (await refused(served.ask(asking(question, **wrong)))).reason == reason
