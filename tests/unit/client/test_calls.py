"""One logical call: its attempts, its request id, its session."""

import datetime
import uuid
from dataclasses import replace

import grpc
import pytest

from foldlog.orders.v1.command_service_pb2 import (
    AddItemRequest,
    AddItemResponse,
    SubmitOrderRequest,
)
from foldlog.orders.v1.queries_pb2 import (
    CurrentOrder,
    GetOrderRequest,
    GetOrderResponse,
    ListCurrentOrdersRequest,
    ListCurrentOrdersResponse,
)
from foldlog.orders.v1.types_pb2 import OrderLine, OrderStatus
from foldlog.v1.commands_pb2 import CommandResult
from foldlog.v1.event_service_pb2 import GetHeadResponse
from foldlog_client import Client, LogPosition, Retry
from foldlog_client.errors import (
    Contended,
    Exhausted,
    FoldlogError,
    LogReplaced,
    Rejected,
    TimedOut,
    Unavailable,
    VersionConflict,
    ViewBehind,
)
from tests.support.in_threads import Connect
from tests.unit.client.scripted_server import Failure, Hang, Pauses, ScriptedServer, refusal, submitted

UNAVAILABLE = Failure(grpc.StatusCode.UNAVAILABLE)
VIEW_BEHIND = refusal(grpc.StatusCode.UNAVAILABLE, "VIEW_BEHIND")


def request_ids(server: ScriptedServer) -> list[str]:
    return [one.options.request_id for one in server.requests(SubmitOrderRequest)]


async def test_a_command_carries_its_fields_to_its_own_rpc(server: ScriptedServer, client: Client) -> None:
    server.answers("AddItem", AddItemResponse(result=CommandResult(version=2)))
    reply = await client.orders.add_item(order_id="o-1", line=OrderLine(product_id="p-1"), expected_version=1)
    assert reply.result.version == 2
    assert server.calls[0].path == "/foldlog.orders.v1.CommandService/AddItem"
    sent = server.requests(AddItemRequest)[0]
    assert sent.command.order_id == "o-1"
    assert sent.command.line.product_id == "p-1"
    assert sent.options.expected_version == 1


async def test_the_retries_of_a_command_keep_its_request_id(server: ScriptedServer, client: Client) -> None:
    server.answers("SubmitOrder", UNAVAILABLE, UNAVAILABLE, submitted(7), submitted(8))
    await client.orders.submit_order(order_id="o-1")
    await client.orders.submit_order(order_id="o-1")
    first, second, third, other = request_ids(server)
    assert first == second == third != other
    assert uuid.UUID(first).version == 7


async def test_a_request_id_of_the_caller_is_kept(server: ScriptedServer, client: Client) -> None:
    mine = "0192f0c1-0000-7000-8000-000000000001"
    server.answers("SubmitOrder", UNAVAILABLE, submitted(7))
    await client.orders.submit_order(order_id="o-1", request_id=mine)
    assert request_ids(server) == [mine, mine]


async def test_an_error_of_a_command_names_its_request_id(server: ScriptedServer, client: Client) -> None:
    server.answers(
        "SubmitOrder", refusal(grpc.StatusCode.FAILED_PRECONDITION, "ORDER_EMPTY", domain="orders")
    )
    with pytest.raises(Rejected) as caught:
        await client.orders.submit_order(order_id="o-1")
    assert [caught.value.request_id] == request_ids(server)
    assert isinstance(caught.value.__cause__, grpc.RpcError)


@pytest.mark.parametrize(
    "failure",
    [
        UNAVAILABLE,
        Failure(grpc.StatusCode.DEADLINE_EXCEEDED),
        Failure(grpc.StatusCode.CANCELLED),
        refusal(grpc.StatusCode.UNAVAILABLE, "DRAINING"),
        refusal(grpc.StatusCode.ABORTED, "CONTENDED"),
        refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "STORE_FULL", retry_after=0.5),
        Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, trailers=[("grpc-retry-pushback-ms", "500")]),
    ],
)
async def test_what_can_pass_is_tried_again(server: ScriptedServer, client: Client, failure: Failure) -> None:
    server.answers("SubmitOrder", failure, submitted(7))
    assert (await client.orders.submit_order(order_id="o-1")).result.position == 7


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (refusal(grpc.StatusCode.ABORTED, "VERSION_CONFLICT"), VersionConflict),
        (refusal(grpc.StatusCode.UNAVAILABLE, "VIEW_STOPPED"), Unavailable),
        (refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "EVENT_TOO_LARGE"), Exhausted),
        (Failure(grpc.StatusCode.UNAVAILABLE, trailers=[("grpc-retry-pushback-ms", "-1")]), Unavailable),
    ],
)
async def test_what_cannot_pass_is_raised_at_once(
    server: ScriptedServer, client: Client, failure: Failure, error: type[Exception]
) -> None:
    server.answers("SubmitOrder", failure)
    with pytest.raises(error):
        await client.orders.submit_order(order_id="o-1")
    assert len(server.calls) == 1


NOT_LOOKED_UP = {"request_id_not_looked_up": "true"}


