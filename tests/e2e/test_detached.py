"""A server whose data directory is taken away says so, refuses commands and still gives out what it has."""

import asyncio
import json
import shutil
import signal
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

import foldlog_client
from foldlog.inventory.v1.commands_pb2 import ReservationLine, ReserveStock
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_client import Client, Retry
from tests.format.trading import KEY, trade
from tests.support.orders import create as create_order
from tests.support.processes import ended, foldlog, serving
from tests.support.slow import slow
from tests.support.wire import SECONDS, Wire, connected


@pytest.fixture
def data(new_log: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(new_log, tmp_path / "data"))


def remove_log(data: Path) -> None:
    for file in data.glob("log.db*"):
        file.unlink()


def move(data: Path) -> None:
    data.rename(data.with_name("elsewhere"))


async def health(address: str) -> int:
    async with connected(address) as channel:
        check: Any = channel.unary_unary(
            "/grpc.health.v1.Health/Check", response_deserializer=HealthCheckResponse.FromString
        )
        request: Message = HealthCheckRequest()
        return int((await check(request.SerializeToString(), timeout=SECONDS)).status)


async def create(client: Client, order_id: str, **options: Any) -> Any:
    return await client.orders.create_order(
        order_id=order_id, customer_id="ada", currency_code="GBP", **options
    )


async def test_a_server_whose_log_is_removed_tells_and_refuses_and_gives_out_what_it_has(data: Path) -> None:
    once = Retry(attempts=1)
    async with serving(data) as server:
        async with foldlog_client.connect(server.address, retry=once) as client:
            for number in range(3):
                await create(client, str(number))
            assert await health(server.address) == HealthCheckResponse.SERVING
            remove_log(data)
            with pytest.raises(foldlog_client.Unavailable) as unknown:
                await create(client, "3")
            assert unknown.value.reason == "STORE_UNAVAILABLE"
            with pytest.raises(foldlog_client.Unavailable) as refused:
                await create(client, "4")
            assert refused.value.reason == "LOG_DETACHED"
            assert await health(server.address) == HealthCheckResponse.NOT_SERVING
            events = [event.stream async for event in client.events.read_all()]
            assert events == ["order-0", "order-1", "order-2", "order-3"]
            assert (await client.orders.get_order(order_id="2")).order.order_id == "2"
        server.process.send_signal(signal.SIGTERM)
        result = await ended(server.process)
    assert result.code == 1
    loud, *rest = result.errors.splitlines()
    assert "CRITICAL foldlog: The log is no longer where it was opened: " in loud
    assert f"{data / 'log.db'} is gone" in loud
    assert rest[-1] == "foldlog: The log's files were removed, moved or replaced while it was served."


async def test_a_server_that_has_nothing_to_do_notices_it_too(data: Path) -> None:
    async with serving(data) as server:
        assert server.process.stderr is not None
        move(data)
        line = (await server.process.stderr.readline()).decode()
        assert "CRITICAL foldlog: The log is no longer where it was opened: " in line


async def test_a_second_server_is_refused_when_the_lock_was_removed(data: Path) -> None:
    async with serving(data) as server:
        (data / "lock").unlink()
        second = await foldlog("serve", "--data", data, "--listen", "127.0.0.1:0")
        assert second.code == 1
        assert "Another server is using the data directory" in second.errors
        server.process.send_signal(signal.SIGTERM)
        await ended(server.process)
    async with serving(data) as again:
        assert again.greeting


def replace(data: Path) -> None:
    """Put another file in the log's place."""
    remove_log(data)
    (data / "log.db").write_bytes(b"another file")


