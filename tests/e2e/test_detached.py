"""A server whose data directory is taken away says so, refuses commands and still gives out what it has."""

import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

import foldlog_client
from foldlog_client import Client, Retry
from tests.support.processes import ended, foldlog, serving
from tests.support.wire import SECONDS, connected


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
