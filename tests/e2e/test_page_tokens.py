"""Page tokens from elsewhere over a real channel: refused as what they are, never answered, never a defect."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from grpc.aio import AioRpcError

from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog.inventory.v1.queries_pb2 import ListInventoryRequest
from foldlog.orders.v1.queries_pb2 import (
    GetCustomerOrdersRequest,
    GetOrderHistoryRequest,
    ListCurrentOrdersRequest,
    ListCustomersRequest,
    ListOrderHistoryRequest,
)
from foldlog.orders.v1.types_pb2 import ORDER_STATUS_CANCELLED, ORDER_STATUS_DRAFT
from foldlog_server.core.paging import Cursor, make_token
from tests.support.orders import cancel, create, do
from tests.support.server import Server
from tests.support.view_scenario import line, money
from tests.support.wire import SECONDS, refused

TIME = Timestamp(seconds=1)
LISTS: dict[str, list[Any]] = {
    "current-orders": [
        ListCurrentOrdersRequest(),
        ListCurrentOrdersRequest(customer_id="ada"),
        ListCurrentOrdersRequest(status=ORDER_STATUS_DRAFT),
        ListCurrentOrdersRequest(status=ORDER_STATUS_DRAFT, customer_id="ada"),
    ],
    "order-history": [
        ListOrderHistoryRequest(),
        ListOrderHistoryRequest(outcome=ORDER_STATUS_CANCELLED),
        ListOrderHistoryRequest(customer_id="ada"),
        ListOrderHistoryRequest(finished_from=TIME),
        ListOrderHistoryRequest(finished_before=Timestamp(seconds=9_999_999_999)),
    ],
    "customer-orders": [
        GetCustomerOrdersRequest(customer_id="ada"),
        GetCustomerOrdersRequest(customer_id="Ada"),
    ],
    "customers": [ListCustomersRequest()],
    "inventory": [ListInventoryRequest()],
    "": [GetOrderHistoryRequest(order_id="1"), GetOrderHistoryRequest(order_id="3")],
}
"""Lists of two pages at least, by what their rows are read from: a collection, or the log."""


def asked(request: Any, **fields: Any) -> Any:
    """The request with other values of some fields."""
    changed = type(request).FromString(request.SerializeToString())
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


REQUESTS = [
    asked(request, page_size=1, descending=descending)
    for requests in LISTS.values()
    for request in requests
    for descending in (False, True)
]


@pytest.fixture
async def stocked(server: Server) -> Server:
    """A server that has a second page of every list."""
    tea = line("tea", 1, money("1"))
    for number, customer in enumerate(("ada", "ada", "ada", "Ada", "Ada")):
        await do(server, create(str(number), tea, customer_id=customer))
    for product in ("tea", "jam"):
        await do(server, ReceiveStock(product_id=product, quantity=1))
    await do(server, create("f1"), cancel("f1"), create("f2"))
    reply = await do(server, cancel("f2"))
    for collection in filter(None, LISTS):
        assert await server.projector(collection).wait_for(reply.result.position, SECONDS)
    return server


async def token_of(server: Server, request: Any) -> str:
    token: str = (await server.ask(request)).next_page_token
    assert token, request
    return token


async def token_refused(server: Server, request: Any, token: str) -> None:
    refusal = await refused(server.ask(asked(request, page_token=token)))
    assert (refusal.code, refusal.reason) == (StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"), request


async def test_a_token_is_good_for_its_own_query_filters_and_order_alone(stocked: Server) -> None:
    tokens = [await token_of(stocked, request) for request in REQUESTS]
    assert len(set(tokens)) == len(tokens)
    for mine, request in enumerate(REQUESTS):
        for number, token in enumerate(tokens):
            if number == mine:
                assert await stocked.ask(asked(request, page_token=token, page_size=7))
            else:
                await token_refused(stocked, request, token)


def cut(token: str) -> Iterator[str]:
    """Every beginning and every end of a token."""
    for at in range(1, len(token)):
        yield token[:at]
        yield token[at:]


def flipped(token: str) -> Iterator[str]:
    """A token with one bit of what it stands for turned, in each of its bytes."""
    body = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for at in range(len(body)):
        turned = bytearray(body)
        turned[at] ^= 1 << at % 8
        yield base64.urlsafe_b64encode(turned).decode().rstrip("=")


async def test_a_token_that_was_cut_or_has_a_bit_turned_is_refused(stocked: Server) -> None:
    for requests in LISTS.values():
        request = asked(requests[0], page_size=1)
        token = await token_of(stocked, request)
        for broken in (*cut(token), *flipped(token)):
            await token_refused(stocked, request, broken)


async def test_a_forged_token_is_refused_or_names_a_place_but_is_no_defect(stocked: Server) -> None:
    # What a token is bound to is no secret: whoever knows the log and the view can make one.
    log_id = (await stocked.head()).log_id
    places = [Cursor(made, id) for made in (-(2**63), -1, 0, 1, 2**63 - 1) for id in ("", "tea", "\0", "𝕥")]
    for collection, requests in LISTS.items():
        scope = f"{log_id} {stocked.projector(collection).read_model.generation}" if collection else log_id
        for descending in (False, True):
            request = asked(requests[0], page_size=1, descending=descending)
            found = [await outcome(stocked, request, make_token(place, request, scope)) for place in places]
            assert set(found) <= {StatusCode.OK, StatusCode.INVALID_ARGUMENT}
            assert StatusCode.OK in found, "they are no tokens of this list at all"


async def outcome(server: Server, request: Any, token: str) -> StatusCode:
    try:
        await server.ask(asked(request, page_token=token))
    except AioRpcError as error:
        return error.code()
    return StatusCode.OK
