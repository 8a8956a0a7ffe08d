"""Damage of what is derived, under a running server: right answers or UNAVAILABLE, and a cure by itself."""

import asyncio
import logging
import os
import random
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import StatusCode
from grpc_health.v1 import health_pb2

from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog.inventory.v1.queries_pb2 import ListInventoryRequest
from foldlog.orders.v1.queries_pb2 import (
    GetCustomerOrdersRequest,
    GetOrderRequest,
    ListCurrentOrdersRequest,
    ListCustomersRequest,
)
from foldlog.v1.admin_service_pb2 import ListViewsRequest, RebuildViewRequest, ViewState
from foldlog_server.domains.shop import SHOP
from tests.support.files import flip_anywhere
from tests.support.orders import create
from tests.support.server import Server, client_of, until
from tests.support.slow import slow
from tests.support.wire import SECONDS, Refusal, refusal_of, refused

REASONS = ("VIEW_DAMAGED", "VIEW_REBUILDING")
ORDERS = 40

QUESTIONS: Mapping[str, Any] = {
    "the orders": ListCurrentOrdersRequest(page_size=1000),
    "the customers": ListCustomersRequest(page_size=1000),
    "the stock": ListInventoryRequest(page_size=1000),
    **{f"order {number}": GetOrderRequest(order_id=f"o{number}") for number in range(0, ORDERS, 7)},
    "a customer": GetCustomerOrdersRequest(customer_id="ada", page_size=1000),
}


async def answer(server: Server, name: str) -> Any:
    """An answer without its freshness, or how it was refused."""
    try:
        found = await server.ask(QUESTIONS[name])
    except grpc.aio.AioRpcError as error:
        return refusal_of(error)
    found.ClearField("freshness")
    return found


@pytest.fixture
async def right(server: Server) -> Mapping[str, Any]:
    """The right answers of the server, which has some orders and stock."""
    for number in range(ORDERS):
        await server.send(create(f"o{number}"))
    position = (await server.send(ReceiveStock(product_id="tea", name="Tea", quantity=7))).result.position
    async with client_of(server) as client:
        await client.orders.list_current_orders(min_position=position)
        await client.orders.list_customers(min_position=position)
        await client.orders.get_order(order_id="o1", min_position=position)
        await client.inventory.list_inventory(min_position=position)
    answers = {name: await answer(server, name) for name in QUESTIONS}
    assert not any(isinstance(found, Refusal) for found in answers.values())
    return answers


def files_of(server: Server, view: str = "") -> list[Path]:
    return sorted((server.data / "views").glob(f"{view}*.db"))


async def states(server: Server) -> Mapping[str, ViewState]:
    return {state.name: state for state in (await server.ask(ListViewsRequest())).views}


async def is_cured(server: Server) -> bool:
    return not any(
        state.damage or state.HasField("rebuilding") or state.lag_events
        for state in (await states(server)).values()
    )


async def check_right_in_the_end(server: Server, right: Mapping[str, Any]) -> None:
    """Ask until all is cured: what is not right is UNAVAILABLE, with a reason of its own."""
    async with asyncio.timeout(300):  # five processes, of low priority, one after the other
        cured = False
        while not cured:
            await asyncio.sleep(0.05)
            cured = await is_cured(server)
            for name, expected in right.items():
                found = await answer(server, name)
                if isinstance(found, Refusal):
                    assert (found.code, found.reason in REASONS) == (StatusCode.UNAVAILABLE, True), found
                    assert "RetryInfo" in found.kinds
                    cured = False
                else:
                    assert found == expected, name
    for view in SHOP.views:
        model = served(server, view.name)
        assert model._file.path.exists()
        model.check()


def served(server: Server, view: str) -> Any:
    """What a view is answered from."""
    return server.app.parts.projectors.of_view(view).read_model


@pytest.mark.parametrize("round", [0, *slow(range(1, 4))])
async def test_bits_that_are_flipped_under_a_running_server(
    server: Server, right: Mapping[str, Any], round: int
) -> None:
    chance = random.Random(round)
    for _ in range(16):
        logs = [wal for wal in sorted((server.data / "views").glob("*.db-wal")) if wal.stat().st_size]
        flip_anywhere(chance.choice([*files_of(server), *logs]), chance)
    await check_right_in_the_end(server, right)


@pytest.mark.parametrize("round", range(4))
async def test_bits_that_are_flipped_while_it_is_stopped(
    server: Server, right: Mapping[str, Any], round: int
) -> None:
    chance = random.Random(round)
    await server.stop()
    for _ in range(16):
        flip_anywhere(chance.choice([*files_of(server), server.data / "snapshots.db"]), chance)
    await server.start()
    await check_right_in_the_end(server, right)


def remove_the_directory(views: Path) -> None:
    shutil.rmtree(views)


def each(befall: Callable[[Path], None], suffix: str = "") -> Callable[[Path], None]:
    def befall_all(views: Path) -> None:
        for file in views.glob(f"*.db{suffix}"):
            befall(file)

    return befall_all


