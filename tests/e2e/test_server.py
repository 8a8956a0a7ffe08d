"""What a running server does beside answering: it tells its health and its services, and stops in order."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty
from grpc import StatusCode
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from foldlog.orders.v1.commands_pb2 import AddItem, CreateOrder
from foldlog.orders.v1.queries_pb2 import GetOrderRequest
from foldlog.orders.v1.types_pb2 import OrderLine
from foldlog.v1.event_service_pb2 import EventFilter, GetHeadRequest, ReadAllRequest, SubscribeRequest
from foldlog.v1.reads_pb2 import ReadOptions
from foldlog_server.app.app import App
from foldlog_server.settings import Settings
from foldlog_server.stores.files.data_directory import DataDirectoryLocked
from foldlog_server.stores.opening.path_checks import InTheWay
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from foldlog_server.transport import event_service
from foldlog_server.transport.refusal_log import LINES_A_SECOND, RefusalLog
from foldlog_server.transport.server import AddressInUse
from tests.support.manual_timer import ManualTimer
from tests.support.order_stories import line, money
from tests.support.server import Server, serving, until
from tests.support.wire import SECONDS, SERVICES, all_of, connected, refused, refused_stream

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
GRACE = 60.0
"""Seconds that no test waits: a stop that takes so long hangs."""


def create(order_id: str = "1", *lines: Any) -> CreateOrder:
    return CreateOrder(order_id=order_id, customer_id="ada", currency_code="GBP", lines=lines)


def names() -> list[str]:
    return [service.full_name for service in SERVICES]


# Health


def watching(server: Server, service: str = "") -> Any:
    stub: Any = HealthStub(server.channel)
    return stub.Watch(health_pb2.HealthCheckRequest(service=service), timeout=SECONDS)


async def told(watch: Any) -> int:
    return int((await asyncio.wait_for(watch.read(), SECONDS)).status)


async def test_health_knows_the_server_and_every_service(server: Server) -> None:
    stub: Any = HealthStub(server.channel)
    for service in ("", *names()):
        request = health_pb2.HealthCheckRequest(service=service)
        assert (await stub.Check(request)).status == SERVING
        assert await told(watching(server, service)) == SERVING


async def test_health_knows_no_other_service(server: Server) -> None:
    stub: Any = HealthStub(server.channel)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.Check(health_pb2.HealthCheckRequest(service="none"))
    assert raised.value.code() is StatusCode.NOT_FOUND
    assert await told(watching(server, "none")) == SERVICE_UNKNOWN


async def test_every_watcher_of_health_is_told_that_the_server_stops_also_when_one_has_left(
    server: Server,
) -> None:
    watches = [watching(server, service) for service in ("", names()[0], "", names()[-1])]
    for watch in watches:
        assert await told(watch) == SERVING
    watches[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await watches[1].read()

    async with stopping(server):
        for watch in (watches[0], watches[2], watches[3]):
            assert await told(watch) == NOT_SERVING
            assert await asyncio.wait_for(watch.read(), SECONDS) is grpc.aio.EOF


# Stopping


@asynccontextmanager
async def stopping(server: Server) -> AsyncIterator["asyncio.Task[None]"]:
    """The server stops, in order, while the block goes on; then it is there again."""
    task = asyncio.ensure_future(server.app.stop(GRACE))
    try:
        yield task
        stopped, _ = await asyncio.wait([task], timeout=GRACE / 2)
        assert stopped, "it waits for something that will not end"
    finally:
        await server.channel.close()
        await task
        await server.start()


async def test_a_command_under_way_is_finished_and_answered(server: Server) -> None:
    held = server.hold_appends()
    sending = asyncio.ensure_future(server.send(create()))
    await until(lambda: len(held) == 1)
    watch = watching(server)
    assert await told(watch) == SERVING
    async with stopping(server) as stop:
        assert await told(watch) == NOT_SERVING
        assert not stop.done()
        held.release()
        reply = await sending
        assert (reply.result.version, reply.result.position) == (1, 1)
    assert (await server.head()).position == 1


async def test_a_query_that_waits_is_answered_before_the_server_is_gone(server: Server) -> None:
    await server.views.stop()
    position = (await server.send(create())).result.position
    options = ReadOptions(min_position=position, max_wait=Duration(seconds=30))
    asking = asyncio.ensure_future(server.ask(GetOrderRequest(order_id="1", options=options)))
    waiters = server.projector("order-details")._waiters
    await until(lambda: waiters)
    async with stopping(server):
        server.views.start()
        assert (await asking).order.order_id == "1"


async def test_a_call_that_comes_too_late_is_unavailable(server: Server) -> None:
    held = server.hold_appends()
    sending = asyncio.ensure_future(server.send(create()))
    await until(lambda: len(held) == 1)
    watch = watching(server)
    assert await told(watch) == SERVING
    async with stopping(server):
        assert await told(watch) == NOT_SERVING
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await server.ask(GetHeadRequest())
        assert raised.value.code() is StatusCode.UNAVAILABLE
        held.release()
        await sending


async def test_every_stream_ends_with_the_reason_and_when_to_come_again(server: Server) -> None:
    await server.send(create())
    calls = [
        server.ask(SubscribeRequest()),
        server.ask(SubscribeRequest(end=Empty())),
        server.ask(SubscribeRequest(filter=EventFilter(categories=["stock"]))),
    ]
    for call in calls:
        while not (await call.read()).HasField("caught_up"):
            pass
    async with stopping(server):
        for call in calls:
            refusal = await refused(call.read())
            assert (refusal.code, refusal.reason) == (StatusCode.UNAVAILABLE, "DRAINING")
            assert refusal.retry_after is not None
            assert refusal.retry_after > 0
            assert refusal.trailers["grpc-retry-pushback-ms"] == str(int(refusal.retry_after * 1000))


async def test_a_stop_that_was_cut_off_is_finished_by_the_next_and_a_third_finds_nothing_to_do(
    server: Server,
) -> None:
    stopping = asyncio.ensure_future(server.app.stop(0))
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    await server.app.stop(0)
    await server.app.stop(0)
    await server.start()  # nothing holds the port or the data directory


async def test_a_reader_that_never_reads_does_not_hold_up_the_stop(server: Server) -> None:
    for number in range(3):
        lines = (line(f"{n}", 1, money("1"), name="x" * 200) for n in range(2000))
        await server.send(create(str(number), *lines))
    stalled = [connected(server.address) for _ in range(2)]
    path = "/foldlog.v1.EventService/"
    requests = {"Subscribe": SubscribeRequest(), "ReadAll": ReadAllRequest()}
    calls: list[Any] = []
    for channel, (name, request) in zip(stalled, requests.items(), strict=True):
        opened: Any = channel.unary_stream(path + name)
        call = opened(request.SerializeToString())
        await call.read()
        calls.append(call)
    async with stopping(server):
        pass
    for call in calls:
        assert (await refused(all_of(call))).reason == "DRAINING"
    for channel in stalled:
        await channel.close()


async def test_a_stream_that_comes_while_the_server_stops_is_told_so(server: Server) -> None:
    server.app._server._calls.drain()  # what the server does first, then it takes no more calls
    refusal = await refused_stream(server.ask(SubscribeRequest()))
    assert (refusal.code, refusal.reason) == (StatusCode.UNAVAILABLE, "DRAINING")


async def test_a_stream_that_begins_just_as_the_server_stops_is_told_so(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed = event_service._confirmed

    def confirmed_while_draining(*arguments: Any) -> bytes:
        # It is called when the first message, which this makes, is on its way to the transport.
        asyncio.get_running_loop().call_soon(server.app._server._calls.drain)
        return confirmed(*arguments)

    monkeypatch.setattr(event_service, "_confirmed", confirmed_while_draining)
    assert (await refused(all_of(server.ask(SubscribeRequest())))).reason == "DRAINING"


async def test_whoever_looks_at_the_services_does_not_hold_up_the_stop(server: Server) -> None:
    stub: Any = ServerReflectionStub(server.channel)
    call = stub.ServerReflectionInfo(timeout=GRACE)
    await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
    await call.read()
    async with stopping(server):
        pass


async def test_after_the_grace_calls_are_cut_off_and_the_command_can_be_repeated(server: Server) -> None:
    held = server.hold_appends()
    request_id = "01938f3e-7c5a-7000-8000-3f2a1b0c9d8e"
    sending = asyncio.ensure_future(server.send(create(), request_id=request_id))
    await until(lambda: len(held) == 1)
    stop = asyncio.ensure_future(server.app.stop(0))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await sending
    assert raised.value.code() in (StatusCode.UNAVAILABLE, StatusCode.CANCELLED)
    await stop
    await server.channel.close()
    await server.start()
    assert (await server.send(create(), request_id=request_id)).result.version == 1


# Its log


async def test_a_refusal_that_repeats_is_counted_in_the_log_also_when_the_server_stops(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    timer = ManualTimer()
    refusals = RefusalLog(lambda: timer)
    monkeypatch.setattr("foldlog_server.app.app.RefusalLog", lambda _: refusals)
    await server.restart()
    with caplog.at_level(logging.INFO, "foldlog.calls"):
        for _ in range(LINES_A_SECOND + 3):
            await refused(server.ask(GetOrderRequest(order_id="none")))
            await refused_stream(server.ask(SubscribeRequest(after_position=9)))
        lines = refusals_in(caplog)
        assert len(lines) == 2 * LINES_A_SECOND
        assert lines[0].startswith("foldlog.orders.v1.QueryService.GetOrder refused: ORDER_NOT_FOUND: ")
        assert lines[1].startswith("foldlog.v1.EventService.Subscribe refused: POSITION_BEYOND_HEAD: ")
        caplog.clear()
        await server.restart()
        assert refusals_in(caplog) == [
            "foldlog.orders.v1.QueryService.GetOrder refused: ORDER_NOT_FOUND: 3 more times within a second",
            "foldlog.v1.EventService.Subscribe refused: POSITION_BEYOND_HEAD: 3 more times within a second",
        ]


def refusals_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What is logged of calls; asyncio has its say too when the machine is busy."""
    return [record.getMessage() for record in caplog.records if record.name == "foldlog.calls"]


