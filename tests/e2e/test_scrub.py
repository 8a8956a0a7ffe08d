"""What operators see of the scrub, and what clients are told where an index is wrong."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from foldlog.orders.v1.queries_pb2 import GetOrderRequest, ListCurrentOrdersRequest
from foldlog.v1.admin_service_pb2 import GetScrubRequest
from foldlog_server.stores.files.data_directory import IndexWrong
from tests.support.btree import Index
from tests.support.commands import add, create
from tests.support.processes import foldlog
from tests.support.server import Server, serving, until
from tests.support.wire import refused

NAMES = "sqlite_autoindex_streams_1"


async def orders(server: Server) -> None:
    """Orders "o-10" to "o-59"; the 31st is "o-40"."""
    for number in range(10, 60):
        await server.send(create(f"o-{number}"), request_id=str(uuid.uuid4()))
        await server.send(add(f"o-{number}", "tea"), request_id=str(uuid.uuid4()))


def damage(data: Path, name: str, do: Callable[[Index], None]) -> None:
    index = Index(data / "log.db", name)
    do(index)
    index.save()


async def test_before_the_first_scrub_and_after_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        ended = await foldlog("scrub", "--address", server.address)
        assert (ended.code, ended.errors) == (0, "")
        assert "has not been scrubbed since the server was started" in ended.output
        await orders(server)
    async with serving(tmp_path, scrub_after=timedelta(0)) as server:
        await until(lambda: server.app.parts.scrubber.state.ended)
        ended = await foldlog("scrub", "--address", server.address)
        assert (ended.code, ended.errors) == (0, "")
        first, second = ended.output.splitlines()
        assert first.startswith("The log was scrubbed from ")
        assert second == "Nothing is damaged so far."
        ended = await foldlog("scrub", "--json", "--address", server.address)
        found = json.loads(ended.output)
        assert found["done"] == found["total"] != "0"


async def test_a_stream_that_its_index_has_lost_is_data_loss_and_is_not_begun_again(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await orders(server)
    damage(tmp_path, NAMES, lambda index: index.delete(index.find(b"order-o-40")))
    async with serving(tmp_path) as server:
        head = (await server.head()).position
        for command in (create("o-40"), add("o-40", "tea")):
            refusal = await refused(server.send(command, request_id=str(uuid.uuid4())))
            assert (refusal.code, refusal.reason) == (StatusCode.DATA_LOSS, "DATA_DAMAGED")
            assert refusal.metadata["stream"] == "order-o-40"
        assert (await server.head()).position == head
        await server.send(add("o-41", "milk"))  # all else goes on


async def test_a_wrong_index_that_a_scrub_finds_ends_commands_and_is_shown(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await orders(server)
    damage(tmp_path, NAMES, lambda index: index.put(index.find(b"order-o-40"), b"order-o-40", 32))
    async with serving(tmp_path, scrub_after=timedelta(0)) as server:
        await until(lambda: server.app.parts.scrubber.state.ended)
        refusal = await refused(server.send(add("o-11", "milk"), request_id=str(uuid.uuid4())))
        assert (refusal.code, refusal.reason) == (StatusCode.DATA_LOSS, "DATA_DAMAGED")
        ended = await foldlog("scrub", "--address", server.address)
        assert ended.code == 1
        assert "the index of streams does not match its names" in ended.output
        found = await server.ask(GetScrubRequest())
        assert found.damage_count == 1
        check: Any = server.channel.unary_unary("/grpc.health.v1.Health/Check")
        answer = HealthCheckResponse.FromString(await check(HealthCheckRequest().SerializeToString()))
        assert answer.status == HealthCheckResponse.NOT_SERVING
        listed = await server.ask(
            ListCurrentOrdersRequest()
        )  # what views say, an index of the log has no part in
        assert len(listed.orders) == 50
        assert (await server.ask(GetOrderRequest(order_id="o-40"))).order.order_id == "o-40"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["event", "request"])
async def test_a_start_refuses_a_wrong_index_and_a_copy_heals_it(tmp_path: Path, kind: str) -> None:
    data, request_id = tmp_path / "data", str(uuid.uuid4())
    async with serving(data) as server:
        await orders(server)
        first = await server.send(add("o-40", "milk"), request_id=request_id)
        [partition] = server.app.parts.store._writer._requests._names
    if kind == "event":
        damage(data, "events_by_stream", lambda index: index.delete(index.find(31, 3)))
    else:
        name = f"sqlite_autoindex_{partition}_1"
        key = uuid.UUID(request_id).bytes
        damage(data, name, lambda index: index.delete(index.find(key)))
    with pytest.raises(IndexWrong):
        async with serving(data):
            pass
    assert (await foldlog("verify", "--data", data)).code == 1
    assert (await foldlog("backup", tmp_path / "copy", "--data", data)).code == 0
    assert (await foldlog("restore", tmp_path / "copy", "--data", tmp_path / "healed")).code == 0
    async with serving(tmp_path / "healed") as server:
        again = await server.send(add("o-40", "milk"), request_id=request_id)
        assert again.result.replayed
        assert again.result.position == first.result.position
        await server.send(add("o-40", "bread"))
    assert (await foldlog("verify", "--data", tmp_path / "healed")).code == 0
