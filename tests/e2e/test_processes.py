"""The `foldlog` command as a process of its own: what it prints, how it exits, what outlives it."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sqlite3
import uuid
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import foldlog_client
from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog.v1.event_service_pb2 import SubscribeRequest
from foldlog_client import Client, Retry
from foldlog_server import __version__
from tests.conformance.shop import of_another_history
from tests.support.older_release import takes_any_new_name
from tests.support.order_stories import line, money
from tests.support.processes import FOLDLOG, Ended, ended, foldlog, serving, started
from tests.support.server import serving as in_this_process
from tests.support.wire import SECONDS, connected

TEA = line("tea", 1, money("3"))


@pytest.fixture
def data(new_log: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(new_log, tmp_path / "data"))


async def created(client: Client, order_id: str, **options: Any) -> Any:
    return await client.orders.create_order(
        order_id=order_id, customer_id="ada", currency_code="GBP", **options
    )


def one_line(errors: str) -> str:
    """All that was said of what went wrong: one line, with no trace of the insides."""
    [found] = errors.splitlines()
    assert found.startswith("foldlog: ")
    return found


# Serving


async def test_a_server_says_where_it_is_serves_and_ends_at_sigterm(data: Path) -> None:
    async with serving(data) as server:
        assert server.greeting.startswith(f"Foldlog {__version__} serves {data} at 127.0.0.1:")
        async with foldlog_client.connect(server.address) as client:
            await created(client, "1")
            assert (await client.orders.get_order(order_id="1")).order.order_id == "1"
        assert await server.stop() == Ended(0, "", "")


async def test_a_server_ends_at_ctrl_c_with_readers_connected(data: Path) -> None:
    async with serving(data) as server:
        channel = connected(server.address)
        path = "/foldlog.v1.EventService/Subscribe"
        opened: Any = channel.unary_stream(path)
        call = opened(SubscribeRequest().SerializeToString())
        await call.read()
        result = await server.stop(signal.SIGINT)
        await channel.close()
        assert result == Ended(0, "", "")


async def test_a_second_ctrl_c_ends_a_server_that_is_stopping_at_once(data: Path) -> None:
    async with serving(data, "--listen", "127.0.0.1:0", "--grace", f"{10 * SECONDS}") as server:
        async with foldlog_client.connect(server.address, retry=Retry(attempts=1)) as client:
            # A stop lasts as long as a command that waits for another writer of the log's file.
            with closing(sqlite3.connect(data / "log.db")) as other:
                other.execute("BEGIN IMMEDIATE")
                waiting = asyncio.ensure_future(created(client, "1"))
                channel = connected(server.address)
                watch: Any = channel.unary_stream("/grpc.health.v1.Health/Watch")
                health = watch(b"")
                await health.read()
                server.process.send_signal(signal.SIGINT)
                await health.read()  # it is stopping
                result = await server.stop(signal.SIGINT)
                with pytest.raises(foldlog_client.FoldlogError):
                    await waiting
                await channel.close()
        assert result == Ended(-signal.SIGINT, "", "")


async def test_a_server_whose_greeting_nobody_reads_ends(data: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = await asyncio.create_subprocess_exec(
        *(FOLDLOG, "serve", "--data", data, "--listen", "127.0.0.1:0"),
        stdout=writer,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writer)
    result = await ended(process)
    assert "Traceback" not in result.errors


async def test_a_server_makes_its_data_directory_and_finds_it_again(tmp_path: Path) -> None:
    data = tmp_path / "not" / "there yet"
    async with serving(data) as server, foldlog_client.connect(server.address) as client:
        await created(client, "1")
        await server.stop()
    assert (data / "log.db").is_file()
    async with serving(data) as server, foldlog_client.connect(server.address) as client:
        assert (await client.orders.get_order(order_id="1")).order.order_id == "1"


async def test_an_environment_variable_says_where_to_listen(data: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    async with serving(data, "--log-level", "error", FOLDLOG_LISTEN=address) as server:
        assert server.address == address


async def test_a_server_open_to_other_machines_warns_in_one_line(data: Path) -> None:
    async with serving(data, "--listen", "0.0.0.0:0") as server:
        result = await server.stop()
    assert (result.code, result.output) == (0, "")
    [told] = result.errors.splitlines()
    assert f"WARNING foldlog: {server.address} is open to other machines" in told
    assert "no TLS and no authentication: everybody who reaches the port may do everything" in told


async def test_a_refusal_is_one_line_of_the_log(data: Path) -> None:
    async with serving(data) as server:
        async with foldlog_client.connect(server.address) as client:
            with pytest.raises(foldlog_client.NotFound):
                await client.orders.get_order(order_id="none")
        result = await server.stop()
        [told] = result.errors.splitlines()
        assert "QueryService.GetOrder refused: ORDER_NOT_FOUND" in told


@pytest.mark.parametrize("level", ["info", "debug"])
async def test_ids_of_persons_are_logged_at_debug_alone(data: Path, level: str) -> None:
    async with serving(data, "--listen", "127.0.0.1:0", "--log-level", level) as server:
        async with foldlog_client.connect(server.address) as client:
            with pytest.raises(foldlog_client.NotFound, match="Lovelace"):
                await client.orders.get_customer_orders(customer_id="Lovelace")
            with pytest.raises(foldlog_client.NotFound):
                await client.orders.get_order(order_id="1815")
        result = await server.stop()
    assert "CUSTOMER_NOT_FOUND" in result.errors
    assert "1815" in result.errors
    assert ("Lovelace" in result.errors) == (level == "debug")


async def test_a_line_of_the_log_cannot_be_forged(data: Path) -> None:
    async with serving(data) as server:
        async with foldlog_client.connect(server.address) as client:
            with pytest.raises(foldlog_client.NotFound):
                await client.inventory.get_stock(product_id="tea\u2028\u202elost")
        result = await server.stop()
    assert "\\u2028\\u202elost" in result.errors
    assert len(result.errors.splitlines()) == 1


# What stands in the way


async def test_a_busy_port_is_told_in_one_line_and_leaves_nothing_behind(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        address = f"127.0.0.1:{busy.getsockname()[1]}"
        result = await foldlog("serve", "--data", data, "--listen", address)
    assert (result.code, result.output) == (1, "")
    told = one_line(result.errors)
    assert f"Cannot listen on {address}" in told
    assert told.endswith("or choose another address with --listen or FOLDLOG_LISTEN.")
    assert not data.exists()


async def test_a_directory_of_another_server_is_told_in_one_line(data: Path) -> None:
    async with serving(data) as server:
        result = await foldlog("serve", "--data", data, "--listen", "127.0.0.1:0")
        assert (result.code, result.output) == (1, "")
        assert f"Another server is using the data directory {data}" in one_line(result.errors)
        async with foldlog_client.connect(server.address) as client:
            await created(client, "1")


async def test_a_newer_format_is_told_in_one_line_and_not_touched(data: Path) -> None:
    log = data / "log.db"
    connection = sqlite3.connect(log)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = log.read_bytes()
    result = await foldlog("serve", "--data", data, "--listen", "127.0.0.1:0")
    assert (result.code, result.output) == (1, "")
    assert f"{log} has format 99" in one_line(result.errors)
    assert log.read_bytes() == before


async def test_a_file_that_is_no_log_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_text("a shopping list, and not a log at all" * 100)
    result = await foldlog("serve", "--data", tmp_path, "--listen", "127.0.0.1:0")
    assert (result.code, result.output) == (1, "")
    assert "is not a Foldlog log" in one_line(result.errors)


async def test_a_directory_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = await foldlog("serve", "--data", tmp_path / "file" / "data", "--listen", "127.0.0.1:0")
    assert (result.code, result.output) == (1, "")
    assert "cannot be used" in one_line(result.errors)


async def test_views_that_cannot_be_written_are_told_in_one_line(data: Path) -> None:
    shutil.rmtree(data / "views")
    (data / "views").touch()
    result = await foldlog("serve", "--data", data, "--listen", "127.0.0.1:0")
    assert (result.code, result.output) == (1, "")
    assert "views" in one_line(result.errors)


WRONG: list[tuple[list[str], Mapping[str, str]]] = [
    (["--listen", "nonsense"], {}),
    (["--listen", "127.0.0.1:99999"], {}),
    (["--grace", "soon"], {}),
    (["--request-window", "0"], {}),
    (["--log-level", "loud"], {}),
    (["--no-such-setting"], {}),
    ([], {"FOLDLOG_LISTEN": "nonsense"}),
    ([], {"FOLDLOG_CACHED_AGGREGATES": "0"}),
]


async def test_a_wrong_setting_ends_with_exit_code_2(tmp_path: Path) -> None:
    data = tmp_path / "data"
    serving = (foldlog("serve", "--data", data, *arguments, **variables) for arguments, variables in WRONG)
    for result in await asyncio.gather(*serving):
        assert (result.code, result.output) == (2, "")
        assert "Traceback" not in result.errors
    assert not data.exists()


# Settings, version, events


async def test_settings_come_from_the_flag_else_the_environment_else_the_default() -> None:
    variables = {
        "FOLDLOG_LISTEN": "127.0.0.1:1",
        "FOLDLOG_GRACE_SECONDS": "7",
        "FOLDLOG_REFLECTION": "false",
    }
    result = await foldlog("config", "--json", "--listen", "127.0.0.1:2", "--data", "here", **variables)
    assert (result.code, result.errors) == (0, "")
    found = json.loads(result.output)
    assert {name: (row["value"], row["from"]) for name, row in found.items()} == {
        "listen": ("127.0.0.1:2", "flag"),
        "data": ("here", "flag"),
        "request-window": (24.0, "default"),
        "grace": (7.0, "environment"),
        "reflection": (False, "environment"),
        "cached-aggregates": (10_000, "default"),
        "domain": ([], "default"),
        "shop": (True, "default"),
        "log-level": ("info", "default"),
    }
    for name, row in found.items():
        assert row["setting"] == name
        assert row["variable"].startswith("FOLDLOG_")


async def test_the_version_is_printed() -> None:
    assert await foldlog("--version") == Ended(0, f"foldlog {__version__}\n", "")


@pytest.mark.slow
async def test_events_are_printed_as_json_to_the_end(data: Path) -> None:
    async with serving(data) as server:
        async with foldlog_client.connect(server.address) as client:
            await created(client, "1", lines=[TEA])
            await client.inventory.receive_stock(product_id="tea", name="Tea", quantity=5)
        tail = ("events", "tail", "--address", server.address, "--no-follow", "--json")
        result = await foldlog(*tail, "--after", 0)
        assert (result.code, result.errors) == (0, "")
        events = [json.loads(one) for one in result.output.splitlines()]
        assert [event["position"] for event in events] == ["1", "2", "3"]
        assert [event["stream"] for event in events] == ["order-1", "order-1", "stock-tea"]
        assert events[1]["payload"]["@type"] == "type.googleapis.com/foldlog.orders.v1.ItemAdded"
        assert events[1]["payload"]["line"]["unit_price"] == {"currency_code": "GBP", "units": "3"}

        filtered = await foldlog(*tail, "--after", 1, "--category", "stock")
        assert [json.loads(one)["position"] for one in filtered.output.splitlines()] == ["3"]
        assert await foldlog(*tail) == Ended(0, "", "")  # from the end on there is nothing

        resumed = await foldlog(*tail, "--after", events[1]["token"])
        assert [json.loads(one) for one in resumed.output.splitlines()] == events[2:]
        token = of_another_history(events[1]["token"])
        replaced = await foldlog(*tail, "--after", token)
        assert (replaced.code, replaced.output) == (1, "")
        assert "LOG_REPLACED" in one_line(replaced.errors)
        for junk in ("-1", "x", "²", str(2**63), events[1]["token"] + "0" * 19):
            assert (await foldlog(*tail, f"--after={junk}")).code == 2

        beyond = await foldlog(*tail, "--after", 9)
        assert (beyond.code, beyond.output) == (1, "")
        assert "POSITION_BEYOND_HEAD" in one_line(beyond.errors)


async def test_events_cannot_act_on_the_terminal_they_are_printed_on(data: Path) -> None:
    name = "Te\x1b[2Ja\u202e\x9b \u2028Füße"
    with takes_any_new_name():
        async with in_this_process(data) as older:
            await older.send(ReceiveStock(product_id="tea\u202e", name=name, quantity=5))
            await older.stop()
    async with serving(data) as server:
        tail = ("events", "tail", "--address", server.address, "--no-follow", "--after", 0)
        for_people, for_programs = await asyncio.gather(foldlog(*tail), foldlog(*tail, "--json"))
    assert "stock-tea\\u202e@1" in for_people.output
    assert "Te\\u001b[2Ja\\u202e\\x9b \\u2028Füße" in for_people.output
    assert for_programs.output.isascii()
    assert json.loads(for_programs.output)["payload"]["name"] == name


async def test_a_reader_of_events_that_has_had_enough_is_a_normal_end(data: Path) -> None:
    async with serving(data) as server:
        async with foldlog_client.connect(server.address) as client:
            await created(client, "1", lines=[TEA])
        tail = await started("events", "tail", "--address", server.address, "--after", 0)
        assert tail.stdout is not None
        assert await asyncio.wait_for(tail.stdout.readline(), SECONDS)
        tail.stdout._transport.close()  # type: ignore[attr-defined]
        async with foldlog_client.connect(server.address) as client:
            await created(client, "2")
        result = await ended(tail)
    assert (result.code, result.errors) == (0, "")


@pytest.mark.slow
async def test_where_nobody_serves_is_told_in_one_line() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        result = await foldlog("events", "tail", "--address", address, "--no-follow")
    assert (result.code, result.output) == (1, "")
    assert "UNAVAILABLE" in one_line(result.errors)


# Killed


class Load:
    """Many who add items, one at a time each, and remember what was acknowledged."""

    def __init__(self, client: Client, workers: int) -> None:
        self.client = client
        self.acknowledged: dict[str, Any] = {}
        """Replies by request id."""
        self.sent: dict[str, int] = {}
        """Workers by request id."""
        self.enough = asyncio.Event()
        self.working = [asyncio.ensure_future(self._work(worker)) for worker in range(workers)]

    async def _work(self, worker: int) -> None:
        while True:
            request_id = str(uuid.uuid4())
            self.sent[request_id] = worker
            try:
                self.acknowledged[request_id] = await self.add(request_id)
            except foldlog_client.FoldlogError:
                return
            if len(self.acknowledged) >= 500:
                self.enough.set()

    async def add(self, request_id: str) -> Any:
        worker = self.sent[request_id]
        return await self.client.orders.add_item(
            order_id=f"{worker % 5}", line=line(f"w{worker}", 1, money("1")), request_id=request_id
        )


@pytest.mark.slow
async def test_a_server_that_is_killed_under_load_has_kept_everything_it_acknowledged(data: Path) -> None:
    async with serving(data) as server:
        async with foldlog_client.connect(server.address, retry=Retry(attempts=1)) as client:
            for order in range(5):
                await created(client, f"{order}")
            load = Load(client, 32)
            await asyncio.wait_for(load.enough.wait(), 3 * SECONDS)
            server.process.kill()
            await asyncio.gather(*load.working)
        await server.process.wait()
    open_calls = set(load.sent) - set(load.acknowledged)
    assert open_calls

    async with serving(data) as server, foldlog_client.connect(server.address) as client:
        stored = {event.event_id: event async for event in client.events.read_all()}
        for reply in load.acknowledged.values():
            [event] = reply.result.events
            assert stored[event.event_id] == event

        # Whatever is sent again, answered before or not, has happened once.
        load.client = client
        again = {request_id: await load.add(request_id) for request_id in load.sent}
        for request_id, reply in load.acknowledged.items():
            assert again[request_id].result.replayed
            assert list(again[request_id].result.events) == list(reply.result.events)
        quantities = 0
        for order in range(5):
            found = (await client.orders.get_order(order_id=f"{order}")).order
            quantities += sum(one.quantity for one in found.lines)
        assert quantities == len(load.sent)