# Starting


async def test_an_address_in_use_is_refused_and_leaves_no_data_behind(server: Server, tmp_path: Path) -> None:
    data = tmp_path / "other"
    async with asyncio.timeout(SECONDS):
        with pytest.raises(AddressInUse, match=f"Cannot listen on {server.address}"):
            await (await App.start(Settings(server.address, data))).stop(0)
    assert not data.exists()


async def test_an_address_of_another_machine_is_refused_and_leaves_no_data_behind(tmp_path: Path) -> None:
    with pytest.raises(AddressInUse, match=r"Cannot listen on 192\.0\.2\.1:0"):  # kept for documents
        await App.start(Settings("192.0.2.1:0", tmp_path / "data"))
    assert not (tmp_path / "data").exists()


async def test_who_connects_while_the_data_is_opened_is_answered_when_it_is(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.stop()
    early: list[Any] = []
    real = SqliteEventStore.open

    async def connecting_first(*arguments: Any, **options: Any) -> SqliteEventStore:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        early.append(writer)
        channel = connected(server.address)
        early.append(channel)
        early.append(HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=SECONDS))
        return await real(*arguments, **options)

    monkeypatch.setattr(SqliteEventStore, "open", connecting_first)
    await server.start()
    writer, channel, call = early
    assert (await call).status == SERVING
    writer.close()
    await channel.close()