def put_another(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(b"no view" * 5000)
    other.replace(file)


WAYS = {
    "the directory is removed": remove_the_directory,
    "the files are removed": each(Path.unlink),
    "the files are emptied": each(lambda file: os.truncate(file, 0)),
    "the files are cut to half": each(lambda file: os.truncate(file, file.stat().st_size // 2)),
    "others are put in their place": each(put_another),
    "the write-ahead logs are removed": each(Path.unlink, "-wal"),
}


@pytest.mark.parametrize("way", [*list(WAYS)[:2], *slow(list(WAYS)[2:])])
async def test_damage_of_the_files_is_noticed_reported_once_and_repaired(
    server: Server, right: Mapping[str, Any], way: str, caplog: pytest.LogCaptureFixture
) -> None:
    numbers = {view.name: served(server, view.name)._file.number for view in SHOP.views}
    with caplog.at_level(logging.WARNING):
        WAYS[way](server.data / "views")
        await until(
            lambda: all(not projector.follows for projector in list(server.app.parts.projectors.all)[:1])
        )
        await check_right_in_the_end(server, right)
    for view in SHOP.views:
        told = [record for record in caplog.records if f"The view {view.name} is damaged" in record.message]
        assert len(told) == 1
        assert served(server, view.name)._file.number > numbers[view.name]
    assert not any(record.exc_info for record in caplog.records)
    position = (await server.send(create("later"))).result.position
    async with client_of(server) as client:
        found = await client.orders.get_order(order_id="later", min_position=position)
        assert found.order.order_id == "later"
    await server.restart()
    assert (await answer(server, "the customers")) != right["the customers"]  # one has one more
    assert all(state.position == position for state in (await states(server)).values())


async def test_operators_and_health_checks_see_it_while_it_lasts(
    server: Server, right: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    build = server.app.parts.rebuilds._runner.build

    async def later(*arguments: Any) -> Any:
        await gate.wait()
        return await build(*arguments)

    monkeypatch.setattr(server.app.parts.rebuilds._runner, "build", later)
    assert await health(server, "foldlog.views") == health_pb2.HealthCheckResponse.SERVING
    (file,) = files_of(server, "current-orders")
    file.unlink()
    found = await refused(server.ask(ListCurrentOrdersRequest()))
    assert (found.code, found.reason) == (StatusCode.UNAVAILABLE, "VIEW_DAMAGED")
    await until_health(server, health_pb2.HealthCheckResponse.NOT_SERVING)
    state = (await states(server))["current-orders"]
    assert state.damage.endswith("is gone")
    assert state.HasField("rebuilding")
    assert not state.outdated
    assert await health(server, "foldlog.views.current-orders") == health_pb2.HealthCheckResponse.NOT_SERVING
    assert await health(server, "foldlog.views.inventory") == health_pb2.HealthCheckResponse.SERVING
    assert await health(server, "") == health_pb2.HealthCheckResponse.SERVING
    assert (await answer(server, "the stock")) == right["the stock"]
    gate.set()
    await check_right_in_the_end(server, right)
    await until_health(server, health_pb2.HealthCheckResponse.SERVING)


async def until_health(server: Server, status: int) -> None:
    async with asyncio.timeout(SECONDS):
        while await health(server, "foldlog.views") != status:  # noqa: ASYNC110  another process sets it
            await asyncio.sleep(0.01)


async def health(server: Server, name: str) -> int:
    method = "/grpc.health.v1.Health/Check"
    call = server.channel.unary_unary(
        method,
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    return int((await call(health_pb2.HealthCheckRequest(service=name))).status)


@pytest.fixture
async def watched(server: Server, right: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """What a watcher of the current orders has, and how often it began anew."""
    has: dict[str, Any] = {"resets": 0, "orders": {}}

    async def follow() -> None:
        async with client_of(server) as client, client.orders.watch_current_orders() as changes:
            async for change in changes:
                if change.reset:
                    has["resets"] += 1
                    has["orders"].clear()
                has["orders"] |= {order.order_id: order for order in change.puts}
                for order_id in change.gone:
                    has["orders"].pop(order_id, None)

    following = asyncio.create_task(follow())
    await until(lambda: len(has["orders"]) == ORDERS)
    yield has
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


async def test_a_watch_begins_anew_with_the_new_documents(
    server: Server, right: Mapping[str, Any], watched: dict[str, Any]
) -> None:
    shutil.rmtree(server.data / "views")
    await check_right_in_the_end(server, right)
    await server.send(create("later"))
    await until(lambda: "later" in watched["orders"])
    assert watched["resets"] == 1
    assert len(watched["orders"]) == ORDERS + 1


@pytest.mark.slow
async def test_a_rebuild_that_an_operator_asks_for_is_served_from_its_file(
    server: Server, right: Mapping[str, Any]
) -> None:
    for _ in range(2):
        shutil.rmtree(server.data / "views")
        await server.ask(RebuildViewRequest(view="order-details"))
        await check_right_in_the_end(server, right)
        assert len(files_of(server)) == len(SHOP.views)


async def test_while_the_log_is_detached_no_view_is_built_and_queries_go_on(
    server: Server, right: Mapping[str, Any], tmp_path: Path
) -> None:
    server.data.rename(tmp_path / "elsewhere")
    found = await refused(server.ask(RebuildViewRequest(view="order-details")))
    assert (found.code, found.reason) == (StatusCode.UNAVAILABLE, "LOG_DETACHED")
    await until(lambda: server.app.detached is not None)
    for name, expected in right.items():
        assert await answer(server, name) == expected
    assert not any(state.damage for state in (await states(server)).values())
    (tmp_path / "elsewhere").rename(server.data)