@pytest.mark.parametrize(
    "last",
    [
        refusal(grpc.StatusCode.UNAVAILABLE, "STORE_HINDERED", metadata=NOT_LOOKED_UP),
        refusal(grpc.StatusCode.UNAVAILABLE, "LOG_DETACHED", metadata=NOT_LOOKED_UP),
        refusal(grpc.StatusCode.DATA_LOSS, "DATA_DAMAGED", metadata=NOT_LOOKED_UP),
        Failure(grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
@pytest.mark.parametrize("unknown", [UNAVAILABLE, refusal(grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")])
async def test_an_attempt_that_may_have_acted_is_not_forgotten_for_one_that_did_not(
    server: ScriptedServer, connect: Connect, unknown: Failure, last: Failure
) -> None:
    server.answers("SubmitOrder", unknown, last)
    async with connect(server.target, retry=Retry(attempts=2, first=0)) as client:
        with pytest.raises(Unavailable) as caught:
            await client.orders.submit_order(order_id="o-1")
    assert caught.value.reason == unknown.reason
    assert "The last attempt stored nothing: " in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (refusal(grpc.StatusCode.UNAVAILABLE, "STORE_HINDERED"), Unavailable),
        (refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "STORE_FULL", retry_after=0.0), Exhausted),
        (refusal(grpc.StatusCode.FAILED_PRECONDITION, "ORDER_EMPTY"), Rejected),
    ],
)
async def test_who_has_looked_what_became_of_all_attempts_is_believed(
    server: ScriptedServer, connect: Connect, failure: Failure, error: type[FoldlogError]
) -> None:
    server.answers("SubmitOrder", UNAVAILABLE, failure)
    async with connect(server.target, retry=Retry(attempts=2, first=0)) as client:
        with pytest.raises(error) as caught:
            await client.orders.submit_order(order_id="o-1")
    assert caught.value.reason == failure.reason


async def test_an_attempt_that_stored_nothing_is_told_as_it_is_when_none_before_it_may_have(
    server: ScriptedServer, connect: Connect
) -> None:
    hindered = refusal(grpc.StatusCode.UNAVAILABLE, "STORE_HINDERED", metadata=NOT_LOOKED_UP)
    server.answers("SubmitOrder", hindered, hindered)
    async with connect(server.target, retry=Retry(attempts=2, first=0)) as client:
        with pytest.raises(Unavailable) as caught:
            await client.orders.submit_order(order_id="o-1")
    assert caught.value.reason == "STORE_HINDERED"
    assert caught.value.metadata == NOT_LOOKED_UP


async def test_pauses_grow_and_are_never_shorter_than_the_server_asks(
    server: ScriptedServer, client: Client, pauses: Pauses
) -> None:
    patient = refusal(grpc.StatusCode.UNAVAILABLE, "DRAINING", retry_after=3)
    pushback = Failure(grpc.StatusCode.UNAVAILABLE, trailers=[("grpc-retry-pushback-ms", "1500")])
    server.answers("SubmitOrder", UNAVAILABLE, UNAVAILABLE, patient, pushback, submitted(7))
    await client.orders.submit_order(order_id="o-1")
    assert pauses.taken == pytest.approx([0.1, 0.2, 3.4, 2.3])


async def test_a_pause_that_would_outlast_the_call_is_not_taken(
    server: ScriptedServer, client: Client, pauses: Pauses
) -> None:
    server.answers("SubmitOrder", refusal(grpc.StatusCode.ABORTED, "CONTENDED", retry_after=60))
    with pytest.raises(Contended) as caught:
        await client.orders.submit_order(order_id="o-1", timeout=50)
    assert caught.value.retry_after == 60
    assert pauses.taken == []


async def test_attempts_are_bounded(connect: Connect, server: ScriptedServer, retry: Retry) -> None:
    server.answers("SubmitOrder", *[UNAVAILABLE] * 3)
    async with connect(server.target, retry=replace(retry, attempts=3)) as client:
        with pytest.raises(Unavailable):
            await client.orders.submit_order(order_id="o-1")
    assert len(server.calls) == 3


async def test_the_timeout_bounds_the_attempts_if_nothing_else_is_said(
    connect: Connect, server: ScriptedServer, retry: Retry, pauses: Pauses
) -> None:
    passing = replace(retry, clock=lambda: sum(pauses.taken))
    server.answers("SubmitOrder", *[UNAVAILABLE] * 30, submitted(7), *[UNAVAILABLE] * 100)
    async with connect(server.target, retry=passing) as client:
        await client.orders.submit_order(order_id="o-1", timeout=60)
        before = sum(pauses.taken)
        with pytest.raises(Unavailable):
            await client.orders.submit_order(order_id="o-1", timeout=30)
    assert 28 <= sum(pauses.taken) - before < 30


async def test_every_attempt_has_what_is_left_of_the_timeout(
    connect: Connect, server: ScriptedServer, retry: Retry, pauses: Pauses
) -> None:
    passing = replace(retry, first=100, longest=100, clock=lambda: sum(pauses.taken))
    server.answers("SubmitOrder", UNAVAILABLE, UNAVAILABLE, submitted(7))
    async with connect(server.target, retry=passing) as client:
        await client.orders.submit_order(order_id="o-1", timeout=500)
    assert [round(call.seconds_left, -2) for call in server.calls] == [500, 400, 300]


async def test_a_call_without_an_answer_times_out(server: ScriptedServer, client: Client) -> None:
    server.answers("SubmitOrder", Hang())
    with pytest.raises(TimedOut):
        await client.orders.submit_order(order_id="o-1", timeout=0.05)


async def test_an_attempt_without_an_answer_gives_way_to_the_next(
    connect: Connect, server: ScriptedServer, retry: Retry
) -> None:
    server.answers("SubmitOrder", Hang(), *[submitted(7)] * 20)  # an attempt may be slow, not wrong
    brief = replace(retry, attempt_timeout=0.2)
    async with connect(server.target, retry=brief, timeout=10) as client:
        assert (await client.orders.submit_order(order_id="o-1")).result.position == 7
    assert len(set(request_ids(server))) == 1


async def test_a_query_sees_what_the_session_did(server: ScriptedServer, client: Client) -> None:
    server.answers("SubmitOrder", submitted(9), submitted(7))
    server.answers("GetOrder", GetOrderResponse(), GetOrderResponse(), GetOrderResponse())
    await client.orders.get_order(order_id="o-1")
    await client.orders.submit_order(order_id="o-1")
    await client.orders.submit_order(order_id="o-2")
    await client.orders.get_order(order_id="o-1")
    await client.orders.get_order(order_id="o-1", min_position=0)
    asked = [call.as_a(GetOrderRequest).options for call in server.calls if call.path.endswith("GetOrder")]
    assert [(one.min_position, one.log_id) for one in asked] == [(0, ""), (9, "log-a"), (0, "")]


async def test_a_session_can_be_handed_on_and_switched_off(connect: Connect, server: ScriptedServer) -> None:
    server.answers("GetOrder", GetOrderResponse(), GetOrderResponse())
    token = LogPosition.parse(str(LogPosition("log-a", 9)))
    async with connect(server.target, session=token) as client:
        await client.orders.get_order(order_id="o-1")
    async with connect(server.target, session=token, read_your_writes=False) as client:
        await client.orders.get_order(order_id="o-1")
    assert [one.options.min_position for one in server.requests(GetOrderRequest)] == [9, 0]


async def test_a_session_forgets_a_log_that_was_replaced(server: ScriptedServer, client: Client) -> None:
    client.session.restore(LogPosition("log-a", 9))
    server.answers("GetOrder", refusal(grpc.StatusCode.FAILED_PRECONDITION, "LOG_REPLACED"))
    with pytest.raises(LogReplaced):
        await client.orders.get_order(order_id="o-1")
    assert client.session.token == LogPosition()


async def test_a_session_follows_its_commands_into_another_log(
    server: ScriptedServer, client: Client
) -> None:
    server.answers("SubmitOrder", submitted(9), submitted(2, "log-b"))
    await client.orders.submit_order(order_id="o-1")
    await client.orders.submit_order(order_id="o-2")
    assert client.session.token == LogPosition("log-b", 2)


async def test_a_view_that_is_behind_is_asked_again_unless_the_wait_was_given(
    server: ScriptedServer, client: Client
) -> None:
    server.answers("GetOrder", VIEW_BEHIND, GetOrderResponse(), VIEW_BEHIND)
    await client.orders.get_order(order_id="o-1")
    with pytest.raises(ViewBehind):
        await client.orders.get_order(order_id="o-1", max_wait=datetime.timedelta(seconds=1))
    assert len(server.calls) == 3


async def test_the_pages_of_a_list_are_asked_for_one_after_another(
    server: ScriptedServer, client: Client
) -> None:
    server.answers(
        "ListCurrentOrders",
        ListCurrentOrdersResponse(
            orders=[CurrentOrder(order_id="a"), CurrentOrder(order_id="b")], next_page_token="2"
        ),
        ListCurrentOrdersResponse(orders=[CurrentOrder(order_id="c")]),
    )
    draft = OrderStatus.ORDER_STATUS_DRAFT
    found = [one.order_id async for one in client.orders.iterate_current_orders(status=draft, page_size=2)]
    assert found == ["a", "b", "c"]
    asked = server.requests(ListCurrentOrdersRequest)
    assert [one.page_token for one in asked] == ["", "2"]
    assert {(one.status, one.page_size) for one in asked} == {(draft, 2)}


async def test_the_head_is_asked_again_too(server: ScriptedServer, client: Client) -> None:
    server.answers("GetHead", UNAVAILABLE, GetHeadResponse(position=12))
    assert (await client.events.head()).position == 12


async def test_the_client_says_what_it_is(server: ScriptedServer, client: Client) -> None:
    server.answers("GetHead", GetHeadResponse())
    await client.events.head()
    assert str(server.calls[0].metadata["user-agent"]).startswith("foldlog-python")
