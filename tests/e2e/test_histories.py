"""A copy of the data directory is put back, as people do: what was seen since means nothing any more.

Every number stays valid: as many events are written again. Only the tokens tell one history from the other.
"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

import foldlog_client
from foldlog.inventory.v1.queries_pb2 import GetStockRequest
from foldlog.orders.v1.commands_pb2 import CreateOrder
from foldlog.orders.v1.queries_pb2 import (
    GetCustomerOrdersRequest,
    GetOrderHistoryRequest,
    GetOrderRequest,
    ListCurrentOrdersRequest,
    ListCustomersRequest,
    WatchCurrentOrdersRequest,
    WatchOrderRequest,
)
from foldlog.v1.admin_service_pb2 import ListViewsRequest
from foldlog.v1.event_service_pb2 import (
    DIRECTION_BACKWARDS,
    EventFilter,
    ReadAllRequest,
    ReadStreamRequest,
    SubscribeRequest,
)
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog.v1.reads_pb2 import AsOf, ReadOptions
from foldlog_client import LogPosition, LogReplaced
from tests.support.former_logs import make_format_1
from tests.support.in_threads import BOTH, Connect
from tests.support.order_stories import line, money
from tests.support.orders import create
from tests.support.processes import foldlog
from tests.support.server import Server, client_of
from tests.support.slow import slow
from tests.support.wire import Refusal, Wire, refused, refused_stream

BEFORE, SINCE = 4, 6
"""How many orders are created before the copy is made, and since."""


class History:
    """A server whose log can be copied, and the copy be put back."""

    def __init__(self, server: Server, copy: Path) -> None:
        self.server = server
        self._copy = copy

    async def copied(self) -> None:
        await self.server.stop()
        shutil.copytree(self.server.data, self._copy)
        await self.server.start()

    async def put_back(self) -> None:
        await self.server.stop()
        shutil.rmtree(self.server.data)
        shutil.copytree(self._copy, self.server.data)
        await self.server.start()

    async def write(self, name: str, count: int) -> list[Any]:
        """Create orders of one event each; gives the results."""
        customers = ["bob", *["ada"] * count]
        return [
            (await self.server.send(create(f"{name}{number}", customer_id=customers[number]))).result
            for number in range(count)
        ]


@pytest.fixture
async def history(server: Server, tmp_path: Path) -> History:
    return History(server, tmp_path / "copy")


async def first_of(wire: Wire, request: Message, wanted: Callable[[Any], object]) -> Any:
    """The first message of a stream that is wanted."""
    call = wire.ask(request)
    try:
        async for message in call:
            if wanted(message):
                return message
    finally:
        call.cancel()
    raise AssertionError("the stream ended")


async def pages(wire: Wire) -> list[Any]:
    """A request for the second page of every kind of list."""
    requests: list[Any] = [
        ListCurrentOrdersRequest(page_size=2),
        ListCustomersRequest(page_size=1),
        GetCustomerOrdersRequest(customer_id="ada", page_size=2),
        GetOrderHistoryRequest(order_id="long", page_size=1),
    ]
    for request in requests:
        request.page_token = (await wire.ask(request)).next_page_token
        assert request.page_token
    return requests


async def watches(wire: Wire) -> list[Any]:
    """A request to resume every kind of watch."""
    requests: list[Any] = [WatchCurrentOrdersRequest(), WatchOrderRequest(order_id="long")]
    for request in requests:
        told = await first_of(wire, request, lambda message: message.snapshot_complete)
        request.resume_token = told.resume_token
        assert told.token.endswith(f".{told.position}")
    return requests


async def tokens(server: Server) -> dict[str, str]:
    """A token of every kind of answer that gives the position where the log ends."""
    head = await server.head()
    order = await server.ask(
        GetOrderRequest(order_id="long", options=ReadOptions(min_position=head.position))
    )
    await server.ask(ListCurrentOrdersRequest(options=ReadOptions(min_position=head.position)))
    read = [batch async for batch in server.ask(ReadAllRequest())][-1]
    stream = [batch async for batch in server.ask(ReadStreamRequest(stream="order-long"))][-1]
    batch = await first_of(server, SubscribeRequest(), lambda message: message.HasField("events"))
    end = await first_of(server, SubscribeRequest(), lambda message: message.HasField("caught_up"))
    nothing = SubscribeRequest(filter=EventFilter(categories=["none"]))
    filtered = await first_of(server, nothing, lambda message: message.HasField("caught_up"))
    confirmed = await first_of(server, SubscribeRequest(end=Empty()), lambda message: True)
    watched = await first_of(server, WatchCurrentOrdersRequest(), lambda message: message.snapshot_complete)
    history = await server.ask(GetOrderHistoryRequest(order_id="long"))
    validated = await server.send(create("x"), validate_only=True)
    assert validated.result.token.endswith(".0")
    assert list(validated.result.event_tokens) == []
    return {
        "head": head.token,
        "freshness": order.freshness.token,
        "event": read.tokens[-1],
        "event of the stream": stream.tokens[-1],
        "event of a batch": batch.events.tokens[-1],
        "batch": batch.token,
        "caught up": end.token,
        "filtered": filtered.token,
        "confirmed": confirmed.token,
        "watch": watched.token,
        "history": history.entries[-1].token,
        "freshness of the history": history.freshness.token,
        "views": (await server.ask(ListViewsRequest())).token,
    }


async def write_long(history: History, lines: int) -> Any:
    """An order of several events, the last of which is the last of the log."""
    request_id = "01938f3e-7c5a-7000-8000-3f2a1b0c9d8e"
    made = create("long", *(line(str(number), 1, money("1")) for number in range(lines)))
    done = (await history.server.send(made, request_id=request_id)).result
    again = (await history.server.send(made, request_id=request_id)).result
    assert (again.replayed, again.token) == (True, done.token)
    assert list(again.event_tokens) == list(done.event_tokens)
    return done


async def ask(wire: Wire, request: Message) -> Refusal:
    method = wire.ask(request)
    return await (refused_stream(method) if hasattr(method, "read") else refused(method))


def uses(token: str) -> list[Message]:
    """Every request that takes the token of a position."""
    options = ReadOptions(min_position_token=token)
    return [
        GetOrderRequest(order_id="long", options=options),
        GetOrderRequest(order_id="long", as_of=AsOf(position_token=token)),
        GetOrderRequest(order_id="long", as_of=AsOf(version=1), options=options),
        GetOrderHistoryRequest(order_id="long", options=options),
        ListCurrentOrdersRequest(options=options),
        GetCustomerOrdersRequest(customer_id="ada", options=options),
        GetStockRequest(product_id="tea", options=options),
        ReadAllRequest(seen_token=token),
        ReadAllRequest(seen_token=token, direction=DIRECTION_BACKWARDS),
        ReadAllRequest(seen_token=token, from_position=1),
        ReadStreamRequest(stream="order-long", seen_token=token),
        SubscribeRequest(after_token=token),
    ]


async def test_whatever_was_seen_since_a_copy_is_refused_where_the_copy_was_put_back(
    history: History,
) -> None:
    server = history.server
    await history.write("before", BEFORE)
    common = (await server.head()).token
    await history.copied()
    done = [*await history.write("since", SINCE), await write_long(history, 3)]
    seen = await tokens(server)
    expected = done[-1].token
    assert set(seen.values()) == {expected}, seen
    assert done[-1].event_tokens[-1] == expected
    stale_pages, stale_watches = await pages(server), await watches(server)

    await history.put_back()
    await history.write("other", SINCE + 1)
    await write_long(history, 4)
    assert (await server.head()).position > done[-1].position
    for token in [expected, *(result.token for result in done[:-1])]:
        for request in uses(token):
            refusal = await ask(server, request)
            assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "LOG_REPLACED")
    for request in stale_pages:
        assert (await ask(server, request)).reason == "LOG_REPLACED"
    for request in stale_watches:
        assert (await first_of(server, request, lambda _: True)).reset
    for request in uses(common):  # what was seen before the copy was made is good in both
        assert await answered(server, request) in ("OK", "ORDER_NOT_FOUND", "PRODUCT_NOT_FOUND")


async def answered(wire: Wire, request: Message) -> str:
    """ "OK", or the reason of the refusal."""
    call = wire.ask(request)
    try:
        await (call.read() if hasattr(call, "read") else call)
    except grpc.aio.AioRpcError:
        return (await ask(wire, request)).reason
    call.cancel()
    return "OK"


async def test_a_token_beyond_the_head_is_refused_until_somebody_writes_and_after(history: History) -> None:
    await history.write("before", BEFORE)
    await history.copied()
    [*_, last] = await history.write("since", SINCE)
    await history.put_back()
    request = SubscribeRequest(after_token=last.token)
    assert (await ask(history.server, request)).metadata["position"] == str(last.position)
    await history.write("other", SINCE)
    assert (await ask(history.server, request)).reason == "LOG_REPLACED"


async def test_without_a_token_all_is_as_before(history: History) -> None:
    await history.write("before", BEFORE)
    await history.copied()
    [*_, last] = await history.write("since", SINCE)
    await history.put_back()
    request = GetOrderRequest(order_id="before0", options=ReadOptions(min_position=last.position))
    assert (await ask(history.server, request)).reason == "POSITION_BEYOND_HEAD"
    await history.write("other", SINCE)
    assert (await history.server.ask(request)).freshness.position == last.position


async def test_reads_begin_behind_the_token_or_with_it(history: History) -> None:
    results = await history.write("before", BEFORE)

    async def positions(request: ReadAllRequest) -> list[int]:
        return [event.position async for batch in history.server.ask(request) for event in batch.events]

    token = results[1].token
    assert await positions(ReadAllRequest(seen_token=token)) == [3, 4]
    assert await positions(ReadAllRequest(seen_token=token, direction=DIRECTION_BACKWARDS)) == [2, 1]
    assert await positions(ReadAllRequest(seen_token=token, from_position=1)) == [1, 2, 3, 4]
    assert await positions(ReadAllRequest(seen_token=results[-1].token)) == []
    nowhere = (await first_of(history.server, SubscribeRequest(), lambda _: True)).token
    assert await positions(ReadAllRequest(seen_token=nowhere, direction=DIRECTION_BACKWARDS)) == []


# Commands


async def test_a_version_that_was_read_in_another_history_is_not_the_one_expected(history: History) -> None:
    server = history.server
    await history.write("before", BEFORE)
    await history.copied()
    [since, *_] = await history.write("since", 1)
    await history.put_back()
    await history.write("since", 1)
    stale = {"expected_version": 1, "expected_version_token": since.token}
    change = CreateOrder(order_id="since0", customer_id="eve", currency_code="GBP")
    for request_id in ("", "01938f3e-7c5a-7000-8000-3f2a1b0c9d8f"):
        refusal = await refused(server.send(change, request_id=request_id, **stale))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "LOG_REPLACED")
    assert (await server.head()).position == BEFORE + 1
    # What was carried out in this history is answered again, whatever is said beside it.
    made = create("known")
    first = await server.send(made, request_id="01938f3e-7c5a-7000-8000-3f2a1b0c9d90")
    again = await server.send(
        made, request_id="01938f3e-7c5a-7000-8000-3f2a1b0c9d90", expected_version_token=since.token
    )
    assert (again.result.replayed, again.result.token) == (True, first.result.token)


async def test_a_result_says_that_the_session_is_of_another_history(history: History) -> None:
    await history.write("before", BEFORE)
    common = (await history.server.head()).token
    await history.copied()
    [*_, last] = await history.write("since", SINCE)
    await history.put_back()
    for number, (token, is_replaced) in enumerate([("", False), (common, False), (last.token, True)]):
        result = (await history.server.send(create(f"new{number}"), session_token=token)).result
        assert (result.session_replaced, result.position) == (is_replaced, BEFORE + 1 + number)


# Clients


@asynccontextmanager
async def gone_back(history: History, connect: Connect, **options: Any) -> AsyncIterator[Any]:
    """A client that wrote after the copy, when that has been put back."""
    await history.write("before", BEFORE)
    await history.copied()
    async with client_of(history.server, connect, **options) as client:
        for number in range(SINCE):
            await client.orders.create_order(
                order_id=f"mine{number}", customer_id="ada", customer_name="", currency_code="GBP"
            )
        assert client.session.token.position == BEFORE + SINCE
        await history.put_back()
        yield client


async def test_a_client_is_told_once_and_goes_on(history: History, connect: Connect) -> None:
    async with gone_back(history, connect) as client:
        with pytest.raises(LogReplaced):
            await client.orders.get_order(order_id="before0")
        assert client.session.token == LogPosition()
        assert (await client.orders.get_order(order_id="before0")).order.order_id == "before0"


async def test_whoever_shares_a_session_is_told_once(history: History) -> None:
    async with gone_back(history, foldlog_client.connect) as client:
        asked = [client.orders.get_order(order_id="before0") for _ in range(5)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(one) for one in found] == [LogReplaced] * 5
        await client.orders.create_order(
            order_id="new", customer_id="ada", customer_name="", currency_code="GBP"
        )
        assert (await client.orders.get_order(order_id="new")).order.order_id == "new"
        assert client.session.token.position == BEFORE + 1


async def test_a_command_takes_the_session_into_the_new_history(history: History, connect: Connect) -> None:
    async with gone_back(history, connect) as client:
        done = await client.orders.create_order(
            order_id="new", customer_id="ada", customer_name="", currency_code="GBP"
        )
        assert done.result.session_replaced
        assert client.session.token == LogPosition(done.result.log_id, BEFORE + 1)
        assert (await client.orders.get_order(order_id="new")).order.order_id == "new"


async def test_a_subscription_ends_where_its_history_ends(history: History, connect: Connect) -> None:
    await history.write("before", BEFORE)
    await history.copied()
    async with client_of(history.server, connect) as client, client.events.subscribe() as events:
        await history.write("since", SINCE)
        seen: list[RecordedEvent] = [await anext(events) for _ in range(BEFORE + SINCE)]
        assert events.token is not None
        assert events.token.token.endswith(f".{seen[-1].position}")
        await history.put_back()
        await history.write("other", SINCE + 1)
        with pytest.raises(LogReplaced):
            await anext(events)
    # From another process, with what it kept as text.
    kept = LogPosition.parse(str(events.token))
    assert events.token.is_exactly(kept)
    async with client_of(history.server, connect) as client:
        with pytest.raises(LogReplaced):
            await anext(client.events.subscribe(kept))
        with pytest.raises(LogReplaced):
            await anext(client.events.read_all(seen=kept))
        with pytest.raises(LogReplaced):
            await anext(client.events.read_stream("order-before0", seen=kept))


async def test_a_subscription_goes_on_in_a_log_that_has_its_history(
    history: History, connect: Connect
) -> None:
    await history.write("before", BEFORE)
    async with client_of(history.server, connect) as client, client.events.subscribe() as events:
        seen = [await anext(events) for _ in range(BEFORE)]
        await history.copied()
        await history.put_back()
        await history.write("other", 1)
        assert (await anext(events)).position == seen[-1].position + 1


# Logs that were made of another one


async def restored(server: Server, target: Path, *, through: str, until: int) -> Server:
    """Another log with the events up to a position, not yet served."""
    copy = target.with_name("export.jsonl" if through == "import" else "backup")
    steps: list[tuple[object, ...]] = [
        ("export" if through == "import" else "backup", copy, "--data", server.data),
        (through, copy, "--data", target, "--to-position", until),
    ]
    for step in steps:
        ended = await foldlog(*step)
        assert (ended.code, ended.errors) == (0, ""), ended
    return Server(target)


@pytest.mark.parametrize("through", ["restore", *slow(["import"])])
@pytest.mark.parametrize("connect", BOTH.values(), ids=BOTH.keys())
async def test_a_token_of_the_log_it_was_made_of_is_good_up_to_the_last_common_position(
    history: History, connect: Connect, through: str, tmp_path: Path
) -> None:
    former = history.server
    results = await history.write("before", BEFORE)
    other = await restored(former, tmp_path / "other", through=through, until=BEFORE - 1)
    await history.server.restart()
    results += await history.write("since", SINCE)
    common, *beyond = results[BEFORE - 2 :]
    await other.start()
    try:
        log_id = (await other.head()).log_id
        assert log_id != common.log_id
        request = GetOrderRequest(order_id="before0", options=ReadOptions(min_position_token=common.token))
        fresh = (await other.ask(request)).freshness
        assert (fresh.log_id, fresh.position) == (log_id, common.position)
        for result in beyond:
            refusal = await ask(other, SubscribeRequest(after_token=result.token))
            assert refusal.metadata["last_common_position"] == str(common.position), result
            assert refusal.metadata["asked_log_id"] == common.log_id
        assert (await other.send(create("a"), session_token=beyond[0].token)).result.session_replaced
        assert not (await other.send(create("b"), session_token=common.token)).result.session_replaced

        seen = LogPosition(common.log_id, common.position, common.token)
        async with client_of(other, connect, session=seen) as client:
            assert (await client.orders.get_order(order_id="before0")).freshness.log_id == log_id
            async with client.events.subscribe(seen) as events:
                assert (await anext(events)).position == common.position + 1
                assert events.token is not None
                assert (events.token.log_id, events.token.position) == (log_id, common.position + 1)
            await client.orders.create_order(
                order_id="c", customer_id="ada", customer_name="", currency_code="GBP"
            )
            assert client.session.token == LogPosition(log_id, common.position + 3)
    finally:
        await other.stop()


@pytest.mark.parametrize("through", ["restore", "import"])
@pytest.mark.parametrize("until", [BEFORE, *slow([2, BEFORE + 1])])
async def test_what_a_former_release_wrote_is_common_too(
    history: History, through: str, until: int, tmp_path: Path
) -> None:
    former = history.server
    await history.write("before", BEFORE)
    await former.stop()
    make_format_1(former.data, time.time_ns())
    await former.start()
    await history.write("since", SINCE)
    read = [token async for batch in former.ask(ReadAllRequest()) for token in batch.tokens]
    other = await restored(former, tmp_path / "other", through=through, until=until)
    await other.start()
    try:
        for position, token in enumerate(read, 1):
            answer = await answered(other, SubscribeRequest(after_token=token))
            assert answer == ("OK" if position <= until else "LOG_REPLACED"), position
    finally:
        await other.stop()
