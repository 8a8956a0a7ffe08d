"""Clients that go without a word, and calls that carry too much: the others are served as before."""

import asyncio
import sys

import grpc.aio
import pytest

from foldlog.orders.v1.commands_pb2 import CreateOrder
from foldlog.v1.event_service_pb2 import GetHeadRequest, SubscribeRequest
from tests.support.server import Server, until
from tests.support.wire import SECONDS, connected

A = "01938f3e-7c5a-7000-8000-00000000000a"
CREATE = CreateOrder(order_id="1", customer_id="ada", currency_code="GBP")


async def vanishing(server: Server) -> "tuple[asyncio.Server, list[asyncio.StreamWriter]]":
    """A relay to the server whose connections a test can cut."""
    writers: list[asyncio.StreamWriter] = []

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)
        writer.transport.abort()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", server.port)
        writers.extend((writer, back))
        await asyncio.gather(forward(reader, back), forward(there, writer), return_exceptions=True)

    return await asyncio.start_server(relay, "127.0.0.1", 0), writers


async def test_a_command_of_a_client_that_vanished_has_one_outcome(server: Server) -> None:
    held = server.hold_appends()
    listening, writers = await vanishing(server)
    async with connected(f"127.0.0.1:{listening.sockets[0].getsockname()[1]}") as channel:
        there, server.channel = server.channel, channel
        sending = asyncio.ensure_future(server.send(CREATE, request_id=A))
        reading = server.ask(SubscribeRequest())
        await reading.read()
        server.channel = there
        await until(lambda: len(held) == 1)
        for writer in writers:
            writer.transport.abort()
        for call in (sending, reading.read()):
            with pytest.raises(grpc.aio.AioRpcError):
                await call
        await until(lambda: not server.app._server._calls._streams)
    listening.close()
    await listening.wait_closed()
    held.release()
    reply = await server.send(CREATE, request_id=A)
    assert (reply.result.replayed, reply.result.position) == (True, 1)


async def test_too_much_metadata_is_told_and_the_connection_goes_on(server: Server) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await server.ask(GetHeadRequest(), metadata=(("much", "x" * 64 * 1024),))
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await server.head()).position == 0


GOING = """
import asyncio, sys
import foldlog_client

async def work():
    async with foldlog_client.connect(sys.argv[1]) as client:
        async def follow():
            async for _ in client.events.subscribe():
                print("following", flush=True)
        following = asyncio.ensure_future(follow())
        while True:
            await client.inventory.receive_stock(product_id="tea", quantity=1)

asyncio.run(work())
"""


async def test_of_a_client_that_is_killed_nothing_is_left(server: Server) -> None:
    tasks = len(asyncio.all_tasks())
    going = await asyncio.create_subprocess_exec(
        sys.executable, "-c", GOING, server.address, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert going.stdout is not None
        assert await asyncio.wait_for(going.stdout.readline(), SECONDS) == b"following\n"
        calls = server.app._server._calls
        assert calls._streams
    finally:
        going.kill()
        await going.communicate()
    await until(lambda: not calls._streams and len(asyncio.all_tasks()) <= tasks)
    before = (await server.head()).position
    assert (await server.send(CREATE)).result.position == before + 1
