"""A watch across lost connections, message by message."""

import grpc
import pytest

from foldlog.orders.v1.queries_pb2 import WatchCurrentOrdersRequest, WatchCurrentOrdersResponse
from foldlog_client import Client, DataDamaged, ResumeTokenInvalid
from tests.unit.client.scripted_server import Failure, Hang, Pauses, ScriptedServer, refusal

LOST = Failure(grpc.StatusCode.UNAVAILABLE)


def moved(token: str) -> WatchCurrentOrdersResponse:
    return WatchCurrentOrdersResponse(resume_token=token)


async def test_it_resumes_after_the_last_message(server: ScriptedServer, client: Client) -> None:
    server.streams("WatchCurrentOrders", moved("a"), moved("b"), LOST)
    server.streams("WatchCurrentOrders", moved("c"), Hang())
    async with client.orders.watch_current_orders(customer_id="ada", resume_token="start") as watch:
        assert watch.resume_token == "start"
        for token in ("a", "b", "c"):
            assert (await anext(watch)).resume_token == watch.resume_token == token
    assert server.requests(WatchCurrentOrdersRequest) == [
        WatchCurrentOrdersRequest(customer_id="ada", resume_token=token) for token in ("start", "b")
    ]


async def test_pauses_begin_anew_with_a_message(
    server: ScriptedServer, client: Client, pauses: Pauses
) -> None:
    for _ in range(2):
        server.streams("WatchCurrentOrders", LOST)
    server.streams("WatchCurrentOrders", moved("a"), LOST)
    server.streams("WatchCurrentOrders", moved("b"))
    server.streams("WatchCurrentOrders", moved("c"), Hang())
    async with client.orders.watch_current_orders() as watch:
        for _ in range(3):
            await anext(watch)
    assert pauses.taken == pytest.approx([0.1, 0.2, 0.1, 0.1])


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (refusal(grpc.StatusCode.INVALID_ARGUMENT, "RESUME_TOKEN_INVALID"), ResumeTokenInvalid),
        (refusal(grpc.StatusCode.DATA_LOSS, "DATA_DAMAGED"), DataDamaged),
    ],
)
async def test_what_cannot_be_mended_ends_it(
    server: ScriptedServer, client: Client, failure: Failure, error: type[Exception]
) -> None:
    server.streams("WatchCurrentOrders", failure)
    async with client.orders.watch_current_orders(resume_token="odd") as watch:
        with pytest.raises(error):
            await anext(watch)
        assert await anext(watch, None) is None
