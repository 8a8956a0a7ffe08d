"""Deadlines over a real channel: looked at before an append, and never after it began."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import grpc.aio
import pytest
from grpc import StatusCode

from foldlog.orders.v1.command_service_pb2 import CreateOrderRequest, CreateOrderResponse
from foldlog.orders.v1.commands_pb2 import CreateOrder
from foldlog.v1.commands_pb2 import CommandOptions
from foldlog_server.log.events import EncodedEvent
from foldlog_server.transport import command_service
from tests.support.server import Server, until

A = "01938f3e-7c5a-7000-8000-00000000000a"
CREATE = CreateOrder(order_id="1", customer_id="ada", currency_code="GBP")
SOON = 0.3
"""Seconds after which a caller gives up on what would never come."""


def creating(server: Server, timeout: float) -> Any:
    path = "/foldlog.orders.v1.CommandService/CreateOrder"
    opened: Any = server.channel.unary_unary(path, response_deserializer=CreateOrderResponse.FromString)
    request = CreateOrderRequest(command=CREATE, options=CommandOptions(request_id=A))
    return opened(request.SerializeToString(), timeout=timeout)


async def is_too_late(call: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    assert raised.value.code() is StatusCode.DEADLINE_EXCEEDED


async def test_a_deadline_that_passes_after_the_append_began_leaves_its_outcome(server: Server) -> None:
    held = server.hold_appends()
    await is_too_late(creating(server, SOON))
    assert len(held) == 1
    held.release()
    reply = await server.send(CREATE, request_id=A)
    assert (reply.result.replayed, reply.result.position) == (True, 1)


async def test_a_deadline_that_passes_before_a_command_is_decided_leaves_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    lateness, asked = command_service._lateness, list[Callable[[], bool]]()

    def kept(seconds: float | None) -> Callable[[], bool]:
        asked.append(lateness(seconds))
        return asked[-1]

    monkeypatch.setattr(command_service, "_lateness", kept)
    store: Any = server.app.parts.store
    read_stream, may_load = store.read_stream, asyncio.Event()
    loaded: list[str] = []

    async def load_late(stream: str, **options: Any) -> Sequence[EncodedEvent]:
        await may_load.wait()
        events: Sequence[EncodedEvent] = await read_stream(stream, **options)
        loaded.append(stream)
        return events

    store.read_stream = load_late
    await is_too_late(creating(server, SOON))
    await until(asked[0])  # the server's clock started when the call reached it
    may_load.set()
    await until(lambda: loaded)
    assert (await server.head()).position == 0
    reply = await server.send(CREATE, request_id=A)
    assert (reply.result.replayed, reply.result.position) == (False, 1)


async def test_a_call_that_is_late_when_it_is_taken_up_is_told_so_by_the_server(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_service, "_lateness", lambda _: lambda: True)
    await is_too_late(creating(server, 20))
    assert (await server.head()).position == 0
