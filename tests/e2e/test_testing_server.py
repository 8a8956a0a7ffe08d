"""`foldlog_server.testing`: a real server in a line, that leaves nothing behind."""

import asyncio
import importlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

import foldlog_client
from foldlog_client import Retry, sync
from foldlog_server import testing
from foldlog_server.domains.loading import DomainsUnfit
from tests.support import savings

ONCE = Retry(attempts=1)


def create(client: sync.Client, order_id: str) -> int:
    created = client.orders.create_order(order_id=order_id, customer_id="ada", currency_code="GBP")
    return created.result.position


def descriptors() -> list[str]:
    """What this process has open: files and sockets, by what they are."""
    open_ones = []
    for number in os.listdir("/proc/self/fd"):
        try:
            open_ones.append(os.readlink(f"/proc/self/fd/{number}"))
        except FileNotFoundError:
            continue  # the listing's own
    return sorted(one for one in open_ones if "foldlog" in one or one.startswith("socket:"))


def await_rebuilt(client: sync.Client) -> None:
    """Asks now and then: the process that rebuilds steps back for whoever is busy, such as one that asks on."""
    while any(view.HasField("rebuilding") for view in client.admin.list_views().views):
        time.sleep(0.02)


def is_listened_on(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as tried:
        return tried.connect_ex((host, int(port))) == 0


@pytest.fixture(autouse=True, scope="module")
def once() -> None:
    """What gRPC makes once for a process, a thread among it, is made before anybody counts."""

    async def ask() -> None:
        async with testing.server() as server, server.connect() as client:
            await client.events.head()

    asyncio.run(ask())


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary directories are made."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


def test_it_serves_code_that_blocks() -> None:
    with testing.server() as server, server.connect() as client:
        assert create(client, "1") == 1
        assert client.orders.get_order(order_id="1").order.customer_id == "ada"


async def test_it_serves_coroutines() -> None:
    async with testing.server() as server, server.connect() as client:
        await client.orders.create_order(order_id="1", customer_id="ada", currency_code="GBP")
        assert (await client.orders.get_order(order_id="1")).order.customer_id == "ada"


async def test_it_serves_the_client_of_the_other_kind() -> None:
    with testing.server() as server:
        async with foldlog_client.connect(server.address) as client:
            assert (await client.events.head()).position == 0
    async with testing.server() as other:
        with sync.connect(other.address) as blocking:
            assert create(blocking, "1") == 1  # blocks this loop, and not the server's


def test_several_at_once_have_logs_of_their_own() -> None:
    with testing.server() as one, testing.server() as other:
        with one.connect() as client, other.connect() as stranger:
            create(client, "1")
            with pytest.raises(foldlog_client.NotFound):
                stranger.orders.get_order(order_id="1")
        assert one.address != other.address


def test_a_restart_is_survived_by_a_client_and_a_subscription() -> None:
    with testing.server() as server, server.connect() as client, client.events.subscribe() as events:
        create(client, "1")
        assert next(events).position == 1
        address = server.address
        server.restart()
        assert server.address == address
        assert create(client, "2") == 2
        assert next(events).stream == "order-2"


async def test_a_restart_is_survived_by_coroutines() -> None:
    async with testing.server() as server, server.connect() as client:
        await client.orders.create_order(order_id="1", customer_id="ada", currency_code="GBP")
        await server.restart()
        assert (await client.orders.get_order(order_id="1")).order.customer_id == "ada"


def test_while_it_is_stopped_nobody_is_there() -> None:
    with testing.server() as server:
        server.stop()
        server.stop()
        with sync.connect(server.address, retry=ONCE) as client, pytest.raises(foldlog_client.Unavailable):
            create(client, "1")
        server.start()
        server.start()
        with server.connect() as client:
            assert create(client, "1") == 1


def test_a_view_is_built_anew_also_here() -> None:
    with testing.server() as server, server.connect() as client:
        create(client, "1")
        client.admin.rebuild_view(view="current-orders")
        await_rebuilt(client)
        assert [one.order_id for one in client.orders.iterate_current_orders()] == ["1"]


def test_it_serves_domains_by_name_and_rebuilds_their_views(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view is rebuilt by a process of its own, which finds the domain where this process did."""
    (tmp_path / "own.py").write_text("from foldlog_server.domains.orders import ORDERS as OWN")
    monkeypatch.syspath_prepend(str(tmp_path))
    with testing.server(domains=["own:OWN"], shop=False) as server, server.connect() as client:
        create(client, "1")
        client.admin.rebuild_view(view="current-orders")
        await_rebuilt(client)
        assert not any(view.rebuild_error for view in client.admin.list_views().views)
        assert [one.order_id for one in client.orders.iterate_current_orders()] == ["1"]
        with pytest.raises(foldlog_client.NotOffered):
            client.inventory.receive_stock(product_id="tea", name="Tea", quantity=3)


def test_a_domain_is_called_by_its_generated_client() -> None:
    savings.imported()
    client_class = importlib.import_module("savings.v1.sync_client").Client
    with testing.server(domains=[savings.NAME]) as server, server.connect(client_class) as client:
        client.savings.open(account_id="1", owner="Ada")
        assert client.savings.get_account(account_id="1").account.owner == "Ada"
        assert create(client, "1") == 2


async def test_a_domain_is_called_by_coroutines() -> None:
    savings.imported()
    client_class = importlib.import_module("savings.v1.async_client").Client
    async with testing.server(domains=[savings.NAME]) as server, server.connect(client_class) as client:
        await client.savings.open(account_id="1", owner="Ada")
        await server.restart()
        assert (await client.savings.get_account(account_id="1")).account.owner == "Ada"


def test_domains_that_do_not_fit_are_refused_at_the_start() -> None:
    with (
        pytest.raises(DomainsUnfit, match="there is no module nowhere"),
        testing.server(domains=["nowhere:ONE"]),
    ):
        pass


def test_nothing_is_left_behind(temporary: Path) -> None:
    with testing.server() as server, server.connect() as client:  # what is open once for all is open
        create(client, "1")
    threads, before = set(threading.enumerate()), descriptors()
    with testing.server() as server, server.connect() as client:
        create(client, "1")
        assert server.data.parent == temporary
    assert set(threading.enumerate()) == threads
    assert descriptors() == before
    assert os.listdir(temporary) == []
    assert not is_listened_on(server.address)


def test_an_error_in_the_block_leaves_nothing_either(temporary: Path) -> None:
    threads = set(threading.enumerate())
    with pytest.raises(KeyError), testing.server():
        raise KeyError
    assert (set(threading.enumerate()), os.listdir(temporary)) == (threads, [])


async def test_a_task_that_is_cancelled_leaves_nothing(temporary: Path) -> None:
    threads = set(threading.enumerate())
    serving = asyncio.Event()

    async def serve() -> None:
        async with testing.server():
            serving.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(serve())
    await serving.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (set(threading.enumerate()), os.listdir(temporary)) == (threads, [])


async def cancelled(work: Coroutine[None, None, None], passes: int) -> None:
    """Do it, and cancel it after so many passes of the loop."""
    task = asyncio.create_task(work)
    for _ in range(passes):
        await asyncio.sleep(0.001)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("passes", [1, 3, 10, 30])
async def test_a_start_that_is_cancelled_leaves_nothing(passes: int, temporary: Path) -> None:
    threads = set(threading.enumerate())

    async def serve() -> None:
        async with testing.server():
            pass

    await cancelled(serve(), passes)
    assert (set(threading.enumerate()), os.listdir(temporary)) == (threads, [])


@pytest.mark.parametrize("passes", [1, 3, 10, 30])
async def test_a_restart_that_is_cancelled_is_done_to_its_end(passes: int) -> None:
    async with testing.server() as server:
        await cancelled(server.restart(), passes)
        await server.start()
        async with server.connect() as client:
            assert (await client.events.head()).position == 0


def test_many_threads_restart_it_one_after_the_other() -> None:
    with testing.server() as server:
        with ThreadPoolExecutor(4) as threads:
            for restarted in [threads.submit(server.restart) for _ in range(4)]:
                restarted.result()
        with server.connect() as client:
            assert create(client, "1") == 1


def test_the_error_of_a_block_that_removed_the_directory_is_not_hidden(temporary: Path) -> None:
    def fail() -> None:
        with testing.server() as server:
            shutil.rmtree(server.data)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert os.listdir(temporary) == []


def test_one_server_is_not_opened_twice_at_a_time(temporary: Path) -> None:
    opening = testing.server()
    with opening as server:
        with pytest.raises(RuntimeError, match="runs already"), opening:
            pass
        with server.connect() as client:
            assert create(client, "1") == 1
    with opening as server, server.connect() as client:
        assert create(client, "1") == 1
    assert os.listdir(temporary) == []


async def test_after_its_block_it_is_gone_for_good() -> None:
    with testing.server() as server:
        pass
    async with testing.server() as other:
        pass
    with pytest.raises(RuntimeError, match="has ended with its"):
        server.start()
    with pytest.raises(RuntimeError, match="has ended with its"):
        await other.start()


def test_a_directory_that_is_given_is_served_and_stays(tmp_path: Path, temporary: Path) -> None:
    for position in (1, 2):
        with testing.server(tmp_path / "mine") as server, server.connect() as client:
            assert create(client, str(position)) == position
    assert (tmp_path / "mine" / "log.db").exists()
    assert os.listdir(temporary) == []


def test_what_cannot_be_served_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    threads = set(threading.enumerate())
    (tmp_path / "file").touch()
    with pytest.raises(Exception, match="file"), testing.server(tmp_path / "file"):
        pass
    assert set(threading.enumerate()) == threads


def test_without_the_extra_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['aiosqlite'] = None; import foldlog_server.testing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    told = done.stderr.splitlines()[-1]
    assert "no aiosqlite. Run: pip install 'foldlog[server]'" in told
