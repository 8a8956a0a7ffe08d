"""A server for which something is short refuses what it cannot do, goes on, and does it when it can again."""

import asyncio
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import foldlog_client
from foldlog_client import Client, Retry
from tests.support.processes import Served, ended, limits, serving

ONCE = Retry(attempts=1)
FILES = "ulimit -n 120"
FILE_SIZE = "ulimit -f 3000"
"""Of a file's size, in blocks of 512 or 1,024 bytes, as the shell has it."""

BIG = "x" * 200


async def create(client: Client, order_id: str) -> None:
    await client.orders.create_order(
        order_id=order_id, customer_id="ada", customer_name=BIG, currency_code="GBP"
    )


@pytest.mark.slow
async def test_under_load_a_file_that_may_not_grow_refuses_commands_and_nothing_else(tmp_path: Path) -> None:
    stored: list[str] = []
    refusals: Counter[tuple[str, str]] = Counter()

    async def attempt(client: Client, order_id: str) -> None:
        try:
            await create(client, order_id)
        except foldlog_client.Exhausted as refusal:
            refusals[refusal.reason, refusal.metadata["cause"]] += 1
        else:
            stored.append(order_id)

    async with serving(tmp_path, under=limits(FILE_SIZE)) as server:
        async with foldlog_client.connect(server.address, retry=ONCE) as client:
            for start in range(0, 20_000, 100):
                await asyncio.gather(*(attempt(client, str(start + number)) for number in range(100)))
                if refusals.total() > 3_000:
                    break
            assert set(refusals) == {("STORE_FULL", "file_too_large")}
            assert len(stored) > 500
            await all_are_there(client, stored)
        result = await server.stop()
    assert result.code == 0
    assert "Nothing can be stored: a file may not grow any further" in result.errors

    async with serving(tmp_path) as again, foldlog_client.connect(again.address) as client:
        await create(client, "another")
        await all_are_there(client, [*stored, "another"])


async def all_are_there(client: Client, stored: list[str]) -> None:
    """In the log and, when they have gone on, in a view whose files may not grow either."""
    streams = {event.stream async for event in client.events.read_all()}
    assert streams == {f"order-{order_id}" for order_id in stored}
    listed = {order.order_id async for order in client.orders.iterate_current_orders()}
    assert listed == set(stored)


@contextmanager
def idle_connections(address: str, count: int) -> Iterator[None]:
    host, _, port = address.rpartition(":")
    with ExitStack() as opened:
        for _ in range(count):
            opened.enter_context(socket.create_connection((host, int(port))))
        yield


def everything(client: Client) -> dict[str, Callable[[], Awaitable[object]]]:
    """A call of each kind that reads files of its own."""
    return {
        "command": lambda: create(client, "2"),
        "document": lambda: client.orders.get_order(order_id="1"),
        "list": lambda: client.orders.list_current_orders(),
        "history": lambda: client.orders.get_order_history(order_id="1"),
        "stock": lambda: client.inventory.list_inventory(),
        "log": lambda: client.events.head(),
    }


async def test_idle_connections_leave_a_server_what_it_needs_for_those_whom_it_serves(tmp_path: Path) -> None:
    async with serving(tmp_path, under=limits(FILES)) as server:
        async with foldlog_client.connect(server.address, retry=ONCE) as client:
            await create(client, "1")
            with idle_connections(server.address, 170):
                for call in everything(client).values():
                    await call()
        assert (await server.stop()).code == 0


async def test_who_comes_to_a_server_that_can_take_no_more_is_told_so_and_is_served_later(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, under=limits(FILES)) as server:
        async with foldlog_client.connect(server.address) as client:
            with idle_connections(server.address, 170):
                async with foldlog_client.connect(server.address, retry=ONCE) as late:
                    with pytest.raises(foldlog_client.Unavailable):
                        await late.events.head()
            await create(client, "1")
            assert (await client.orders.list_current_orders()).orders
        assert (await server.stop()).code == 0


# The system's calls fail


