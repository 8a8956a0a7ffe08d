"""A log that former releases began: its old messages are folded as today's, and read as they were written."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.protobuf.message import Message
from grpc import StatusCode

from foldlog.orders.v1.commands_pb2 import SubmitOrder
from foldlog.orders.v1.events_pb2 import OrderCreated
from foldlog.orders.v1.queries_pb2 import (
    GetOrderHistoryRequest,
    GetOrderHistoryResponse,
    GetOrderRequest,
    GetOrderResponse,
    ListCurrentOrdersRequest,
    ListCurrentOrdersResponse,
    WatchCurrentOrdersRequest,
)
from foldlog.v1.admin_service_pb2 import ListViewsRequest
from foldlog.v1.event_service_pb2 import ReadAllRequest
from foldlog.v1.reads_pb2 import AsOf, ReadOptions
from foldlog_server.log.event_store import Append, StreamAppend
from foldlog_server.log.events import NewEvent
from tests.support.commands import add, create
from tests.support.old_messages import (
    OPENED,
    OPENED_IN,
    UPCASTERS,
    OrderOpened,
    OrderOpenedIn,
    stored,
    with_a_past,
)
from tests.support.processes import foldlog
from tests.support.server import Server, serving
from tests.support.wire import SECONDS, refused


async def write(server: Server, stream: str, version: int, *payloads: Message) -> None:
    new = tuple(stored(payload, f"{stream}/{number}") for number, payload in enumerate(payloads))
    await server.app.parts.store.append(Append((StreamAppend(stream, version, new),)))


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    with_a_past(monkeypatch, *UPCASTERS)
    server = Server(tmp_path)
    await server.start()
    await write(server, "order-o", 0, OrderOpened(customer="ann"))
    await write(server, "order-p", 0, OrderOpenedIn(customer="ben", currency="EUR"))
    yield server
    await server.stop()


SEEN = ReadOptions(min_position=2)


async def test_old_orders_are_orders(server: Server) -> None:
    for start in ("at once", "from disk"):
        found: GetOrderResponse = await server.ask(GetOrderRequest(order_id="o", options=SEEN))
        then: GetOrderResponse = await server.ask(GetOrderRequest(order_id="o", as_of=AsOf(version=1)))
        listed: ListCurrentOrdersResponse = await server.ask(ListCurrentOrdersRequest(options=SEEN))
        assert (found.order.customer_id, found.order.version) == ("ann", 1), start
        assert then.order == found.order
        assert {(order.order_id, order.customer_id) for order in listed.orders} == {
            ("o", "ann"),
            ("p", "ben"),
        }
        await server.restart()


async def test_commands_go_on_from_them(server: Server) -> None:
    await server.send(add("o", "tea", 2))
    result = (await server.send(SubmitOrder(order_id="o"))).result
    again = await refused(server.send(create("p")))
    assert (again.code, again.reason) == (StatusCode.ALREADY_EXISTS, "ORDER_EXISTS")
    assert result.version == 3
    found: GetOrderResponse = await server.ask(
        GetOrderRequest(order_id="o", options=ReadOptions(min_position=result.position))
    )
    assert found.order.total.currency_code == "GBP"


async def test_who_reads_the_log_gets_what_was_written(server: Server) -> None:
    events = [event async for batch in server.ask(ReadAllRequest()) for event in batch.events]
    assert [event.type for event in events] == ["test.old.OrderOpened", "test.old.OrderOpenedIn"]
    assert OrderOpened.FromString(events[0].payload.value) == OrderOpened(customer="ann")
    history: GetOrderHistoryResponse = await server.ask(GetOrderHistoryRequest(order_id="o", options=SEEN))
    assert [entry.event.type for entry in history.entries] == ["test.old.OrderOpened"]


async def test_a_watch_sees_them_come(server: Server) -> None:
    seen: set[str] = set()
    came = False
    async with asyncio.timeout(SECONDS):
        async for change in server.ask(WatchCurrentOrdersRequest()):
            seen |= {put.order_id for put in change.puts}
            if seen == {"o", "p"} and not came:
                came = True
                await write(server, "order-q", 0, OrderOpened(customer="zoe"))
            if seen == {"o", "p", "q"}:
                break


async def test_an_upcaster_that_fails_stops_the_views_that_need_it_and_no_other(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise LookupError("which currency?")

    with_a_past(monkeypatch, OPENED, OPENED_IN._replace(upcast=fail))  # type: ignore[arg-type]
    await server.restart()
    await write(server, "order-r", 0, OrderOpenedIn(customer="ben", currency="EUR"))
    async with asyncio.timeout(SECONDS):
        while True:
            views = {view.name: view for view in (await server.ask(ListViewsRequest())).views}
            if views["inventory"].position == 3 and views["current-orders"].stopped:
                break
            await asyncio.sleep(0.01)
    assert "which currency?" in views["current-orders"].stopped
    assert not views["inventory"].stopped
    found = await refused(server.send(add("r", "tea")))
    assert (found.code, found.reason) == (StatusCode.INTERNAL, "INTERNAL")


@pytest.fixture
async def odd(tmp_path: Path) -> AsyncIterator[Server]:
    """A server without upcasters, whose log begins with what it does not know and with what makes no sense."""
    async with serving(tmp_path) as server:
        await server.write("order-x", 1, 10)
        broken = NewEvent("broken", OrderCreated.DESCRIPTOR.full_name, b"\xff\xff")
        await server.app.parts.store.append(Append((StreamAppend("order-y", 0, (broken,)),)))
        yield server


async def test_what_cannot_be_read_is_printed_as_it_is(odd: Server) -> None:
    where = ("--address", odd.address, "--after", "0", "--no-follow")
    plain = await foldlog("events", "tail", *where)
    assert (plain.code, plain.errors) == (0, "")
    first, second = plain.output.splitlines()
    assert first.endswith('order-x@1 Written {"value": "eHh4eHh4eHh4eA=="}')
    assert second.endswith('order-y@1 OrderCreated {"value": "//8="}')
    as_json = [
        json.loads(line) for line in (await foldlog("events", "tail", "--json", *where)).output.splitlines()
    ]
    assert [event["position"] for event in as_json] == ["1", "2"]
    assert as_json[0]["payload"] == {
        "@type": "type.googleapis.com/test.v1.Written",
        "value": "eHh4eHh4eHh4eA==",
    }


@pytest.mark.parametrize(("id", "why"), [("x", "does not know the message"), ("y", "no such message")])
async def test_who_needs_what_cannot_be_read_is_told_so(odd: Server, id: str, why: str) -> None:
    found = await refused(odd.send(add(id, "tea")))
    assert (found.code, found.reason) == (StatusCode.INTERNAL, "EVENT_UNREADABLE")
    assert why in found.message
    found = await refused(odd.send(SubmitOrder(order_id="none")))
    assert found.reason == "ORDER_NOT_FOUND"