@pytest.mark.parametrize("take_away", [remove_log, *slow([move, replace, shutil.rmtree])])
async def test_a_backup_through_a_server_whose_files_are_gone_has_all_that_was_acknowledged(
    data: Path, tmp_path: Path, take_away: Callable[[Path], object]
) -> None:
    backup, again = tmp_path / "backup", tmp_path / "again"
    async with serving(data) as server:
        wire = Wire()
        wire.channel = connected(server.address)
        await trade(wire)
        take_away(data)
        with pytest.raises(grpc.aio.AioRpcError):  # not acknowledged
            await wire.send(create_order("unknown"), request_id=str(uuid.UUID(int=8)))
        ended_with = await foldlog("backup", backup, "--address", server.address)
        assert (ended_with.code, ended_with.errors) == (0, "")
        expected = [bytes(event.SerializeToString()) async for event in events_at(server.address)]
        await wire.channel.close()
    assert json.loads((backup / "manifest.json").read_text())["events"] == len(expected)
    assert (await foldlog("restore", backup, "--data", again)).code == 0
    async with serving(again) as server:
        assert [bytes(event.SerializeToString()) async for event in events_at(server.address)] == expected
        wire = Wire()
        wire.channel = connected(server.address)
        wanted = [ReservationLine(product_id=product, quantity=2) for product in ("tea", "ż雪🜚")]
        repeated = await wire.send(ReserveStock(order_id="o-1", lines=wanted), request_id=KEY)
        assert repeated.result.replayed
        await wire.channel.close()


async def test_the_loud_line_names_the_command(data: Path) -> None:
    async with serving(data) as server:
        assert server.process.stderr is not None
        remove_log(data)
        line = (await server.process.stderr.readline()).decode()
        assert "foldlog backup DEST --address ADDRESS" in line


async def events_at(address: str) -> AsyncIterator[RecordedEvent]:
    async with foldlog_client.connect(address) as client:
        async for event in client.events.read_all():
            yield event


def cut(data: Path) -> None:
    with (data / "log.db").open("r+b") as file:
        file.truncate(4096)


def empty(data: Path) -> None:
    (data / "log.db").write_bytes(b"")


def overwrite(data: Path) -> None:
    """As `cp` does it: another content, and the same file."""
    (data / "log.db").write_bytes((data / "log.db").read_bytes()[::-1])


@pytest.mark.parametrize("write", [cut, *slow([empty, overwrite])])
@pytest.mark.parametrize("is_idle", [True, False])
async def test_a_log_that_is_written_in_its_place_by_others_is_not_written_any_more(
    data: Path, write: Callable[[Path], object], is_idle: bool
) -> None:
    once = Retry(attempts=1)
    async with serving(data) as server:
        async with foldlog_client.connect(server.address, retry=once) as client:
            await create(client, "1")
            write(data)
            if not is_idle:
                with pytest.raises(foldlog_client.FoldlogError) as refused:
                    await create(client, "2")
                assert refused.value.reason in ("STORE_UNAVAILABLE", "LOG_DETACHED", "DATA_DAMAGED")
                while await health(server.address) != HealthCheckResponse.NOT_SERVING:  # noqa: ASYNC110 of another process
                    await asyncio.sleep(0.05)
        left, wal = (data / "log.db").read_bytes(), (data / "log.db-wal").read_bytes()
        server.process.send_signal(signal.SIGTERM)
        result = await ended(server.process)
    assert result.code == 1
    assert f"{data / 'log.db'} was written by another program" in result.errors
    assert "brought into" not in result.errors
    # What was stored is all in the write-ahead log, and a start does not take what is there for a log.
    assert ((data / "log.db").read_bytes(), (data / "log.db-wal").read_bytes()) == (left, wal)
    assert (await foldlog("serve", "--data", data, "--listen", "127.0.0.1:0")).code == 1


@pytest.mark.parametrize("command", ["verify", *slow(["check-history", "backup", "export"])])
async def test_who_reads_beside_a_server_leaves_a_write_ahead_log_that_is_left_alone(
    data: Path, tmp_path: Path, command: str
) -> None:
    targets = {"backup": [tmp_path / "b"], "export": [tmp_path / "e"]}.get(command, [])
    async with serving(data) as server:
        async with foldlog_client.connect(server.address) as client:
            await create(client, "1")
        server.process.send_signal(signal.SIGSTOP)
        empty(data)
        wal = (data / "log.db-wal").read_bytes()
        found = await foldlog(command, *targets, "--data", data)
        assert (found.code, (data / "log.db-wal").read_bytes()) == (1, wal), found
        server.process.send_signal(signal.SIGCONT)
        server.process.send_signal(signal.SIGKILL)
        await ended(server.process)
    found = await foldlog(command, *targets, "--data", data)
    assert (found.code, (data / "log.db-wal").read_bytes()) == (1, wal), found
