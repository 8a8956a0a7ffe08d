"""Filters over a real channel: each alone, each pair and all together give what a plain search gives."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from foldlog.orders.v1.queries_pb2 import ListCurrentOrdersRequest, ListOrderHistoryRequest
from foldlog.orders.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_PAID,
    ORDER_STATUS_SHIPPED,
    ORDER_STATUS_UNSPECIFIED,
    OrderStatus,
)
from foldlog.v1.options_pb2 import filter as filter_option
from foldlog.v1.reads_pb2 import ReadOptions
from tests.support.order_stories import line, money
from tests.support.orders import cancel, create, do, way_to
from tests.support.server import Server
from tests.support.wire import METHODS, refused

CUSTOMERS = ["ada", "Ada", "ada ada", "ädä", "%", "a_a", "𝒶𝒹𝒶"]
NOBODY = ["ad", "ADA", "adä", "_", "a%"]
"""Customers without orders whose ids would match others in a careless search."""

Filters = Mapping[str, Any]


@pytest.fixture
async def shop(server: Server) -> Server:
    """Orders of every customer, in every status, in turn."""
    for status in range(1, 7):
        for number, customer in enumerate(CUSTOMERS):
            id = f"{number}-{status}"
            await server.send(create(id, line("tea", 1, money("1")), customer_id=customer))
            if status == ORDER_STATUS_CANCELLED:
                await server.send(cancel(id))
            elif number != status:  # chance would not leave every pair of customer and status there
                await do(server, *way_to(status, id))
    return server


async def listed(server: Server, request: Any) -> list[Any]:
    """All rows of a list, over pages of seven."""
    found: list[Any] = []
    request.page_size = 7
    while True:
        response = await server.ask(request)
        found += response.orders
        request.page_token = response.next_page_token
        if not request.page_token:
            return found


def combinations(values: Mapping[str, Sequence[Any]]) -> Iterable[Filters]:
    """Every combination of one value, or none, of each filter."""
    for chosen in product(*([None, *each] for each in values.values())):
        yield {name: value for name, value in zip(values, chosen, strict=True) if value is not None}


async def agree(
    server: Server,
    kind: Any,
    values: Mapping[str, Sequence[Any]],
    matches: Mapping[str, Callable[[Any, Any], bool]],
) -> None:
    everything = await listed(server, kind(options=ReadOptions(min_position=(await server.head()).position)))
    kept = set()
    for filters in combinations(values):
        expected = [
            row for row in everything if all(matches[name](row, value) for name, value in filters.items())
        ]
        kept.add(len(expected))
        assert await listed(server, kind(**filters)) == expected, filters
        assert await listed(server, kind(descending=True, **filters)) == expected[::-1], filters
    assert len(kept) > 3, "The filters let everything through, or nothing."


async def test_current_orders_are_filtered_by_status_and_customer_alone_and_together(shop: Server) -> None:
    await agree(
        shop,
        ListCurrentOrdersRequest,
        {"status": OrderStatus.values(), "customer_id": [*CUSTOMERS, *NOBODY]},
        {
            "status": lambda row, status: status in (ORDER_STATUS_UNSPECIFIED, row.status),
            "customer_id": lambda row, customer: row.customer_id == customer,
        },
    )


async def times(server: Server) -> list[Timestamp]:
    """Times around the ends of orders: just before, at and just after one."""
    rows = await listed(server, ListOrderHistoryRequest())
    middle = rows[len(rows) // 2].finished_time.ToNanoseconds()
    found = [Timestamp() for _ in range(3)]
    for time, nanoseconds in zip(found, (middle - 1, middle, middle + 1), strict=True):
        time.FromNanoseconds(nanoseconds)
    return [Timestamp(), *found, Timestamp(seconds=253_402_300_799, nanos=999_999_999)]


async def test_finished_orders_are_filtered_by_outcome_customer_and_time_in_every_combination(
    shop: Server,
) -> None:
    position = (await shop.head()).position
    await shop.ask(ListOrderHistoryRequest(options=ReadOptions(min_position=position)))
    around = await times(shop)
    await agree(
        shop,
        ListOrderHistoryRequest,
        {
            "outcome": [ORDER_STATUS_SHIPPED, ORDER_STATUS_CANCELLED, ORDER_STATUS_PAID],
            "customer_id": ["ada", "𝒶𝒹𝒶", "ADA"],
            "finished_from": around,
            "finished_before": around,
        },
        {
            "outcome": lambda row, outcome: row.outcome == outcome,
            "customer_id": lambda row, customer: row.customer_id == customer,
            "finished_from": lambda row, time: nanoseconds(row) >= time.ToNanoseconds(),
            "finished_before": lambda row, time: nanoseconds(row) < time.ToNanoseconds(),
        },
    )


def nanoseconds(row: Any) -> int:
    return int(row.finished_time.ToNanoseconds())


async def test_a_filter_that_names_nothing_there_could_be_is_refused(server: Server) -> None:
    for request, field, rule in (
        (ListCurrentOrdersRequest(status=99), "status", "enum"),  # type: ignore[arg-type]
        (ListOrderHistoryRequest(outcome=-1), "outcome", "enum"),  # type: ignore[arg-type]
        (ListCurrentOrdersRequest(customer_id=" ada"), "customer_id", "id"),
        (ListOrderHistoryRequest(customer_id="a\x00"), "customer_id", "id"),
        (ListOrderHistoryRequest(finished_from=Timestamp(nanos=-1)), "finished_from", "range"),
        (ListOrderHistoryRequest(finished_before=Timestamp(seconds=2**62)), "finished_before", "range"),
    ):
        refusal = await refused(server.ask(request))
        assert refusal.violations == [(field, rule)]


def test_these_are_all_the_filters_of_lists() -> None:
    found = {
        (method.name, field.name)
        for method in METHODS.values()
        for field in method.input_type.fields
        if field.GetOptions().HasExtension(filter_option) and not method.server_streaming
    } - {("GetCustomerOrders", "customer_id")}  # it is required, and names the owner of the list
    assert found == {
        ("ListCurrentOrders", "status"),
        ("ListCurrentOrders", "customer_id"),
        ("ListOrderHistory", "outcome"),
        ("ListOrderHistory", "customer_id"),
        ("ListOrderHistory", "finished_from"),
        ("ListOrderHistory", "finished_before"),
    }
