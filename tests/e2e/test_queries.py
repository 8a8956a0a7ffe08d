"""Queries over a real channel: what they answer, how fresh it is, page by page."""

import asyncio
import random
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from foldlog.inventory.v1.commands_pb2 import (
    DispatchStock,
    ReceiveStock,
    ReleaseStock,
    ReservationLine,
    ReserveStock,
)
from foldlog.inventory.v1.queries_pb2 import (
    GetInventoryRequest,
    GetStockRequest,
    InventoryItem,
    ListInventoryRequest,
)
from foldlog.orders.v1.commands_pb2 import (
    AddItem,
    CancelOrder,
    ChangeItemQuantity,
    ConfirmReservation,
    CreateOrder,
    RecordPayment,
    RemoveItem,
    ShipOrder,
    SubmitOrder,
)
from foldlog.orders.v1.queries_pb2 import (
    CurrentOrder,
    Customer,
    CustomerOrder,
    FinishedOrder,
    GetCustomerOrdersRequest,
    GetOrderHistoryRequest,
    GetOrderRequest,
    ListCurrentOrdersRequest,
    ListCustomersRequest,
    ListOrderHistoryRequest,
)
from foldlog.orders.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_DRAFT,
    ORDER_STATUS_PAID,
    ORDER_STATUS_RESERVED,
    ORDER_STATUS_SHIPPED,
    ORDER_STATUS_SUBMITTED,
)
from foldlog.v1.event_service_pb2 import ReadAllRequest
from foldlog.v1.reads_pb2 import (
    WHEN_BEHIND_ANSWER,
    WHEN_BEHIND_FAIL,
    WHEN_BEHIND_UNSPECIFIED,
    Freshness,
    ReadOptions,
    WhenBehind,
)
from foldlog_server.stores.views.read_model import SqliteReadModel
from tests.support.order_stories import line, money
from tests.support.server import Server, serving
from tests.support.wire import SECONDS, Refusal, refused

NO_WAIT = Duration()
LONG = Duration(seconds=30)

LISTS: dict[str, tuple[type[Message], str]] = {
    "current-orders": (ListCurrentOrdersRequest, "orders"),
    "order-history": (ListOrderHistoryRequest, "orders"),
    "customers": (ListCustomersRequest, "customers"),
    "inventory": (ListInventoryRequest, "items"),
}
"""The request of each list, and the field of its answer, by collection."""


def create(order_id: str, *lines: Any, customer_id: str = "ada", currency_code: str = "GBP") -> CreateOrder:
    return CreateOrder(
        order_id=order_id,
        customer_id=customer_id,
        customer_name=customer_id.title(),
        currency_code=currency_code,
        lines=lines,
    )


def cancel(order_id: str) -> CancelOrder:
    return CancelOrder(order_id=order_id, reason="changed mind")


def way_to(status: int, order_id: str, amount: Any) -> Sequence[Message]:
    """The commands that bring a draft to a status."""
    commands = [
        SubmitOrder(order_id=order_id),
        ConfirmReservation(order_id=order_id, reservation_id=f"r{order_id}"),
        RecordPayment(order_id=order_id, payment_id=f"p{order_id}", amount=amount),
        ShipOrder(order_id=order_id, shipment_id=f"s{order_id}", carrier="Post", tracking_number="PP 42"),
    ]
    return commands[: status - ORDER_STATUS_DRAFT]


async def pages(
    server: Server, request: Any, field: str, page_size: int = 0, position: int = 0
) -> list[list[Any]]:
    """All pages of a list."""
    found: list[list[Any]] = []
    request.page_size = page_size
    while True:
        request.options.min_position = position
        response = await server.ask(request)
        found.append(list(getattr(response, field)))
        if not response.next_page_token:
            return found
        request.page_token = response.next_page_token


async def ids_of(server: Server, request: Any, field: str = "orders", key: str = "order_id") -> list[str]:
    """The ids that a list gives, after everything that has happened."""
    position = (await server.head()).position
    return [getattr(row, key) for page in await pages(server, request, field, 0, position) for row in page]


# Reading what was written


@dataclass(frozen=True, slots=True)
class Question:
    """A query, and what tells whether its answer includes the newest quantity."""

    collection: str
    request: Callable[[], Any]
    units: Callable[[Any], int]


QUESTIONS = [
    Question("order-details", lambda: GetOrderRequest(order_id="1"), lambda r: r.order.lines[0].quantity),
    Question("current-orders", ListCurrentOrdersRequest, lambda r: r.orders[0].item_count),
    Question(
        "current-orders",
        lambda: ListCurrentOrdersRequest(status=ORDER_STATUS_DRAFT, customer_id="ada", descending=True),
        lambda r: r.orders[0].item_count,
    ),
    Question(
        "",
        lambda: GetOrderHistoryRequest(order_id="1", descending=True, page_size=1),
        lambda r: r.entries[0].event.version - 1,
    ),
    Question("inventory", lambda: GetInventoryRequest(product_id="tea"), lambda r: r.item.on_hand),
    Question("inventory", ListInventoryRequest, lambda r: r.items[0].on_hand),
    Question("", lambda: GetStockRequest(product_id="tea"), lambda r: r.stock.on_hand),
    Question(
        "customers",
        lambda: GetCustomerOrdersRequest(customer_id="bob"),
        lambda r: r.customer.order_count,
    ),
    Question(
        "customers",
        lambda: GetCustomerOrdersRequest(customer_id="bob", page_size=1000),
        lambda r: len(r.orders),
    ),
    Question("customers", ListCustomersRequest, lambda r: r.customers[1].order_count),
    Question("order-history", lambda: ListOrderHistoryRequest(page_size=1000), lambda r: len(r.orders)),
    Question(
        "order-history",
        lambda: ListOrderHistoryRequest(outcome=ORDER_STATUS_CANCELLED, customer_id="bob", page_size=1000),
        lambda r: len(r.orders),
    ),
]


