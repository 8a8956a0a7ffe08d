"""What many racing clients observed is explained by the log, though the server is killed, or its disk fails."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog.orders.v1.commands_pb2 import CreateOrder
from foldlog_server.stores.sqlite import batch_insert, writer
from tests.support.clients import ORDERS, PRODUCTS, Clients
from tests.support.dying import Dying, dying
from tests.support.server import serving
from tests.support.wire import SECONDS, Wire

WORKERS = 12


async def stocked(wire: Wire) -> int:
    """Fill a shop; gives the position where it ends."""
    for order_id in ORDERS:
        await wire.send(CreateOrder(order_id=order_id, customer_id="ada", currency_code="GBP"))
    for product_id in PRODUCTS:
        await wire.send(ReceiveStock(product_id=product_id, quantity=5))
    return int((await wire.head()).position)


async def worked(clients: Clients, commands: int) -> None:
    """Everyone is through; whoever waits for ever is a deadlock."""
    await asyncio.wait_for(asyncio.gather(*(clients.work(commands) for _ in range(WORKERS))), 5 * SECONDS)


async def test_what_racing_clients_observed_is_explained_by_the_log(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", cached_aggregates=2) as server:
        before = await stocked(server)
        clients = Clients(server, seed=1)
        await worked(clients, 12)
        assert await clients.flaws(before) == []


@pytest.mark.parametrize("seed", [2, pytest.param(3, marks=pytest.mark.slow)])
async def test_batches_that_fail_change_nothing_of_what_clients_may_rely_on(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = 0

    def commit(connection: sqlite3.Connection, *rows: Any) -> None:
        nonlocal commits
        commits += 1
        if commits % 3 == 0:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        if commits % 5 == 0 and len(rows[1]) > 1:  # what conflicts with itself alone is a broken log
            raise sqlite3.IntegrityError("UNIQUE constraint failed")
        batch_insert.commit(connection, *rows)

    async with serving(tmp_path / "data", cached_aggregates=2) as server:
        before = await stocked(server)
        monkeypatch.setattr(writer, "commit", commit)
        clients = Clients(server, seed)
        await worked(clients, 12)
        full = [call for call in clients.history.calls if getattr(call.answer, "reason", "") == "STORE_FULL"]
        assert full
        assert await clients.flaws(before) == []


async def killed_and_served_again(data: Path, clients: Clients, commands: int, kills: int) -> None:
    clients.served.clear()
    working = asyncio.ensure_future(worked(clients, commands))
    for kill in range(1, kills + 1):
        async with asked(data, clients) as server:
            await clients.until_answered(kill * WORKERS * commands // (kills + 1))
            server.process.kill()
            await server.ended()
    async with asked(data, clients):
        await working


@asynccontextmanager
async def asked(data: Path, clients: Clients) -> AsyncIterator[Dying]:
    """A server that the clients ask for as long as it lasts."""
    async with dying(data) as server:
        clients.wire = server
        clients.served.set()
        yield server
        clients.served.clear()
        await asyncio.sleep(0)  # whoever has begun makes its call while there is a channel


@pytest.mark.parametrize(
    ("commands", "kills"), [(12, 1), pytest.param(60, 8, marks=pytest.mark.slow)], ids=["short", "long"]
)
async def test_what_clients_observed_of_a_server_that_is_killed_is_explained_by_the_log(
    tmp_path: Path, commands: int, kills: int
) -> None:
    async with serving(tmp_path / "data") as server:
        before = await stocked(server)
    clients = Clients(server, seed=commands)
    await killed_and_served_again(tmp_path / "data", clients, commands, kills)
    unknown = [call for call in clients.history.calls if call.answer is None]
    assert unknown
    async with serving(tmp_path / "data") as server:
        clients.wire = server
        assert await clients.flaws(before) == []
