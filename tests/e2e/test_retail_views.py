"""Views under a month of real invoices: watched through cuts and rebuilds, and built anew under load and kills."""

import asyncio
import os
import random
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import foldlog_client
from examples.online_retail.invoices import Invoices, read_invoices
from examples.online_retail.replay import Replay, Tally
from examples.online_retail.rows import read_rows
from foldlog.v1.admin_service_pb2 import ViewState
from foldlog_client import Client, Retry
from foldlog_server.app import app
from foldlog_server.domain.view import Key
from foldlog_server.domains.orders.views.current_orders import CURRENT_ORDERS
from foldlog_server.domains.shop import SHOP
from foldlog_server.log.events import AnyRecordedEvent
from foldlog_server.stores.views import view_files
from tests.support.domains import shop_with
from tests.support.mirror import Mirror
from tests.support.processes import serving
from tests.support.relay import relayed
from tests.support.server import serving as running

DATA = os.environ.get("FOLDLOG_RETAIL_DATA")
VIEW = "current-orders"
CUTS = 100
SECONDS = 600
ONCE = Retry(attempts=1)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        DATA is None, reason="FOLDLOG_RETAIL_DATA names no file of the Online Retail data set"
    ),
]


@pytest.fixture(scope="module")
def invoices() -> Invoices:
    return read_invoices(read_rows(Path(str(DATA)), ""))


