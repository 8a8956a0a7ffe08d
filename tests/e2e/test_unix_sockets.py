"""A server on a Unix socket: served, asked and let go of like one on a port, and never taken away by another."""

import os
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import foldlog_client
from foldlog_client import sync
from tests.support.processes import Ended, Served, foldlog, serving

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no Unix sockets")


@pytest.fixture
def data(new_log: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(new_log, tmp_path / "data"))


@pytest.fixture
def path() -> Iterator[Path]:
    """With a short name: a socket's path is at most 107 bytes long."""
    directory = Path(tempfile.mkdtemp(prefix="foldlog-"))
    yield directory / "foldlog socket ż"
    shutil.rmtree(directory)


async def answers(address: str) -> bool:
    async with foldlog_client.connect(address, retry=foldlog_client.Retry(attempts=1)) as client:
        try:
            await client.events.head()
        except foldlog_client.Unavailable:
            return False
        return True


async def refused(data: Path, path: Path) -> str:
    """What a server says that cannot listen there, and has made nothing of its data directory."""
    told = await foldlog("serve", "--data", data, "--listen", f"unix:{path}")
    assert (told.code, told.output, os.listdir(data.parent)) == (1, "", [])
    [line] = told.errors.splitlines()
    assert line.startswith(f"foldlog: Cannot listen on unix:{path}: ")
    return line


async def test_all_that_asks_a_server_asks_one_on_a_unix_socket(data: Path, path: Path) -> None:
    address = f"unix:{path}"
    async with serving(data, "--listen", address) as server:
        assert (
            server.greeting == f"{server.greeting.partition(' at ')[0]} at {address}. Stop it with Ctrl-C.\n"
        )
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        async with foldlog_client.connect(address) as client:
            await client.orders.create_order(order_id="1", customer_id="ada", currency_code="GBP")
        with sync.connect(f"unix://{path}") as other:
            assert other.orders.get_order(order_id="1", latest=True).order.order_id == "1"
        for command in (("views", "list"), ("events", "tail", "--no-follow", "--after", "0")):
            told = await foldlog(*command, "--address", address)
            assert (told.code, told.errors) == (0, "")
        told = await foldlog("views", "list", FOLDLOG_ADDRESS=address, http_proxy="http://127.0.0.1:1")
        assert (told.code, told.errors) == (0, "")
        assert await server.stop() == Ended(0, "", "")
    assert os.listdir(path.parent) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has an abstract namespace")
async def test_an_abstract_socket_is_served_by_one(data: Path, tmp_path: Path) -> None:
    address = f"unix-abstract:foldlog test {os.getpid()}"
    async with serving(data, "--listen", address) as server:
        assert server.address == address
        assert await answers(address)
        told = await foldlog("serve", "--data", tmp_path / "other", "--listen", address)
        assert (told.code, (tmp_path / "other").exists()) == (1, False)
        assert f"Cannot listen on {address}: another program does" in told.errors
        assert await answers(address)
        assert await server.stop() == Ended(0, "", "")


async def test_a_second_server_takes_no_socket_away(data: Path, path: Path, tmp_path: Path) -> None:
    os.mkdir(tmp_path / "empty")
    async with serving(data, "--listen", f"unix:{path}") as server:
        line = await refused(tmp_path / "empty" / "other", path)
        assert line.endswith(": another server listens there. Stop it, or choose another path.")
        again = await foldlog("serve", "--data", data, "--listen", f"unix:{path}")
        assert (again.code, again.output) == (1, "")
        assert await answers(f"unix:{path}")
        assert await server.stop() == Ended(0, "", "")


async def test_a_server_whose_data_another_one_has_takes_no_socket_away(data: Path, path: Path) -> None:
    async with serving(data, "--listen", f"unix:{path}") as server:
        elsewhere = path.with_name("other")
        told = await foldlog("serve", "--data", data, "--listen", f"unix:{elsewhere}")
        assert (told.code, elsewhere.exists()) == (1, False)
        assert "Another server is using the data directory" in told.errors
        assert await answers(f"unix:{path}")
        assert await server.stop() == Ended(0, "", "")


async def test_a_socket_that_a_killed_server_left_is_replaced(data: Path, path: Path) -> None:
    async with serving(data, "--listen", f"unix:{path}") as server:
        await server.stop(signal.SIGKILL)
    assert stat.S_ISSOCK(os.stat(path).st_mode)
    async with serving(data, "--listen", f"unix:{path}") as server:
        assert await answers(f"unix:{path}")
        assert await server.stop() == Ended(0, "", "")


async def test_what_is_no_socket_is_left_alone(tmp_path: Path, path: Path) -> None:
    os.mkdir(path)
    assert "no socket" in await refused(tmp_path / "data", path)
    assert os.listdir(path.parent) == [path.name]


async def test_a_stop_takes_nobody_elses_socket_away(data: Path, new_log: Path, path: Path) -> None:
    other = Path(shutil.copytree(new_log, data.with_name("other")))
    first: Served
    async with serving(data, "--listen", f"unix:{path}") as first:
        os.unlink(path)
        async with serving(other, "--listen", f"unix:{path}") as second:
            assert await first.stop() == Ended(0, "", "")
            assert await answers(f"unix:{path}")
            assert await second.stop() == Ended(0, "", "")