async def test_a_server_that_does_not_start_lets_go_of_its_address(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (tmp_path / "file").touch()
    with pytest.raises(InTheWay):
        await App.start(Settings(address, tmp_path / "file"))
    app = await App.start(Settings(address, tmp_path / "data"))
    await app.stop(0)


async def test_a_server_whose_views_cannot_be_opened_lets_go_of_its_log(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "views").touch()
    with pytest.raises(InTheWay):
        await App.start(Settings("127.0.0.1:0", data))
    (data / "views").unlink()
    async with serving(data) as server:
        assert (await server.head()).position == 0


async def test_a_directory_in_use_is_refused(server: Server) -> None:
    with pytest.raises(DataDirectoryLocked, match="Another server is using"):
        await App.start(Settings("127.0.0.1:0", server.data))
    assert (await server.send(create())).result.position == 1


async def test_states_that_do_not_fit_into_memory_are_read_again(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", cached_aggregates=2) as server:
        for id in "12345":
            await server.send(create(id))
        for turn in (2, 3):
            for id in "12345":
                item = OrderLine(line_id=f"{turn}", product_id="tea", quantity=1, unit_price=money("1"))
                reply = await server.send(AddItem(order_id=id, line=item))
                assert (reply.order.version, len(reply.order.lines)) == (turn, turn - 1)


async def test_an_unknown_method_is_unimplemented(server: Server) -> None:
    for path in ("/foldlog.orders.v1.CommandService/Nothing", "/foldlog.orders.v2.CommandService/AddItem"):
        called: Any = server.channel.unary_unary(path)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await called(b"", timeout=SECONDS)
        assert raised.value.code() is StatusCode.UNIMPLEMENTED
