"""A minute of everything at once: what is acknowledged is kept, what is let go of is gone."""

import asyncio
import gc
import logging
import os
import random
import secrets
import struct
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration

from foldlog.inventory.v1.queries_pb2 import ListInventoryRequest
from foldlog.orders.v1.commands_pb2 import CancelOrder, CreateOrder, SubmitOrder
from foldlog.orders.v1.queries_pb2 import GetOrderRequest, ListCurrentOrdersRequest
from foldlog.v1.event_service_pb2 import EventFilter, ReadAllRequest, SubscribeRequest
from foldlog.v1.reads_pb2 import WHEN_BEHIND_ANSWER, ReadOptions
from tests.format.log_file import read
from tests.support.order_stories import line, money
from tests.support.server import Server, client_of, serving, until
from tests.support.wire import METHODS, connected

SECONDS_OF_CHAOS = 60
ORDERS = 20
TEA = line("tea", 1, money("1"))
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")

Deed = Callable[["Chaos"], Awaitable[object]]


class Chaos:
    """What goes on, by one seed."""

    def __init__(self, server: Server, client: Any, seed: int) -> None:
        self.server = server
        self.client = client
        self.chance = random.Random(seed)
        self.acknowledged: list[tuple[str, int, str]] = []
        """Stream, version and event id of everything that was answered."""

    def order_id(self) -> str:
        return f"o-{self.chance.randrange(ORDERS)}"

    async def go_on(self, until_time: float) -> None:
        """One deed after the other; what a deed is refused is part of it."""
        while asyncio.get_running_loop().time() < until_time:
            [deed] = self.chance.choices(list(DEEDS), list(DEEDS.values()))
            with suppress(grpc.aio.AioRpcError, OSError, asyncio.IncompleteReadError):
                await deed(self)


# Deeds


async def add(chaos: Chaos) -> None:
    """A command of the Python client, which goes on until it is answered."""
    order_id = chaos.order_id()
    with suppress(Exception):
        product = f"p-{chaos.chance.randrange(50)}"
        reply = await chaos.client.orders.add_item(
            order_id=order_id, line=line(product, 1, money("1")), timeout=30
        )
        event = reply.result.events[0]
        chaos.acknowledged.append((event.stream, event.version, event.event_id))


async def command(chaos: Chaos) -> None:
    """Commands that are often refused."""
    order_id = chaos.order_id()
    kinds = [
        CreateOrder(order_id=order_id, customer_id="ada", currency_code="GBP", lines=[TEA]),
        CreateOrder(customer_id="ada", currency_code="GBP"),
        SubmitOrder(order_id=f"none-{order_id}"),
        CancelOrder(order_id=order_id),
    ]
    reply = await chaos.server.send(chaos.chance.choice(kinds))
    for event in reply.result.events:
        chaos.acknowledged.append((event.stream, event.version, event.event_id))


async def ask(chaos: Chaos) -> None:
    """A query, at times for what is about to be."""
    head = (await chaos.server.head()).position
    wait = ReadOptions(min_position=head, max_wait=Duration(nanos=50_000_000), when_behind=WHEN_BEHIND_ANSWER)
    questions = [
        GetOrderRequest(order_id=chaos.order_id(), options=wait),
        ListCurrentOrdersRequest(page_size=3, descending=True, options=wait),
        ListInventoryRequest(options=ReadOptions(min_position=head + 5)),
    ]
    await chaos.server.ask(chaos.chance.choice(questions))


async def give_up(chaos: Chaos) -> None:
    """A call that is cancelled after a moment."""
    create = CreateOrder(
        customer_id="ada", currency_code="GBP", lines=[line(f"p-{n}", 1, money("1")) for n in range(20)]
    )
    if chaos.chance.random() < 0.5:
        call = asyncio.ensure_future(chaos.server.send(create))
    else:
        call = asyncio.ensure_future(chaos.server.head())
    for _ in range(chaos.chance.randrange(30)):
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])


async def follow(chaos: Chaos) -> None:
    """A subscription that is left after some messages, or read no further."""
    head = (await chaos.server.head()).position
    start = chaos.chance.randrange(head + 1)
    kind = EventFilter(categories=[chaos.chance.choice(["order", "stock", "none"])])
    call = chaos.server.ask(SubscribeRequest(after_position=start, filter=kind))
    some = chaos.chance.randrange(5)
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            async for _ in call:
                some -= 1
                if some < 0:
                    break
    await asyncio.sleep(chaos.chance.random() / 10)
    call.cancel()