async def one_more(server: Server, number: int) -> Any:
    """Everything that the questions look at becomes one more. Gives the result of the last command."""
    await server.send(ReceiveStock(product_id="tea", quantity=1))
    await server.send(AddItem(order_id="1", line=line("tea", 1, money("1"))))
    await server.send(create(f"b{number}", customer_id="bob"))
    return (await server.send(cancel(f"b{number}"))).result


async def test_an_answer_always_includes_the_position_asked_for(server: Server) -> None:
    await server.send(create("1"))
    for number in range(1, 16):
        result = await one_more(server, number)
        options = ReadOptions(min_position=result.position, log_id=result.log_id)
        answers = await asyncio.gather(
            *(server.ask(with_options(question, options)) for question in QUESTIONS)
        )
        for question, answer in zip(QUESTIONS, answers, strict=True):
            assert question.units(answer) == number, question.request()
            check_fresh(answer.freshness, result)


def with_options(question: Question, options: ReadOptions) -> Any:
    request = question.request()
    request.options.CopyFrom(options)
    return request


def check_fresh(freshness: Freshness, result: Any) -> None:
    assert freshness == Freshness(
        log_id=result.log_id,
        position=result.position,
        head=result.position,
        lag_time=Duration(),
        token=result.token,
    )


async def test_every_question_can_wait_for_a_command_that_is_being_stored(server: Server) -> None:
    await server.send(create("1"))
    for number in range(1, 11):
        result = await one_more(server, number)
        assert await server.ask(
            GetOrderRequest(order_id="1", options=ReadOptions(min_position=result.position))
        )
    head = await server.head()
    assert head.position == result.position


# Views that are behind


@pytest.fixture
async def behind(server: Server) -> tuple[Server, Any]:
    """A server whose views have all stopped before the last four events, and the newest result."""
    await server.send(create("1"))
    first = await one_more(server, 1)
    await asyncio.gather(
        *(server.ask(with_options(q, ReadOptions(min_position=first.position))) for q in QUESTIONS)
    )
    await server.views.stop()
    return server, await one_more(server, 2)


@pytest.mark.parametrize("when_behind", [WHEN_BEHIND_UNSPECIFIED, WHEN_BEHIND_FAIL])
async def test_a_view_that_is_behind_fails_and_says_where_it_is(
    behind: tuple[Server, Any], when_behind: WhenBehind.ValueType
) -> None:
    server, result = behind
    options = ReadOptions(min_position=result.position, max_wait=NO_WAIT, when_behind=when_behind)
    for question in QUESTIONS:
        request = with_options(question, options)
        if not question.collection:
            assert question.units(await server.ask(request)) == 2
            continue
        refusal = await refused(server.ask(request))
        assert (refusal.code, refusal.reason) == (StatusCode.UNAVAILABLE, "VIEW_BEHIND")
        assert refusal.metadata["min_position"] == refusal.metadata["head"] == str(result.position)
        assert refusal.metadata["position"] == str(result.position - 4)
        assert refusal.retry_after is not None
        assert refusal.retry_after > 0
        assert refusal.trailers["grpc-retry-pushback-ms"] == str(int(refusal.retry_after * 1000))


async def test_a_view_that_is_behind_can_answer_and_say_how_old_the_answer_is(
    behind: tuple[Server, Any],
) -> None:
    server, result = behind
    options = ReadOptions(min_position=result.position, max_wait=NO_WAIT, when_behind=WHEN_BEHIND_ANSWER)
    for question in QUESTIONS:
        answer = await server.ask(with_options(question, options))
        freshness = answer.freshness
        if not question.collection:
            check_fresh(freshness, result)
            continue
        assert question.units(answer) == 1
        assert (freshness.log_id, freshness.head) == (result.log_id, result.position)
        assert (freshness.position, freshness.lag_events) == (result.position - 4, 4)
        assert 0 < freshness.lag_time.ToNanoseconds() < 60 * 10**9
        assert not freshness.incomplete, "a view that goes on will have seen it all"


