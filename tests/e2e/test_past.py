"""Past states over a real channel: what a query answered then, it answers for ever."""

import asyncio
import sqlite3
from contextlib import closing

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from foldlog.inventory.v1.commands_pb2 import AdjustStock, ReceiveStock
from foldlog.inventory.v1.queries_pb2 import GetStockRequest, GetStockResponse
from foldlog.inventory.v1.types_pb2 import Stock
from foldlog.orders.v1.commands_pb2 import CancelOrder, ChangeItemQuantity, SubmitOrder
from foldlog.orders.v1.queries_pb2 import GetOrderRequest, GetOrderResponse
from foldlog.orders.v1.types_pb2 import Order
from foldlog.v1.commands_pb2 import REPLY_RESULT
from foldlog.v1.event_service_pb2 import ReadAllRequest
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog.v1.reads_pb2 import AsOf, ReadOptions
from tests.support.commands import add, create
from tests.support.server import Server
from tests.support.wire import refused

STEPS = (
    create("o"),
    add("o", "tea", 2),
    ReceiveStock(product_id="tea", name="Tea", quantity=9),
    ChangeItemQuantity(order_id="o", line_id="tea", quantity=5),
    add("o", "jam"),
    AdjustStock(product_id="tea", delta=-2, reason="counted"),
    SubmitOrder(order_id="o"),
    CancelOrder(order_id="o", reason="late"),
    ReceiveStock(product_id="tea", quantity=1),
)


async def order(server: Server, as_of: AsOf | None = None, position: int = 0) -> Order:
    options = ReadOptions(min_position=position)
    answer: GetOrderResponse = await server.ask(GetOrderRequest(order_id="o", as_of=as_of, options=options))
    return answer.order


async def stock(server: Server, as_of: AsOf | None = None) -> Stock:
    answer: GetStockResponse = await server.ask(GetStockRequest(product_id="tea", as_of=as_of))
    return answer.stock


async def recorded(server: Server) -> list[RecordedEvent]:
    return [event async for batch in server.ask(ReadAllRequest()) for event in batch.events]


async def test_every_state_that_was_answered_is_answered_again(server: Server) -> None:
    orders: dict[int, Order] = {}
    stocks: dict[int, tuple[int, Stock]] = {}
    for step in STEPS:
        result = (await server.send(step)).result
        orders[result.position] = await order(server, position=result.position)
        if result.stream == "stock-tea":
            stocks[result.position] = result.version, await stock(server)
    await server.restart()
    assert len(orders) == len(STEPS)
    for position, was in orders.items():
        assert await order(server, AsOf(position=position)) == was
        assert await order(server, AsOf(version=was.version)) == was
    for position, (version, had) in stocks.items():
        assert await stock(server, AsOf(position=position)) == had
        assert await stock(server, AsOf(version=version)) == had
    for event in await recorded(server):
        assert await order(server, AsOf(time=event.recorded_time)) == orders[event.position]


async def test_before_it_existed_it_is_not_found(server: Server) -> None:
    before = Timestamp(seconds=1)
    await server.send(ReceiveStock(product_id="jam", quantity=1))
    await server.send(create("o"))
    await server.send(ReceiveStock(product_id="tea", quantity=1))
    for as_of in (AsOf(version=0), AsOf(position=0), AsOf(position=1), AsOf(time=before)):
        found = await refused(server.ask(GetOrderRequest(order_id="o", as_of=as_of)))
        assert (found.code, found.reason) == (StatusCode.NOT_FOUND, "ORDER_NOT_FOUND")
        assert "was then" in found.message
        found = await refused(server.ask(GetStockRequest(product_id="tea", as_of=as_of)))
        assert (found.code, found.reason) == (StatusCode.NOT_FOUND, "PRODUCT_NOT_FOUND")


async def test_what_never_existed_is_not_found_at_any_version(server: Server) -> None:
    found = await refused(server.ask(GetOrderRequest(order_id="o", as_of=AsOf(version=7))))
    assert (found.code, found.reason) == (StatusCode.NOT_FOUND, "ORDER_NOT_FOUND")


@pytest.mark.parametrize(
    ("as_of", "reason"),
    [
        (AsOf(version=2), "VERSION_BEYOND_END"),
        (AsOf(version=2**64 - 1), "VERSION_BEYOND_END"),
        (AsOf(position=3), "POSITION_BEYOND_HEAD"),
        (AsOf(time=Timestamp(seconds=253_402_300_799)), "TIME_NOT_OVER"),
    ],
    ids=str,
)
async def test_past_the_end_is_out_of_range(server: Server, as_of: AsOf, reason: str) -> None:
    await server.send(create("o"))
    await server.send(ReceiveStock(product_id="tea", quantity=1))
    for question in (
        GetOrderRequest(order_id="o", as_of=as_of),
        GetStockRequest(product_id="tea", as_of=as_of),
    ):
        found = await refused(server.ask(question))
        assert (found.code, found.reason) == (StatusCode.OUT_OF_RANGE, reason)


async def test_as_of_nothing_is_refused(server: Server) -> None:
    await server.send(create("o"))
    for question in (
        GetOrderRequest(order_id="o", as_of=AsOf()),
        GetStockRequest(product_id="tea", as_of=AsOf()),
    ):
        found = await refused(server.ask(question))
        assert (found.code, found.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS")
        assert found.violations == [("as_of.at", "required")]


async def test_a_past_state_is_not_held_up_by_a_view(server: Server) -> None:
    await server.views.stop()
    await server.send(create("o"))
    options = ReadOptions(min_position=1)
    answer = await server.ask(GetOrderRequest(order_id="o", as_of=AsOf(position=1), options=options))
    assert (answer.order.version, answer.freshness.position, answer.freshness.lag_events) == (1, 1, 0)


async def test_a_position_of_another_log_is_refused(server: Server) -> None:
    await server.send(create("o"))
    options = ReadOptions(log_id="former")
    found = await refused(server.ask(GetOrderRequest(order_id="o", as_of=AsOf(version=1), options=options)))
    assert found.reason == "LOG_REPLACED"


async def test_a_long_stream_is_the_same_with_snapshots_and_without(server: Server) -> None:
    for _ in range(4):
        one = ReceiveStock(product_id="tea", quantity=1)
        await asyncio.gather(*(server.send(one, reply=REPLY_RESULT) for _ in range(300)))
    kept = server.data / "snapshots.db"
    for as_of, reason in {
        2**64 - 1: "VERSION_BEYOND_END",
        1_201: "VERSION_BEYOND_END",
        0: "PRODUCT_NOT_FOUND",
    }.items():
        found = await refused(server.ask(GetStockRequest(product_id="tea", as_of=AsOf(version=as_of))))
        assert found.reason == reason
    long_ago = AsOf(time=Timestamp(seconds=-62_135_596_800))
    assert (
        await refused(server.ask(GetStockRequest(product_id="tea", as_of=long_ago)))
    ).code is StatusCode.NOT_FOUND
    for past in (1, 999, 1_000, 1_001, 1_200):
        assert (await stock(server, AsOf(version=past))).on_hand == past
    await server.stop()
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT version FROM snapshots ORDER BY version").fetchall() == [(1_000,)]
        connection.execute(
            "UPDATE snapshots SET state = replace(CAST(state AS TEXT), '1000', '1050'), crc = 0"
        )
        connection.commit()
    await server.start()
    assert (await stock(server)).on_hand == 1_200
    await server.stop()
    kept.unlink()
    await server.start()
    assert (await stock(server)).on_hand == 1_200
