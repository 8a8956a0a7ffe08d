"""Views are built anew by a process of their own while the former documents answer, whatever happens to it."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from grpc import StatusCode

import foldlog_client
from foldlog.orders.v1.queries_pb2 import GetCustomerOrdersRequest, GetOrderRequest, ListCurrentOrdersRequest
from foldlog.v1.admin_service_pb2 import ViewState
from foldlog.v1.reads_pb2 import WHEN_BEHIND_ANSWER, ReadOptions
from foldlog_client import Client
from foldlog_server.app import app, rebuild_processes
from foldlog_server.domains.shop import SHOP
from foldlog_server.stores.views import view_files
from foldlog_server.views.definition import generation
from tests.support.domains import shop_with
from tests.support.orders import create
from tests.support.server import Server, client_of, until
from tests.support.wire import refused

VIEW = "order-details"
DEFINED = next(view for view in SHOP.views if view.name == VIEW)


class Gate:
    """Keeps builds from beginning until it is opened, and knows their processes."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.opened.set()
        self.processes: list[subprocess.Popen[str]] = []

    @contextmanager
    def closed(self) -> Iterator[None]:
        self.opened.clear()
        try:
            yield
        finally:
            self.opened.set()


@pytest.fixture(autouse=True)
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate, start = Gate(), rebuild_processes._start

    def start_later(arguments: Sequence[str]) -> "subprocess.Popen[str]":
        gate.opened.wait(30)
        gate.processes.append(start(arguments))
        return gate.processes[-1]

    monkeypatch.setattr(rebuild_processes, "_start", start_later)
    monkeypatch.setattr(rebuild_processes, "PAUSE", 0.01)
    return gate


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with client_of(server) as client:
        yield client


async def state_of(client: Client, name: str = VIEW) -> ViewState:
    return next(view for view in (await client.admin.list_views()).views if view.name == name)


async def rebuilt(client: Client, name: str = VIEW) -> ViewState:
    """The state when it is no longer being built."""
    async with asyncio.timeout(30):
        while (state := await state_of(client, name)).HasField("rebuilding"):  # noqa: ASYNC110  another asks
            await asyncio.sleep(0.01)
    return state


def files_of(server: Server, name: str = VIEW) -> list[str]:
    names = os.listdir(server.data / "views")
    return sorted(one for one in names if one.startswith(f"{name}-") and one.endswith(".db"))


async def orders(server: Server, count: int) -> int:
    """Make some orders; gives the position of the last."""
    position = 0
    for number in range(count):
        position = (await server.send(create(f"o{number}"))).result.position
    return position


async def test_the_former_documents_answer_until_the_new_ones_do(
    server: Server, client: Client, gate: Gate
) -> None:
    position = await orders(server, 5)
    before = await client.orders.get_order(order_id="o1", min_position=position)
    edition, former = (await state_of(client)).edition, server.projector(VIEW)
    with gate.closed():
        state = (await client.admin.rebuild_view(view=VIEW)).view
        assert state.HasField("rebuilding")
        assert (await client.admin.rebuild_view(view=VIEW)).view.HasField("rebuilding")
        position = (await server.send(create("o5"))).result.position
        found = await client.orders.get_order(order_id="o5", min_position=position)
        assert found.order.order_id == "o5"
        assert server.projector(VIEW) is former
    state = await rebuilt(client)
    assert len(gate.processes) == 1
    assert not state.rebuild_error
    assert state.edition != edition
    assert server.projector(VIEW) is not former
    assert (await client.orders.get_order(order_id="o1")).order == before.order
    assert files_of(server) == [f"{VIEW}-{generation(DEFINED)}-2.db"]
    assert os.listdir(server.data / "views").count(f"{VIEW}-{generation(DEFINED)}-2.db.lock") == 0
    await client.orders.create_order(order_id="later", customer_id="c", currency_code="EUR")
    assert (await client.orders.get_order(order_id="later")).order.order_id == "later"
    await server.restart()
    assert (await state_of(client)).edition == state.edition


async def test_pages_go_on_over_a_rebuild_of_the_same_definition(server: Server, client: Client) -> None:
    first = await client.orders.list_current_orders(page_size=2, min_position=await orders(server, 5))
    await client.admin.rebuild_view(view="current-orders")
    await rebuilt(client, "current-orders")
    second = await client.orders.list_current_orders(page_size=9, page_token=first.next_page_token)
    assert [order.order_id for order in [*first.orders, *second.orders]] == [f"o{n}" for n in range(5)]


async def test_several_views_are_built_in_turn(server: Server, client: Client, gate: Gate) -> None:
    await orders(server, 3)
    for view in SHOP.views:
        await client.admin.rebuild_view(view=view.name)
    for view in SHOP.views:
        assert not (await rebuilt(client, view.name)).rebuild_error
    assert len(gate.processes) == len(SHOP.views)
    assert (await client.inventory.list_inventory()).freshness.lag_events == 0