async def test_a_view_that_has_stopped_fails_or_answers_that_it_is_incomplete(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.send(create("1"))
    seen = await one_more(server, 1)
    fresh = ReadOptions(min_position=seen.position)
    for question in QUESTIONS:
        answer = await server.ask(with_options(question, fresh))
        assert not answer.freshness.incomplete
    for collection in {question.collection for question in QUESTIONS if question.collection}:
        projector = server.projector(collection)
        monkeypatch.setattr(projector, "view", replace(projector.view, keys=indigestible))
    result = await one_more(server, 2)
    for question in QUESTIONS:
        if question.collection:
            newest = ReadOptions(min_position=result.position)
            refusal = await refused(server.ask(with_options(question, newest)))
            assert (refusal.code, refusal.reason) == (StatusCode.UNAVAILABLE, "VIEW_STOPPED")
        answer = await server.ask(question.request())
        assert question.units(answer) == (1 if question.collection else 2)
        assert answer.freshness.incomplete == bool(question.collection)


def indigestible(event: Any) -> Any:
    raise ArithmeticError(event.position)


async def test_a_view_that_is_behind_answers_who_asks_for_nothing(behind: tuple[Server, Any]) -> None:
    server, result = behind
    for question in QUESTIONS:
        answer = await server.ask(question.request())
        assert question.units(answer) == (1 if question.collection else 2)
        assert answer.freshness.head == result.position


async def test_whoever_waits_is_answered_when_the_view_has_come_so_far(behind: tuple[Server, Any]) -> None:
    server, result = behind
    options = ReadOptions(min_position=result.position, max_wait=LONG)
    asking = [asyncio.ensure_future(server.ask(with_options(q, options))) for q in QUESTIONS]
    await server.head()
    server.views.start()
    answers = await asyncio.gather(*asking)
    assert [q.units(answer) for q, answer in zip(QUESTIONS, answers, strict=True)] == [2] * len(QUESTIONS)


async def test_a_wait_ends_after_the_time_asked_for(behind: tuple[Server, Any]) -> None:
    server, result = behind
    options = ReadOptions(min_position=result.position, max_wait=Duration(nanos=1_000_000))
    for question in QUESTIONS:
        if question.collection:
            refusal = await refused(server.ask(with_options(question, options)))
            assert refusal.reason == "VIEW_BEHIND"


async def test_a_position_beyond_the_head_is_refused_at_once(server: Server) -> None:
    result = await one_more_of_each(server)
    for question in QUESTIONS:
        for position in (result.position + 1, 2**64 - 1):
            options = ReadOptions(min_position=position, max_wait=LONG, when_behind=WHEN_BEHIND_ANSWER)
            async with asyncio.timeout(LONG.seconds / 2):
                refusal = await refused(server.ask(with_options(question, options)))
            assert (refusal.code, refusal.reason) == (StatusCode.OUT_OF_RANGE, "POSITION_BEYOND_HEAD")
            assert refusal.metadata == {"position": str(position), "head": str(result.position)}


async def one_more_of_each(server: Server) -> Any:
    await server.send(create("1"))
    return await one_more(server, 1)


async def test_a_position_of_another_log_is_refused(server: Server) -> None:
    result = await one_more_of_each(server)
    for question in QUESTIONS:
        # Also where the position would lie beyond the head: the log is what is wrong.
        for position in (0, 1, result.position + 5):
            options = ReadOptions(min_position=position, log_id="another", max_wait=NO_WAIT)
            refusal = await refused(server.ask(with_options(question, options)))
            assert (refusal.code, refusal.reason) == (StatusCode.FAILED_PRECONDITION, "LOG_REPLACED")
            assert refusal.metadata == {"asked_log_id": "another", "log_id": result.log_id}


# What is not there


@pytest.mark.parametrize(
    ("request_", "reason", "resource"),
    [
        (GetOrderRequest(order_id="none"), "ORDER_NOT_FOUND", ("order", "none")),
        (GetOrderHistoryRequest(order_id="none"), "ORDER_NOT_FOUND", ("order", "none")),
        (GetCustomerOrdersRequest(customer_id="none"), "CUSTOMER_NOT_FOUND", ("customer", "none")),
        (GetInventoryRequest(product_id="none"), "PRODUCT_NOT_FOUND", ("product", "none")),
        (GetStockRequest(product_id="none"), "PRODUCT_NOT_FOUND", ("product", "none")),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_what_is_not_there_is_not_found_and_named(
    server: Server, request_: Message, reason: str, resource: tuple[str, str]
) -> None:
    for other in ("a", "b"):
        refusal = await refused(server.ask(request_))
        assert (refusal.code, refusal.reason) == (StatusCode.NOT_FOUND, reason)
        assert refusal.domain == request_.DESCRIPTOR.file.package
        assert refusal.resource == resource
        assert refusal.metadata[f"{resource[0]}_id"] == "none"
        await server.send(create(other, line("tea", 1, money("1"))))


async def test_ids_are_told_apart_to_the_last_byte(server: Server) -> None:
    await server.send(create("Ada 1"))
    for other in ("ada 1", "Ada  1", "Ada 1.", "Ada"):
        assert (await refused(server.ask(GetOrderRequest(order_id=other)))).reason == "ORDER_NOT_FOUND"
    position = (await server.head()).position
    response = await server.ask(GetOrderRequest(order_id="Ada 1", options=ReadOptions(min_position=position)))
    assert response.order.order_id == "Ada 1"


async def test_ids_with_dashes_percents_and_quotes_find_their_way(server: Server) -> None:
    for id in ("a-b-c", "-", "100%", "o'neill", 'say "x"', "ünïcødé ☃", "../../x", "a" * 64):
        created = await server.send(create(id, line(id, 1, money("1")), customer_id=id))
        received = await server.send(ReceiveStock(product_id=id, name=id, quantity=1))
        options = ReadOptions(min_position=received.result.position)
        assert created.result.stream == f"order-{id}"
        assert (await server.ask(GetOrderRequest(order_id=id, options=options))).order == created.order
        customer = await server.ask(GetCustomerOrdersRequest(customer_id=id, options=options))
        assert [order.order_id for order in customer.orders] == [id]
        assert (await server.ask(GetInventoryRequest(product_id=id, options=options))).item.on_hand == 1
        assert (await server.ask(GetStockRequest(product_id=id))).stock == received.stock
        history = await server.ask(GetOrderHistoryRequest(order_id=id))
        assert [entry.event for entry in history.entries] == list(created.result.events)


# Filters


async def shop(server: Server) -> None:
    """Orders of two customers in every status; "a…" are ada's, "b…" are bob's."""
    for customer in ("ada", "bob"):
        for status in range(ORDER_STATUS_DRAFT, ORDER_STATUS_SHIPPED + 1):
            id = f"{customer[0]}{status}"
            await server.send(create(id, line("tea", status, money("2")), customer_id=customer))
            for command in way_to(status, id, money(str(2 * status))):
                await server.send(command)
        await server.send(create(f"{customer[0]}6", line("jam", 1, money("1")), customer_id=customer))
        await server.send(cancel(f"{customer[0]}6"))


async def test_current_orders_are_those_of_a_status_and_customer(server: Server) -> None:
    await shop(server)

    async def ids(**filters: Any) -> list[str]:
        return await ids_of(server, ListCurrentOrdersRequest(**filters))

    assert await ids() == ["a1", "a2", "a3", "a4", "b1", "b2", "b3", "b4"]
    assert await ids(descending=True) == ["b4", "b3", "b2", "b1", "a4", "a3", "a2", "a1"]
    for status in range(ORDER_STATUS_DRAFT, ORDER_STATUS_PAID + 1):
        assert await ids(status=status) == [f"a{status}", f"b{status}"]
    assert await ids(status=ORDER_STATUS_SHIPPED) == await ids(status=ORDER_STATUS_CANCELLED) == []
    assert await ids(customer_id="bob") == ["b1", "b2", "b3", "b4"]
    assert await ids(customer_id="bob", status=ORDER_STATUS_PAID, descending=True) == ["b4"]
    assert await ids(customer_id="Bob") == []


async def test_finished_orders_are_those_of_an_outcome_customer_and_time(server: Server) -> None:
    await shop(server)

    async def ids(**filters: Any) -> list[str]:
        return await ids_of(server, ListOrderHistoryRequest(**filters))

    assert await ids() == ["a5", "a6", "b5", "b6"]
    assert await ids(descending=True) == ["b6", "b5", "a6", "a5"]
    assert await ids(outcome=ORDER_STATUS_SHIPPED) == ["a5", "b5"]
    assert await ids(outcome=ORDER_STATUS_CANCELLED, descending=True) == ["b6", "a6"]
    assert await ids(outcome=ORDER_STATUS_DRAFT) == []
    assert await ids(customer_id="bob") == ["b5", "b6"]

    [[*finished]] = await pages(server, ListOrderHistoryRequest(), "orders")
    times = {order.order_id: order.finished_time for order in finished}
    assert await ids(finished_from=times["a6"]) == ["a6", "b5", "b6"]
    assert await ids(finished_before=times["b5"]) == ["a5", "a6"]
    assert await ids(finished_from=times["a6"], finished_before=times["b6"]) == ["a6", "b5"]
    assert await ids(finished_from=times["a6"], finished_before=times["a6"]) == []
    assert await ids(finished_from=times["a6"], outcome=ORDER_STATUS_SHIPPED, customer_id="bob") == ["b5"]


@pytest.mark.parametrize("seconds", [-62_135_596_800, -1, 0, 1, 9_999_999_999, 253_402_300_799])
async def test_any_time_of_the_calendar_can_be_asked_for(server: Server, seconds: int) -> None:
    await server.send(create("1"))
    await server.send(cancel("1"))
    time, past = Timestamp(seconds=seconds), seconds < 1_000_000_000
    assert await ids_of(server, ListOrderHistoryRequest(finished_from=time)) == (["1"] if past else [])
    assert await ids_of(server, ListOrderHistoryRequest(finished_before=time)) == ([] if past else ["1"])


async def test_lists_by_id_are_in_the_order_of_the_bytes(server: Server) -> None:
    ids = ["b", "B", "é", "a b", "a", "Z", "~", "☃", "10", "9"]
    for number, id in enumerate(ids):
        await server.send(create(str(number), customer_id=id))
        await server.send(ReceiveStock(product_id=id, quantity=1))
    ordered = sorted(ids, key=str.encode)
    assert await ids_of(server, ListCustomersRequest(), "customers", "customer_id") == ordered
    last_first: Any = ListCustomersRequest(descending=True)
    assert await ids_of(server, last_first, "customers", "customer_id") == ordered[::-1]
    assert await ids_of(server, ListInventoryRequest(), "items", "product_id") == ordered
    last_first = ListInventoryRequest(descending=True)
    assert await ids_of(server, last_first, "items", "product_id") == ordered[::-1]


# Pages


@pytest.fixture
async def seven(server: Server) -> Server:
    """Seven current orders, finished orders, customers, products, and orders of ada; a long order."""
    for number in range(7):
        await server.send(create(f"c{number}", line(f"p{number}", 1, money("1")), customer_id=f"c{number}"))
        await server.send(create(f"f{number}"))
        await server.send(cancel(f"f{number}"))
        await server.send(ReceiveStock(product_id=f"p{number}", quantity=1))
    for number in range(5):
        await server.send(AddItem(order_id="c0", line=line(f"x{number}", 1, money("1"))))
    head = await server.head()
    for question in QUESTIONS:
        if question.collection:
            assert await server.projector(question.collection).wait_for(head.position, SECONDS)
    return server


LISTED: list[tuple[Any, str, list[Any], Callable[[Any], object]]] = [
    (ListCurrentOrdersRequest(), "orders", [f"c{n}" for n in range(7)], lambda r: r.order_id),
    (ListOrderHistoryRequest(), "orders", [f"f{n}" for n in range(7)], lambda r: r.order_id),
    (
        ListOrderHistoryRequest(outcome=ORDER_STATUS_CANCELLED, customer_id="ada"),
        "orders",
        [f"f{n}" for n in range(7)],
        lambda r: r.order_id,
    ),
    (
        GetCustomerOrdersRequest(customer_id="ada"),
        "orders",
        [f"f{n}" for n in range(7)],
        lambda r: r.order_id,
    ),
    (
        ListCustomersRequest(),
        "customers",
        ["ada", *(f"c{n}" for n in range(7))],
        lambda r: r.customer_id,
    ),
    (ListInventoryRequest(), "items", [f"p{n}" for n in range(7)], lambda r: r.product_id),
    (
        GetOrderHistoryRequest(order_id="c0"),
        "entries",
        list(range(1, 8)),
        lambda r: r.event.version,
    ),
]


def a_copy(request: Any, **fields: Any) -> Any:
    copy = type(request)(**fields)
    copy.MergeFrom(request)
    return copy


async def test_pages_of_any_size_make_up_the_whole_list_forwards_and_backwards(seven: Server) -> None:
    for request, field, expected, key in LISTED:
        count = len(expected)
        for size in (1, 3, count - 1, count, count + 1, 2**31 - 1):
            for descending in (False, True):
                asked = a_copy(request, descending=descending)
                found = await pages(seven, asked, field, size)
                assert [key(row) for page in found for row in page] == expected[:: -1 if descending else 1]
                assert [len(page) for page in found[:-1]] == [min(size, 1000)] * (len(found) - 1)
                assert 0 < len(found[-1]) <= size


async def test_a_page_can_have_another_size_than_the_one_before(seven: Server) -> None:
    for request, field, expected, key in LISTED:
        first = await seven.ask(a_copy(request, page_size=2))
        rest = await seven.ask(a_copy(request, page_size=100, page_token=first.next_page_token))
        rows = [*getattr(first, field), *getattr(rest, field)]
        assert [key(row) for row in rows] == expected


async def test_the_next_page_can_be_asked_for_with_other_read_options(seven: Server) -> None:
    head = await seven.head()
    for request, field, expected, key in LISTED:
        first = await seven.ask(a_copy(request, page_size=2))
        again = a_copy(request, page_size=2, page_token=first.next_page_token)
        again.options.MergeFrom(ReadOptions(min_position=head.position, log_id=head.log_id, max_wait=LONG))
        assert [key(row) for row in getattr(await seven.ask(again), field)] == expected[2:4]


async def test_a_page_has_50_rows_if_not_said_and_1000_at_most(server: Server) -> None:
    lines = [line(f"{number:04}", 1, money("1")) for number in range(1010)]
    await server.send(create("1", *lines))
    await server.send(SubmitOrder(order_id="1"))
    position = (await server.head()).position
    history = GetOrderHistoryRequest(order_id="1")
    for request, field, count in ((ListInventoryRequest(), "items", 1010), (history, "entries", 1012)):
        [fifty, *rest] = await pages(server, a_copy(request), field, 0, position)
        assert (len(fifty), sum(map(len, rest))) == (50, count - 50)
        for size in (1001, 2**31 - 1):
            assert [len(page) for page in await pages(server, a_copy(request), field, size)] == [
                1000,
                count - 1000,
            ]


async def test_a_negative_page_size_is_refused(seven: Server) -> None:
    for request, *_ in LISTED:
        for size in (-1, -(2**31)):
            refusal = await refused(seven.ask(a_copy(request, page_size=size)))
            assert refusal.violations == [("page_size", "range")]


def other_requests(request: Any) -> list[Any]:
    """The same question, changed in one thing that a token is bound to."""
    changes: list[dict[str, Any]] = [{"descending": True}]
    fields = request.DESCRIPTOR.fields_by_name
    if "status" in fields:
        changes.append({"status": ORDER_STATUS_DRAFT})
    if "outcome" in fields:
        changes += [{"outcome": ORDER_STATUS_SHIPPED}, {"finished_from": Timestamp(seconds=1)}]
    for id in ("customer_id", "order_id"):
        if id in fields:
            changes.append({id: "c1"})
    found = []
    for change in changes:
        other = a_copy(request)
        other.MergeFrom(type(request)(**change))
        if other != request:
            found.append(other)
    return found


async def token_refused(server: Server, request: Any, token: str) -> Refusal:
    asked = a_copy(request, page_token=token)
    refusal = await refused(server.ask(asked))
    assert (refusal.code, refusal.reason) == (StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"), asked
    return refusal


async def test_a_token_belongs_to_its_request(seven: Server) -> None:
    for request, *_ in LISTED:
        token = (await seven.ask(a_copy(request, page_size=2))).next_page_token
        assert other_requests(request)
        for other in other_requests(request):
            await token_refused(seven, other, token)
        for other, *_ in LISTED:
            if other is not request:
                await token_refused(seven, other, token)


async def test_garbage_is_no_token(seven: Server) -> None:
    for request, *_ in LISTED:
        token = (await seven.ask(a_copy(request, page_size=2))).next_page_token
        changed = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in (0, 10, 25)]
        for garbage in ("x", "=", "AAAA", "é☃", "\x00", "A" * 4096, token[:-4], token + "AAAA", *changed):
            await token_refused(seven, request, garbage)


async def test_a_token_belongs_to_the_log(seven: Server, tmp_path: Any) -> None:
    tokens = [(await seven.ask(a_copy(request, page_size=2))).next_page_token for request, *_ in LISTED]
    async with serving(tmp_path / "other") as other:
        await other.send(create("c0"))
        for (request, *_), token in zip(LISTED, tokens, strict=True):
            await token_refused(other, request, token)


async def test_a_token_outlives_a_restart_but_not_another_generation_of_its_view(
    seven: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [(await seven.ask(a_copy(request, page_size=2))).next_page_token for request, *_ in LISTED]
    await seven.restart()
    for (request, field, expected, key), token in zip(LISTED, tokens, strict=True):
        response = await seven.ask(a_copy(request, page_size=2, page_token=token))
        assert [key(row) for row in getattr(response, field)] == expected[2:4]
    monkeypatch.setattr(SqliteReadModel, "generation", "another")
    for kind, _ in LISTS.values():
        request, token = next((r, t) for (r, *_), t in zip(LISTED, tokens, strict=True) if type(r) is kind)
        await token_refused(seven, request, token)


async def test_what_is_there_throughout_is_listed_once_whatever_happens_between_pages(
    server: Server,
) -> None:
    there = {f"{number:02}" for number in range(20)}
    for id in sorted(there):
        await server.send(create(id))
    for descending in (False, True):
        seen: list[str] = []
        request = ListCurrentOrdersRequest(page_size=3, descending=descending)
        while True:
            request.options.min_position = (await server.head()).position
            response = await server.ask(request)
            seen += [order.order_id for order in response.orders]
            request.page_token = response.next_page_token
            if not request.page_token:
                break
            await server.send(create(f"new {len(seen)} {descending}"))
            for id in sorted(there)[:3]:  # what changes keeps its place
                await server.send(AddItem(order_id=id, line=line("tea", 1, money("1"))))
            if seen[-1] in there and len(there) > 18:  # where the token points, nothing is any more
                await server.send(cancel(seen[-1]))
                there.remove(seen[-1])
        assert len(seen) == len(set(seen))
        assert there <= set(seen)


async def test_a_history_of_more_than_a_mebibyte_is_given_whole(server: Server) -> None:
    name = "x" * 200
    await server.send(create("1", *(line(f"{n:064}", 1, money("1"), name=name) for n in range(2000))))
    for command in way_to(ORDER_STATUS_SHIPPED, "1", money("2000")):
        await server.send(command)
    head = await server.head()
    assert head.position == 2005
    for descending in (False, True):
        for size in (0, 900, 1000):
            request = GetOrderHistoryRequest(order_id="1", descending=descending)
            found = await pages(server, request, "entries", size)
            versions = [entry.event.version for page in found for entry in page]
            assert versions == list(range(1, 2006))[:: -1 if descending else 1]


# Whole documents


class Life:
    """An order's life told step by step, with every document that must follow from it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.order = CurrentOrder(order_id="1", customer_id="ada", customer_name="Ada")
        self.customer = Customer(customer_id="ada", customer_name="Ada")
        self.summary = CustomerOrder(order_id="1", customer_id="ada")
        self.finished: list[FinishedOrder] = []
        self.items: dict[str, InventoryItem] = {}
        self.events: list[Any] = []

    async def does(self, command: Message) -> Any:
        """Have a command carried out; its time is that of the documents it changes."""
        reply = await self.server.send(command)
        last = reply.result.events[-1]
        if reply.result.stream == "order-1":
            self.events += reply.result.events
            self.order.changed_time.CopyFrom(last.recorded_time)
            if isinstance(command, CreateOrder):
                for field in (
                    self.order.created_time,
                    self.summary.created_time,
                    self.customer.last_order_time,
                ):
                    field.CopyFrom(last.recorded_time)
            response = await self.server.ask(
                GetOrderRequest(order_id="1", options=ReadOptions(min_position=reply.result.position))
            )
            assert response.order == reply.order  # what a command answers is what a query answers
        return reply

    async def check(self, *, is_current: bool = True) -> None:
        """Compare all documents with what is expected."""
        found = await everything(self.server)
        assert found["current-orders"] == ([self.order] if is_current else [])
        assert found["order-history"] == self.finished
        assert found["customers"] == [self.customer]
        assert found["inventory"] == [self.items[id] for id in sorted(self.items)]
        position = (await self.server.head()).position
        options = ReadOptions(min_position=position)
        mine = await self.server.ask(GetCustomerOrdersRequest(customer_id="ada", options=options))
        assert (mine.customer, list(mine.orders)) == (self.customer, [self.summary])
        history = await self.server.ask(GetOrderHistoryRequest(order_id="1", options=options))
        assert [entry.event for entry in history.entries] == self.events
        for id, item in self.items.items():
            got = await self.server.ask(GetInventoryRequest(product_id=id, options=options))
            assert got.item == item

    def finish(self, **fields: Any) -> None:
        order = self.order
        self.finished = [
            FinishedOrder(
                order_id="1",
                customer_id="ada",
                customer_name="Ada",
                finished_time=order.changed_time,
                item_count=order.item_count,
                line_count=order.line_count,
                total=order.total,
                **fields,
            )
        ]


async def everything(server: Server) -> dict[str, list[Any]]:
    """Every document that can be listed, after everything that has happened."""
    position = (await server.head()).position
    return {
        collection: [row for page in await pages(server, kind(), field, 1000, position) for row in page]
        for collection, (kind, field) in LISTS.items()
    }


def shows(document: Any, **fields: Any) -> None:
    """Change what is expected of a document."""
    for name, value in fields.items():
        if document.DESCRIPTOR.fields_by_name[name].is_repeated:
            document.ClearField(name)
            getattr(document, name).extend(value)
        elif isinstance(value, Message):
            getattr(document, name).CopyFrom(value)
        else:
            setattr(document, name, value)


async def drafted(life: Life) -> None:
    await life.does(create("1"))
    shows(life.order, total=money("0"), status=ORDER_STATUS_DRAFT)
    shows(life.customer, order_count=1, active_count=1, last_order_id="1")
    shows(life.summary, status=ORDER_STATUS_DRAFT)
    await life.check()

    lamp = line("lamp", 2, money("9.99"), name="Lamp")
    await life.does(AddItem(order_id="1", line=lamp))
    shows(life.order, item_count=2, line_count=1, total=money("19.98"))
    await life.check()

    await life.does(AddItem(order_id="1", line=line("shade", 3, money("4.505"), name="Shade")))
    shows(life.order, item_count=5, line_count=2, total=money("33.495"))
    await life.check()

    await life.does(ChangeItemQuantity(order_id="1", line_id="shade", quantity=1))
    shows(life.order, item_count=3, line_count=2, total=money("24.485"))
    await life.check()

    await life.does(AddItem(order_id="1", line=line("gift", 7, money("1"))))
    await life.does(RemoveItem(order_id="1", line_id="gift"))
    await life.check()

    # One product on two lines: its demand is the sum of both.
    await life.does(AddItem(order_id="1", line=line("second", 4, money("0.5"), product_id="lamp")))
    shows(life.order, item_count=7, line_count=3, total=money("26.485"))
    await life.check()


async def submitted(life: Life) -> None:
    await life.does(SubmitOrder(order_id="1"))
    shows(life.order, status=ORDER_STATUS_SUBMITTED)
    shows(life.customer, ordered=[money("26.48")])  # half to even
    shows(life.summary, status=ORDER_STATUS_SUBMITTED, amount_due=money("26.48"))
    life.items = {
        "lamp": InventoryItem(
            product_id="lamp", name="Lamp", demanded_units=6, demanded_value=[money("21.98")]
        ),
        "shade": InventoryItem(
            product_id="shade", name="Shade", demanded_units=1, demanded_value=[money("4.505")]
        ),
    }
    await life.check()


async def reserved(life: Life) -> None:
    await life.does(ReceiveStock(product_id="lamp", name="Desk lamp", quantity=10))
    await life.does(ReceiveStock(product_id="shade", quantity=1))
    shows(life.items["lamp"], name="Desk lamp", on_hand=10, available=10)
    shows(life.items["shade"], on_hand=1, available=1)
    await life.check()

    lines = [
        ReservationLine(product_id="lamp", quantity=6),
        ReservationLine(product_id="shade", quantity=1),
    ]
    await life.does(ReserveStock(order_id="1", lines=lines))
    shows(life.items["lamp"], reserved=6, available=4)
    shows(life.items["shade"], reserved=1, available=0)
    await life.check()

    await life.does(ConfirmReservation(order_id="1", reservation_id="r"))
    shows(life.order, status=ORDER_STATUS_RESERVED)
    shows(life.summary, status=ORDER_STATUS_RESERVED)
    await life.check()


async def paid(life: Life) -> None:
    await life.does(RecordPayment(order_id="1", payment_id="p", amount=money("26.48")))
    shows(life.order, status=ORDER_STATUS_PAID)
    shows(life.summary, status=ORDER_STATUS_PAID)
    shows(life.customer, spent=[money("26.48")])
    await life.check()


async def shipped(life: Life) -> None:
    await life.does(DispatchStock(order_id="1", product_ids=["lamp", "shade"]))
    shows(life.items["lamp"], on_hand=4, reserved=0, available=4)
    shows(life.items["shade"], on_hand=0, reserved=0, available=0)
    await life.check()

    await life.does(ShipOrder(order_id="1", shipment_id="s", carrier="Post", tracking_number="PP 42"))
    life.finish(
        outcome=ORDER_STATUS_SHIPPED,
        amount_due=money("26.48"),
        paid=money("26.48"),
        shipment_id="s",
        carrier="Post",
        tracking_number="PP 42",
    )
    shows(life.summary, status=ORDER_STATUS_SHIPPED)
    shows(life.customer, active_count=0, completed_count=1)
    for id, units, value in (("lamp", 6, "21.98"), ("shade", 1, "4.505")):
        shows(life.items[id], dispatched_units=units, dispatched_value=[money(value)])
    await life.check(is_current=False)


STEPS: Sequence[Callable[[Life], Awaitable[None]]] = (drafted, submitted, reserved, paid, shipped)


async def test_every_document_follows_an_order_from_the_first_line_to_the_customer(server: Server) -> None:
    life = Life(server)
    for step in STEPS:
        await step(life)


@pytest.mark.parametrize("steps", [1, 2, 3, 4], ids=["draft", "submitted", "reserved", "paid"])
async def test_every_document_follows_an_order_that_is_cancelled(server: Server, steps: int) -> None:
    life = Life(server)
    for step in STEPS[:steps]:
        await step(life)

    await life.does(cancel("1"))

    amount_due = money("26.48") if steps > 1 else None
    amount_paid = money("26.48") if steps > 3 else None
    life.finish(
        outcome=ORDER_STATUS_CANCELLED,
        amount_due=amount_due,
        paid=amount_paid,
        cancel_reason="changed mind",
    )
    shows(life.summary, status=ORDER_STATUS_CANCELLED)
    shows(life.customer, active_count=0, cancelled_count=1)
    if amount_due:
        shows(life.customer, ordered=[money("0")])
    if amount_paid:
        shows(life.customer, spent=[money("0")])
    for item in life.items.values():
        shows(item, demanded_units=0, demanded_value=[money("0")])
    await life.check(is_current=False)


async def test_sums_are_kept_for_each_currency(server: Server) -> None:
    for number, currency in enumerate(("USD", "GBP", "JPY", "USD")):
        lines = [line("tea", 2, money("1.26", currency))]
        await server.send(create(str(number), *lines, currency_code=currency))
        await server.send(SubmitOrder(order_id=str(number)))
    found = await everything(server)
    [customer] = found["customers"]
    assert list(customer.ordered) == [money("2.52"), money("3", "JPY"), money("5.04", "USD")]
    [item] = found["inventory"]
    assert list(item.demanded_value) == [money("2.52"), money("2.52", "JPY"), money("5.04", "USD")]
    assert item.demanded_units == 8


async def test_a_customer_shows_the_newest_order_and_the_newest_name(server: Server) -> None:
    await server.send(create("1"))
    await server.send(CreateOrder(order_id="2", customer_id="ada", currency_code="GBP"))
    [customer] = (await everything(server))["customers"]
    assert (customer.customer_name, customer.last_order_id, customer.order_count) == ("Ada", "2", 2)


def some_command(chance: random.Random, order_id: str) -> Message:
    product = f"p{chance.randrange(3)}"
    price = money(chance.choice(["0", "0.005", "1.115", "9.99"]))
    return chance.choice(
        [
            create(order_id),
            AddItem(order_id=order_id, line=line(product, chance.randint(1, 5), price)),
            AddItem(order_id=order_id, line=line(product, chance.randint(1, 5), price)),
            ChangeItemQuantity(order_id=order_id, line_id=product, quantity=chance.randrange(4)),
            RemoveItem(order_id=order_id, line_id=product),
            *way_to(ORDER_STATUS_SHIPPED, order_id, price)[: chance.randrange(1, 5)],
            cancel(order_id),
        ]
    )


async def walk(server: Server, seed: int) -> None:
    """Commands as chance would have it; whenever one succeeds, the view shows what the decider answered."""
    chance = random.Random(seed)
    accepted = 0
    for step in range(150):
        try:
            reply = await server.send(some_command(chance, str(step // 15)))
        except Exception:
            continue
        accepted += 1
        options = ReadOptions(min_position=reply.result.position)
        response = await server.ask(GetOrderRequest(order_id=reply.order.order_id, options=options))
        assert response.order == reply.order, f"seed {seed}"
    assert accepted > 20


async def test_what_a_command_answers_is_what_a_query_answers(server: Server) -> None:
    await walk(server, 20101201)


async def gotten(server: Server) -> list[Any]:
    """Every document that can be got by its id, or asked for, after everything that has happened."""
    lists = await everything(server)
    options = ReadOptions(min_position=(await server.head()).position)
    orders = {o.order_id for name in ("current-orders", "order-history") for o in lists[name]}
    requests: list[Any] = [GetOrderRequest(order_id=id, options=options) for id in sorted(orders)]
    requests += [GetOrderHistoryRequest(order_id=id, options=options) for id in sorted(orders)]
    for customer in lists["customers"]:
        request = GetCustomerOrdersRequest(customer_id=customer.customer_id, options=options)
        requests.append(request)
    for item in lists["inventory"]:
        requests.append(GetInventoryRequest(product_id=item.product_id, options=options))
    return [lists, *[await server.ask(request) for request in requests]]


async def test_views_that_are_deleted_come_back_the_same(server: Server) -> None:
    await shop(server)
    await walk(server, 20101209)
    await server.send(ReceiveStock(product_id="tea", name="Tea", quantity=100))
    await server.send(ReserveStock(order_id="x", lines=[ReservationLine(product_id="tea", quantity=3)]))
    await server.send(ReleaseStock(order_id="x", product_ids=["tea"]))
    before = await gotten(server)
    assert all(before[0].values())

    await server.stop()
    shutil.rmtree(server.data / "views")
    await server.start()

    assert await gotten(server) == before


async def test_views_go_on_where_they_stood_after_a_restart(server: Server) -> None:
    await shop(server)
    before = await gotten(server)
    await server.restart()
    assert await gotten(server) == before
    await server.send(create("new", customer_id="cyd"))
    assert [c.customer_id for c in (await everything(server))["customers"]] == ["ada", "bob", "cyd"]


async def test_answers_agree_with_the_log(server: Server) -> None:
    await shop(server)
    found = await everything(server)
    created = [
        event.stream.removeprefix("order-")
        async for batch in server.ask(ReadAllRequest())
        for event in batch.events
        if event.type == "foldlog.orders.v1.OrderCreated"
    ]
    listed = [order.order_id for order in (*found["current-orders"], *found["order-history"])]
    assert sorted(listed) == sorted(created)
