"""Readers of every speed over a real channel: each gets everything once, and costs the others nothing."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty

from foldlog.v1.event_service_pb2 import EventFilter, SubscribeRequest, SubscribeResponse
from foldlog_server.transport import event_service
from tests.support.server import Server, until
from tests.support.wire import SECONDS, connected

MIB = 1024 * 1024


async def read_on(call: Any, position: int) -> list[SubscribeResponse]:
    """The messages up to the one that has considered a position."""
    messages: list[SubscribeResponse] = []
    async with asyncio.timeout(SECONDS):
        while not messages or messages[-1].position < position:
            messages.append(await call.read())
    return messages


async def catch_up(call: Any) -> list[SubscribeResponse]:
    """The messages up to the one that says so; checkpoints keep coming, so each alone is no bound."""
    messages: list[SubscribeResponse] = []
    async with asyncio.timeout(SECONDS):
        while not messages or not messages[-1].HasField("caught_up"):
            messages.append(await call.read())
    return messages


def positions(messages: list[SubscribeResponse]) -> list[int]:
    return [event.position for message in messages for event in message.events.events]


@asynccontextmanager
async def apart(server: Server, request: SubscribeRequest) -> AsyncIterator[Any]:
    """A subscription over a connection of its own, which is the window of what may be under way."""
    async with connected(server.address) as channel:
        opened: Any = channel.unary_stream(
            "/foldlog.v1.EventService/Subscribe", response_deserializer=SubscribeResponse.FromString
        )
        call = opened(request.SerializeToString())
        yield call
        call.cancel()


class Encoded:
    """How many bytes of batches the server has made ready to be sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self._encode = event_service._encoded
        monkeypatch.setattr(event_service, "_encoded", self)

    def __call__(self, message: Any, token: Callable[[int], str]) -> bytes:
        encoded = self._encode(message, token)
        self.sizes.append(len(encoded))
        return encoded


@pytest.mark.slow
async def test_a_hundred_readers_of_different_speeds_get_everything_once_and_in_order(
    server: Server,
) -> None:
    chance, commits, size = random.Random(100), 16, 50
    last = commits * size
    kinds = [SubscribeRequest(), SubscribeRequest(filter=EventFilter(categories=["even"]))]

    async def read(request: SubscribeRequest, pace: int) -> list[int]:
        """Reads a message, then lets the others go on for so many turns."""
        messages: list[SubscribeResponse] = []
        call = server.ask(request)
        while not messages or messages[-1].position < last:
            messages.append(await call.read())
            for _ in range(pace):
                await asyncio.sleep(0)
        call.cancel()
        assert [m.position for m in messages] == sorted(m.position for m in messages)
        return positions(messages)

    reading = [
        asyncio.ensure_future(read(kinds[number % 2], chance.choice([0, 1, 5, 20]))) for number in range(100)
    ]
    for number in range(1, commits + 1):  # the last is for everybody
        await server.write(f"{'odd' if number % 2 else 'even'}-{number}", size, 100)
        await server.head()
    everything = list(range(1, last + 1))
    even = [position for position in everything if (position - 1) // size % 2]
    for number, seen in enumerate(await asyncio.gather(*reading)):
        assert seen == (even if number % 2 else everything)


async def test_a_reader_that_stops_while_much_is_written_goes_on_where_it_was(server: Server) -> None:
    async with apart(server, SubscribeRequest(end=Empty())) as call:
        first = await catch_up(call)
        for number in range(12):
            await server.write(f"note-{number}", 1000, 1000)
        rest = await read_on(call, 12_000)
    assert positions(first + rest) == list(range(1, 12_001))


async def test_a_reader_that_was_away_too_long_is_told_it_fell_behind_and_when_it_is_back(
    server: Server,
) -> None:
    async with apart(server, SubscribeRequest(end=Empty())) as call:
        await catch_up(call)
        for number in range(4):  # more than may be under way, and more than 10,000 events
            await server.write(f"note-{number}", 5000, 1000)
        messages = await catch_up(call)
    assert positions(messages) == list(range(1, 20_001))
    kinds = [message.WhichOneof("message") for message in messages if not message.HasField("events")]
    assert kinds == ["fell_behind", "caught_up"]
    [behind] = [message for message in messages if message.HasField("fell_behind")]
    assert behind.fell_behind.head - behind.position > 10_000


async def test_for_a_reader_that_never_reads_no_more_is_made_ready_than_may_be_under_way(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(32):
        await server.write(f"note-{number}", 16, 64 * 1024 - 100)
    encoded = Encoded(monkeypatch)
    async with apart(server, SubscribeRequest()) as stalled:
        await stalled.read()
        await until(lambda: encoded.sizes)
        made_ready = 0
        while made_ready != len(encoded.sizes):  # until it stands still while the others are served
            made_ready = len(encoded.sizes)
            for _ in range(20):
                await server.head()
        assert sum(encoded.sizes) < 16 * MIB, "the log has 32"
        call = server.ask(SubscribeRequest())
        assert positions(await read_on(call, 512)) == list(range(1, 513))
        call.cancel()
        assert positions(await read_on(stalled, 512)) == list(range(1, 513))