async def read_on(chaos: Chaos) -> None:
    """A read of the log that is left half-way."""
    call = chaos.server.ask(ReadAllRequest())
    async for _ in call:
        if chaos.chance.random() < 0.3:
            break
    call.cancel()


async def garble(chaos: Chaos) -> None:
    """Bytes that are no message, to any method."""
    method = chaos.chance.choice([one for one in METHODS.values() if not one.client_streaming])
    call = chaos.server.call(method, chaos.chance.randbytes(chaos.chance.randrange(200)))
    if method.server_streaming:
        async for _ in call:
            break
        call.cancel()
    else:
        await call


async def vanish(chaos: Chaos) -> None:
    """A connection that says something, or nothing, and is reset without a word."""
    _, writer = await asyncio.open_connection("127.0.0.1", chaos.server.port)
    noise = chaos.chance.randbytes(100)
    writer.write(
        chaos.chance.choice([b"", noise, PREFACE, PREFACE[:20], PREFACE + noise, b"GET / HTTP/1.1\r\n\r\n"])
    )
    await asyncio.sleep(chaos.chance.random() / 50)
    abrupt = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(1, 13, abrupt)  # SOL_SOCKET, SO_LINGER: close with a reset
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def leave(chaos: Chaos) -> None:
    """A client with a channel of its own that goes while its calls are under way."""
    channel = connected(chaos.server.address)
    other = Server(chaos.server.data)
    other.channel = channel
    calls = [other.ask(SubscribeRequest()), other.ask(ReadAllRequest())]
    with suppress(grpc.aio.AioRpcError):
        await anext(aiter(calls[0]))
    await channel.close()


DEEDS: dict[Deed, int] = {
    add: 30,
    command: 20,
    ask: 20,
    give_up: 10,
    follow: 8,
    read_on: 3,
    garble: 8,
    vanish: 5,
    leave: 3,
}
"""With how often they are done."""


async def nothing_is_left(server: Server) -> None:
    """Return once the server holds nothing of any caller."""
    gc.collect()  # a call whose client has let go of it is ended by the collector
    app: Any = server.app
    server_side = app._server._calls
    await until(lambda: not server_side._streams)
    handlers = [one for one in gc.get_objects() if type(one).__name__ in ("CommandHandler", "Arrivals")]
    assert len(handlers) >= 2
    await until(
        lambda: not any(getattr(one, "_flights", 0) or getattr(one, "_under_way", 0) for one in handlers)
    )
    for projector in app.parts.projectors._scheduler._projectors:
        assert not projector.is_awaited
        assert projector.failed is None


async def kept(server: Server, chaos: Chaos) -> None:
    """Everything that was acknowledged is in the log, once, and the log is whole."""
    log = read(server.data / "log.db")
    stored = {(event.stream, event.version) for event in log.events}
    assert {(stream, version) for stream, version, _ in chaos.acknowledged} <= stored
    ids = [event_id for _, _, event_id in chaos.acknowledged]
    assert len(ids) == len(set(ids))
    head = await server.head()
    assert (head.position, head.chain_hash) == (len(log.events), log.chain)


async def chaos_on(data: Path, seconds: float, seed: int) -> None:
    async with serving(data) as server, client_of(server) as client:
        chaos = Chaos(server, client, seed)
        for number in range(ORDERS):
            await server.send(CreateOrder(order_id=f"o-{number}", customer_id="ada", currency_code="GBP"))
        end = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*(chaos.go_on(end) for _ in range(24)))
        await nothing_is_left(server)
        await kept(server, chaos)


def held() -> tuple[int, int, int]:
    """Tasks, threads and files of the process."""
    gc.collect()
    return len(asyncio.all_tasks()), threading.active_count(), len(os.listdir("/proc/self/fd"))


@pytest.mark.slow
async def test_a_minute_of_chaos_loses_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    seed = secrets.randbelow(10**6)
    logging.getLogger(__name__).warning("The seed of this chaos is %d.", seed)
    await chaos_on(tmp_path / "before", 1, seed)  # what is kept once for the whole process is there by now
    before = held()
    await chaos_on(tmp_path / "data", SECONDS_OF_CHAOS, seed)
    await until(lambda: all(now <= then for now, then in zip(held(), before, strict=True)))