async def test_a_process_that_is_killed_is_followed_by_another(
    server: Server, client: Client, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    await orders(server, 3)
    await client.admin.rebuild_view(view=VIEW)
    await until(lambda: gate.processes)
    gate.processes[0].kill()
    assert not (await rebuilt(client)).rebuild_error
    assert len(gate.processes) == 2
    assert f"The process that rebuilds the view {VIEW} ended with -9; another resumes it" in caplog.text


async def test_one_that_dies_whenever_it_is_started_is_given_up(
    server: Server, client: Client, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    await client.admin.rebuild_view(view=VIEW)
    state = await rebuilt(client)
    assert state.rebuild_error == "its process ended 6 times with 1, without progress"
    assert len(gate.processes) == rebuild_processes.ATTEMPTS
    assert not state.stopped


async def test_a_server_that_stops_meanwhile_goes_on_with_it_when_it_is_started(
    server: Server, client: Client, gate: Gate
) -> None:
    await orders(server, 3)
    edition = (await state_of(client)).edition
    await client.admin.rebuild_view(view=VIEW)
    await until(lambda: gate.processes)
    await server.stop()
    assert [process.wait(30) for process in gate.processes] == [-signal.SIGTERM]
    assert len(files_of(server)) == 2
    await server.start()
    state = await rebuilt(client)
    assert not state.rebuild_error
    assert state.edition != edition
    assert len(files_of(server)) == 1
    assert (await client.orders.get_order(order_id="o2")).order.order_id == "o2"


@pytest.fixture
async def formerly(new_log: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    """A server with a former definition of the view, and three orders."""
    shutil.copytree(new_log, tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / "views")
    former = [replace(view, revision=0) if view.name == VIEW else view for view in SHOP.views]
    monkeypatch.setattr(app, "load", lambda *_, **__: shop_with(former))
    server = Server(tmp_path / "data")
    await server.start()
    await orders(server, 3)
    monkeypatch.setattr(app, "load", lambda *_, **__: SHOP)
    try:
        yield server
    finally:
        await server.stop()


async def test_a_changed_definition_is_built_while_the_former_documents_answer(
    formerly: Server, gate: Gate
) -> None:
    server = formerly
    async with client_of(server) as client:
        position = (await client.events.head()).position
        await client.orders.get_order(order_id="o2", min_position=position)
        with gate.closed():
            await server.restart()
            state = await state_of(client)
            assert state.outdated
            assert state.HasField("rebuilding")
            found = await server.ask(GetOrderRequest(order_id="o2"))
            assert found.freshness.position == position
            await server.send(create("o3"))
            at_once = ReadOptions(min_position=position + 1, max_wait=Duration())
            behind = await refused(server.ask(GetOrderRequest(order_id="o3", options=at_once)))
            assert behind.reason == "VIEW_BEHIND"
            waits = ReadOptions(min_position=position + 1, max_wait=Duration(seconds=30))
            waiting = asyncio.ensure_future(server.ask(GetOrderRequest(order_id="o3", options=waits)))
            await asyncio.sleep(0.1)
            assert not waiting.done()
        assert (await waiting).order.order_id == "o3"
        state = await rebuilt(client)
        assert not state.outdated
        assert files_of(server) == [f"{VIEW}-{generation(DEFINED)}-2.db"]


async def test_an_interrupted_build_of_a_changed_definition_goes_on_after_a_restart(
    formerly: Server, gate: Gate
) -> None:
    server = formerly
    async with client_of(server) as client:
        with gate.closed():
            await server.restart()
            stopping = asyncio.create_task(server.stop())
            await asyncio.sleep(0.05)
        await stopping
        await server.start()
        assert not (await rebuilt(client)).outdated
        assert len(files_of(server)) == 1
        found = await client.orders.get_order(
            order_id="o2", min_position=(await client.events.head()).position
        )
        assert found.order.order_id == "o2"


async def test_code_that_was_installed_under_a_running_server_is_not_used(formerly: Server) -> None:
    async with client_of(formerly) as client:
        await client.admin.rebuild_view(view=VIEW)
        state = await rebuilt(client)
        assert "restart it" in state.rebuild_error
        assert not state.stopped
        assert len(files_of(formerly)) == 1


@pytest.mark.slow
async def test_a_view_that_has_nothing_and_is_far_behind_is_built_aside_and_answers_nothing_meanwhile(
    server: Server, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view_files, "FAR", 2)
    position = await orders(server, 3)
    with gate.closed():
        await server.stop()
        shutil.rmtree(server.data / "views")
        await server.start()
        async with client_of(server, retry=foldlog_client.Retry(attempts=1)) as client:
            state = await state_of(client)
            assert (state.outdated, state.position, state.lag_events) == (True, 0, position)
            stale = ReadOptions(min_position=1, max_wait=Duration(), when_behind=WHEN_BEHIND_ANSWER)
            missing = GetCustomerOrdersRequest(customer_id="c", options=stale)
            assert (await refused(server.ask(missing))).reason == "VIEW_REBUILDING"
            for request in (GetOrderRequest(order_id="o0"), ListCurrentOrdersRequest()):
                none_yet = await refused(server.ask(request))
                assert (none_yet.code, none_yet.reason) == (StatusCode.UNAVAILABLE, "VIEW_REBUILDING")
    async with client_of(server) as client:
        for view in SHOP.views:
            assert not (await rebuilt(client, view.name)).outdated
        assert len((await client.orders.list_current_orders(min_position=position)).orders) == 3