def _can_trace() -> bool:
    strace = shutil.which("strace")
    return strace is not None and subprocess.run([strace, "-o", "/dev/null", "true"]).returncode == 0


traced = pytest.mark.skipif(not _can_trace(), reason="it takes strace, and the right to trace a process")


async def outcome(server: Served, call: Callable[[Client], Awaitable[object]]) -> foldlog_client.FoldlogError:
    async with foldlog_client.connect(server.address, retry=ONCE) as client:
        with pytest.raises(foldlog_client.FoldlogError) as caught:
            await call(client)
    return caught.value


@pytest.fixture
def data(new_log: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(new_log, tmp_path / "data"))


async def attached(server: Served, *arguments: str) -> asyncio.subprocess.Process:
    """strace on a server that runs."""
    tracer = await asyncio.create_subprocess_exec(
        "strace",
        "-f",
        "-p",
        str(server.process.pid),
        *arguments,
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert tracer.stderr is not None
    line = b""
    while b"attached" not in line:
        line = await asyncio.wait_for(tracer.stderr.readline(), 30)
        assert line, "strace has ended"
    return tracer


async def let_go(tracer: asyncio.subprocess.Process) -> None:
    if tracer.returncode is None:
        tracer.terminate()
    await tracer.communicate()


@traced
async def test_a_sync_that_fails_leaves_unknown_what_was_stored_and_ends_the_server(data: Path) -> None:
    async with serving(data) as server:
        tracer = await attached(server, "-e", "inject=fdatasync,fsync:error=EIO", "-o", "/dev/null")
        try:
            error = await outcome(server, lambda client: create(client, "1"))
            result = await ended(server.process)
        finally:
            await let_go(tracer)
    assert error.reason == "STORE_UNAVAILABLE"
    assert result.code == 1
    assert "Traceback" not in result.errors


@traced
async def test_a_disk_that_cannot_be_read_is_told_and_the_server_goes_on(data: Path) -> None:
    async with serving(data) as server:
        async with foldlog_client.connect(server.address) as client:
            for number in range(200):
                await create(client, f"{number}")
        await server.stop()
    async with serving(data) as server:
        async with foldlog_client.connect(server.address) as client:
            tracer = await attached(
                server, "-e", "inject=pread64:error=EIO", "-P", str(data / "log.db"), "-o", "/dev/null"
            )
            try:
                told = await outcome(server, lambda client: client.orders.get_order_history(order_id="7"))
            finally:
                await let_go(tracer)
            assert isinstance(told, foldlog_client.DataDamaged)  # as SQLite has it
            assert (await client.orders.get_order_history(order_id="7")).entries
        result = await server.stop()
    assert result.code == 0
    assert result.errors.count("The log is damaged. What needs it is refused") == 1


@traced
@pytest.mark.parametrize(
    ("errno", "reason", "cause"),
    [
        ("ENOSPC", "STORE_FULL", "full"),
        ("EDQUOT", "STORE_FULL", "quota"),
        ("EFBIG", "STORE_FULL", "file_too_large"),
        ("EROFS", "STORE_HINDERED", "read_only"),
        ("EIO", "STORE_HINDERED", "io_error"),
    ],
)
async def test_a_write_that_fails_stores_nothing_and_the_server_goes_on(
    data: Path, errno: str, reason: str, cause: str
) -> None:
    async with serving(data) as server:
        async with foldlog_client.connect(server.address) as client:
            await create(client, "0")
            await client.orders.get_order(order_id="0")  # the views have seen it
            tracer = await attached(server, "-e", f"inject=pwrite64:error={errno}", "-o", "/dev/null")
            try:
                error = await outcome(server, lambda client: create(client, "1"))
                assert (await client.orders.get_order(order_id="0")).order.order_id == "0"
            finally:
                await let_go(tracer)
            assert (error.reason, error.metadata) == (reason, {"cause": cause})
            assert error.retry_after
            await create(client, "1")
            await all_are_there(client, ["0", "1"])
        result = await server.stop()
    assert result.code == 0
    assert result.errors.count("Nothing can be stored: ") == 1
    assert result.errors.count("Commands are stored again.") == 1