@pytest.fixture
def port() -> int:
    """One that is free, so that a server can be started again on it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@asynccontextmanager
async def served(data: Path, port: int) -> AsyncIterator[tuple[Any, Client]]:
    """A server process, and a client that takes no second attempt for what fails."""
    async with (
        serving(data, "--listen", f"127.0.0.1:{port}") as server,
        foldlog_client.connect(server.address, retry=ONCE) as client,
    ):
        yield server, client


async def state_of(client: Client, view: str = VIEW) -> ViewState:
    return next(state for state in (await client.admin.list_views()).views if state.name == view)


async def rebuilt(client: Client, view: str = VIEW) -> ViewState:
    async with asyncio.timeout(SECONDS):
        while (state := await state_of(client, view)).HasField("rebuilding"):  # noqa: ASYNC110  another asks
            await asyncio.sleep(0.01)
    assert not state.rebuild_error
    return state


async def current_orders(client: Client) -> dict[str, Any]:
    head = (await client.events.head()).position
    pages = client.orders.iterate_current_orders(page_size=1000, min_position=head)
    return {order.order_id: order async for order in pages}


async def test_a_watch_through_an_import_ends_with_the_documents_of_its_view(
    invoices: Invoices, port: int, tmp_path: Path
) -> None:
    """Its connection is cut a hundred times, and its view is built anew twice."""
    mirror, tally, lines = Mirror("order_id"), Tally(), invoices.line_count
    async with (
        served(tmp_path / "data", port) as (_, client),
        relayed(port, random.Random(4), within=10_000) as (relay, address),
    ):
        relay.may_cut = CUTS

        async def import_all() -> int:
            async with foldlog_client.connect(f"127.0.0.1:{port}", timeout=60) as importer:
                await Replay(importer, tally).run(invoices)
            return (await client.events.head()).position

        async def rebuild_twice() -> None:
            for share in (0.3, 0.6):
                while tally.lines < share * lines:  # noqa: ASYNC110  another counts
                    await asyncio.sleep(0.05)
                await client.admin.rebuild_view(view=VIEW)
                await rebuilt(client)

        importing = asyncio.create_task(import_all())
        rebuilding = asyncio.create_task(rebuild_twice())
        quick = Retry(first=0.01, longest=0.05)
        async with (
            asyncio.timeout(SECONDS),
            foldlog_client.connect(address, retry=quick) as watcher,
            watcher.orders.watch_current_orders() as watch,
        ):
            while not (importing.done() and mirror.position >= importing.result()):
                mirror.take(await anext(watch))
        await rebuilding
        assert relay.cuts == CUTS
        assert mirror.documents == await current_orders(client)
        assert len(mirror.documents) == len(invoices.orders)


async def test_a_view_is_rebuilt_under_load_without_a_failed_query_and_through_a_kill(
    invoices: Invoices, port: int, tmp_path: Path
) -> None:
    async with served(tmp_path / "data", port) as (server, client):
        async with foldlog_client.connect(server.address, timeout=60) as importer:
            await Replay(importer, Tally(), whole=True).run(invoices)
        former, before = (await state_of(client)).edition, await current_orders(client)
        load = Load(client, before)
        await client.admin.rebuild_view(view=VIEW)
        during = await state_of(client)
        assert during.HasField("rebuilding")
        assert during.edition == former
        state = await rebuilt(client)
        assert state.edition != former
        assert await load.ended()
        assert await current_orders(client) == before
        await killed_half_way(server, client)
    [building] = [
        path
        for path in (tmp_path / "data" / "views").glob(f"{VIEW}-*.db")
        if (contents := view_files.contents_of(path)) and not contents.is_complete
    ]
    async with served(tmp_path / "data", port) as (_, client):
        assert await current_orders(client) == before
        after = await rebuilt(client)
        assert after.edition not in (former, state.edition)
        assert await current_orders(client) == before
        assert [path.name for path in (tmp_path / "data" / "views").glob(f"{VIEW}-*.db")] == [building.name]


def as_it_was(key: Key, document: Any, recorded: AnyRecordedEvent) -> Any:
    """What a former release made of orders."""
    order: Any = CURRENT_ORDERS.evolve(key, document, recorded)
    if order is not None:
        order.customer_name = f"former {order.customer_name.removeprefix('former ')}"
    return order


async def test_a_changed_view_answers_from_its_former_documents_until_it_is_rebuilt(
    invoices: Invoices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = [
        replace(view, revision=0, evolve=as_it_was) if view.name == VIEW else view for view in SHOP.views
    ]
    with monkeypatch.context() as patch:
        patch.setattr(app, "load", lambda *_, **__: shop_with(former))
        async with (
            running(tmp_path) as server,
            foldlog_client.connect(server.address, timeout=60) as importer,
        ):
            await Replay(importer, Tally(), whole=True).run(invoices)
            before = await current_orders(importer)
    assert all(order.customer_name.startswith("former ") for order in before.values())
    after = {id: type(order).FromString(order.SerializeToString()) for id, order in before.items()}
    for order in after.values():
        order.customer_name = order.customer_name.removeprefix("former ")
    async with running(tmp_path) as server, foldlog_client.connect(server.address, retry=ONCE) as client:
        load = Load(client, before, after)
        assert (await state_of(client)).outdated
        await rebuilt(client)
        await load.ended()
        assert load.former > 0
        assert await current_orders(client) == after


class Load:
    """Eight who ask without rest, and each of whose queries is answered, as it should be.

    A page has documents of one edition; who has seen the new ones sees no former one again.
    """

    def __init__(
        self, client: Client, expected: dict[str, Any], renewed: dict[str, Any] | None = None
    ) -> None:
        self._client = client
        self._expected = expected
        self._renewed = expected if renewed is None else renewed
        self._queries = 0
        self.former = 0
        """So many pages were of the former edition."""
        self._is_over = False
        self._tasks = [asyncio.create_task(self._ask(random.Random(seed))) for seed in range(8)]

    async def _ask(self, chance: random.Random) -> None:
        editions = [self._expected, self._renewed]
        while not self._is_over:
            page = await self._client.orders.list_current_orders(page_size=chance.randint(1, 50))
            while any(order != editions[0][order.order_id] for order in page.orders):
                editions.pop(0)
            self.former += len(editions) - 1
            id = chance.choice(list(self._expected))
            whole = await self._client.orders.get_order(order_id=id)
            assert whole.order.customer_id == self._expected[id].customer_id
            self._queries += 2

    async def ended(self) -> int:
        """How many queries were answered; raises what one of them raised."""
        self._is_over = True
        await asyncio.gather(*self._tasks)
        return self._queries


async def killed_half_way(server: Any, client: Client) -> None:
    """Kill the server while a view is half built; where it was built before that was seen, it is built again."""
    for _ in range(20):
        await client.admin.rebuild_view(view=VIEW)
        while (state := await state_of(client)).HasField("rebuilding"):
            if 0 < state.rebuilding.position < state.rebuilding.target:
                server.process.send_signal(signal.SIGKILL)
                await server.process.wait()
                return
    pytest.fail("no rebuild was seen half-way")
