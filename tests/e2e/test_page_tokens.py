"""Page tokens over a real channel: one place in one list, and anything else is refused in so many words."""

import asyncio
import base64
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog.inventory.v1.queries_pb2 import ListInventoryRequest
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
    ORDER_STATUS_SUBMITTED,
)
from foldlog.v1.reads_pb2 import ReadOptions
from foldlog_server.queries.paging import PageEnd, make_token
from foldlog_server.stores.views.read_model import SqliteReadModel
from foldlog_server.views.read_model import Cursor
from tests.support.order_stories import line, money
from tests.support.orders import cancel, create, do, way_to
from tests.support.server import Server
from tests.support.wire import refused

EARLY, LATE = Timestamp(seconds=1), Timestamp(seconds=253_402_300_799)

REQUESTS: list[Any] = [
    request
    for descending in (False, True)
    for request in (
        ListCurrentOrdersRequest(descending=descending),
        ListCurrentOrdersRequest(descending=descending, customer_id="ada"),
        ListCurrentOrdersRequest(descending=descending, status=ORDER_STATUS_DRAFT),
        ListCurrentOrdersRequest(descending=descending, status=ORDER_STATUS_SUBMITTED),
        ListCurrentOrdersRequest(descending=descending, status=ORDER_STATUS_DRAFT, customer_id="ada"),
        ListOrderHistoryRequest(descending=descending),
        ListOrderHistoryRequest(descending=descending, customer_id="ada"),
        ListOrderHistoryRequest(descending=descending, outcome=ORDER_STATUS_CANCELLED),
        ListOrderHistoryRequest(descending=descending, finished_from=EARLY),
        ListOrderHistoryRequest(descending=descending, finished_before=LATE),
        ListOrderHistoryRequest(descending=descending, finished_from=EARLY, finished_before=LATE),
        GetCustomerOrdersRequest(descending=descending, customer_id="ada"),
        GetCustomerOrdersRequest(descending=descending, customer_id="Ada"),
        ListCustomersRequest(descending=descending),
        ListInventoryRequest(descending=descending),
        GetOrderHistoryRequest(descending=descending, order_id="d1"),
        GetOrderHistoryRequest(descending=descending, order_id="d2"),
    )
]
"""Every list, in both orders, with filters of its own: all of them differ in something."""

READ = {"ListInventory": "items", "ListCustomers": "customers", "GetOrderHistory": "entries"}


def rows(request: Any, response: Any) -> list[Any]:
    return list(getattr(response, READ.get(request.DESCRIPTOR.name.removesuffix("Request"), "orders")))


def asking(request: Any, **fields: Any) -> Any:
    asked = type(request)(**fields)
    asked.MergeFrom(request)
    return asked


@pytest.fixture
async def stocked(server: Server) -> Server:
    """At least two rows in each of the lists."""
    for number in (1, 2, 3):
        for customer in ("ada", "Ada"):
            ids = [f"{kind}{number}" if customer == "ada" else f"{kind.upper()}{number}" for kind in "dsc"]
            for id in ids:
                await server.send(create(id, line("tea", number, money("1")), customer_id=customer))
            await do(server, *way_to(ORDER_STATUS_SUBMITTED, ids[1]), cancel(ids[2]))
    for product in ("jam", "milk"):
        await server.send(ReceiveStock(product_id=product, quantity=1))
    position = (await server.head()).position
    for request in REQUESTS:  # so that every view has come as far
        await server.ask(asking(request, options=ReadOptions(min_position=position)))
    return server


async def token_of(server: Server, request: Any) -> str:
    response = await server.ask(asking(request, page_size=1))
    assert response.next_page_token, request
    return str(response.next_page_token)


async def refuses(server: Server, request: Any, token: str) -> None:
    refusal = await refused(server.ask(asking(request, page_token=token)))
    assert (refusal.code, refusal.reason) == (StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"), (
        request,
        token,
    )


async def test_a_token_is_good_for_the_request_it_was_given_for_and_for_no_other(stocked: Server) -> None:
    for own, request in enumerate(REQUESTS[::2]):
        token = await token_of(stocked, request)
        assert rows(request, await stocked.ask(asking(request, page_token=token)))
        others = [other for number, other in enumerate(REQUESTS) if number != 2 * own]
        await asyncio.gather(*(refuses(stocked, other, token) for other in others))


async def test_a_token_is_good_for_pages_of_any_size_and_any_freshness(stocked: Server) -> None:
    head = await stocked.head()
    fresh = ReadOptions(min_position=head.position, log_id=head.log_id)
    for request in REQUESTS:
        token = await token_of(stocked, request)
        everything = rows(request, await stocked.ask(asking(request, page_size=1000)))
        for size, options in ((0, fresh), (1, None), (2, fresh), (1000, None), (2**31 - 1, fresh)):
            asked = asking(request, page_size=size, page_token=token, options=options)
            found = rows(request, await stocked.ask(asked))
            assert found == everything[1 : 1 + (size or 50)]


ONE_OF_EACH = [REQUESTS[0], REQUESTS[5], REQUESTS[11], REQUESTS[13], REQUESTS[14], REQUESTS[15]]


async def test_a_token_with_any_one_bit_flipped_is_no_token(stocked: Server) -> None:
    for list_number, request in enumerate(ONE_OF_EACH):
        token = await token_of(stocked, request)
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        number = int.from_bytes(raw, "big")
        bits = range(list_number, len(raw) * 8, len(ONE_OF_EACH))  # all of them in turn, over the lists
        flipped = [(number ^ 1 << bit).to_bytes(len(raw), "big") for bit in bits]
        texts = [base64.urlsafe_b64encode(one).decode().rstrip("=") for one in flipped]
        await asyncio.gather(*(refuses(stocked, request, text) for text in texts))


async def test_a_token_cut_anywhere_or_with_more_around_it_is_no_token(stocked: Server) -> None:
    for request in ONE_OF_EACH:
        token = await token_of(stocked, request)
        cuts = [part for at in range(1, len(token)) for part in (token[:at], token[at:])]
        more = [*(token + one for one in ("A", "AA", "AAAA", "=", " ", token)), "A" + token, " " + token]
        await asyncio.gather(*(refuses(stocked, request, text) for text in (*cuts, *more)))


FORGED = [
    Cursor(made, id)
    for made in (-(2**63), -1, 0, 1, 2**63 - 2, 2**63 - 1)
    for id in ("", "\x00", "zz", "'; --", "\U0010ffff" * 700)
]
COLLECTIONS = {
    "ListCurrentOrders": "current-orders",
    "ListOrderHistory": "order-history",
    "GetCustomerOrders": "customer-orders",
    "ListCustomers": "customers",
    "ListInventory": "inventory",
}


async def test_a_forged_token_gives_rows_of_its_list_or_is_refused(stocked: Server) -> None:
    # Tokens keep honest clients from mistakes; who makes one up gets a place in a list that is open anyway.
    for request in REQUESTS:
        if any(forwards(request) == one for one in ONE_OF_EACH):
            whole = rows(request, await stocked.ask(request))
            for cursor in FORGED:
                token = make_token(PageEnd(cursor), request, await scope_of(stocked, request))
                await gives_rows_or_refuses(stocked, asking(request, page_token=token), whole)


def forwards(request: Any) -> Any:
    same = asking(request)
    same.descending = False
    return same


async def scope_of(server: Server, request: Any) -> str:
    log_id = (await server.head()).log_id
    collection = COLLECTIONS.get(request.DESCRIPTOR.name.removesuffix("Request"))
    return f"{log_id} {server.projector(collection).read_model.generation}" if collection else log_id


async def gives_rows_or_refuses(server: Server, request: Any, whole: list[Any]) -> None:
    call = server.ask(request)
    if await call.code() is StatusCode.OK:
        assert all(row in whole for row in rows(request, await call))
    else:
        assert (await refused(call)).reason == "PAGE_TOKEN_INVALID"


async def test_a_token_of_another_generation_of_any_view_is_refused(
    stocked: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [await token_of(stocked, request) for request in REQUESTS]
    monkeypatch.setattr(SqliteReadModel, "generation", "another")
    refusals = [
        refuses(stocked, request, token)
        for request, token in zip(REQUESTS, tokens, strict=True)
        if request.DESCRIPTOR.name != "GetOrderHistoryRequest"  # of the log itself, which no view makes anew
    ]
    assert len(refusals) == len(REQUESTS) - 4
    await asyncio.gather(*refusals)
