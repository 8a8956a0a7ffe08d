"""What is streamed comes in messages of a mebibyte at most, each with at least one event."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty

from foldlog.v1.event_service_pb2 import (
    DIRECTION_BACKWARDS,
    DIRECTION_FORWARDS,
    EventFilter,
    ReadAllRequest,
    ReadStreamRequest,
    SubscribeRequest,
)
from foldlog_server.log.event_store import Append, StreamAppend
from foldlog_server.log.events import NewEvent
from foldlog_server.log.record import MAX_EVENT_BYTES
from tests.support.server import Server
from tests.support.wire import SECONDS

MIB = 1024 * 1024
AROUND_AN_EVENT = 200
"""Bytes of a record beside its payload, at most."""

SIZES = {
    "the largest there are": [MAX_EVENT_BYTES - AROUND_AN_EVENT] * 3,
    "large and small": [10, MAX_EVENT_BYTES - AROUND_AN_EVENT, 10, 10, MIB // 2, MIB // 2 - 300, 10],
    "halves of a message": [MIB // 2 - AROUND_AN_EVENT] * 5,
    "many that just fit": [MIB // 900 - 100] * 2000,
    "at random": [random.Random(7).choice([1, 500, 9_000, 400_000, 1_000_000]) for _ in range(30)],
}


async def stored(server: Server, sizes: Sequence[int]) -> None:
    """Events whose payloads have these sizes, of a type that no view looks at."""
    events = tuple(
        NewEvent(f"event-{number}", "test.v1.Written", b"x" * size) for number, size in enumerate(sizes)
    )
    await server.app.parts.store.append(Append((StreamAppend("note-1", 0, events),)))


async def told(call: Any) -> list[Any]:
    """The messages of a stream to its end, or until it has caught up."""
    messages: list[Any] = []
    async with asyncio.timeout(SECONDS):
        async for message in call:
            messages.append(message)
            if message.WhichOneof("message") == "caught_up":
                call.cancel()
                break
    return messages


def check(batches: Sequence[tuple[Any, int]], positions: Sequence[int]) -> None:
    """`batches` are messages with the size of what went over the wire."""
    assert [event.position for message, _ in batches for event in message.events] == list(positions)
    for message, size in batches:
        assert message.events
        assert size <= MIB or len(message.events) == 1, (size, len(message.events))


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("is_old", [False, True], ids=["from memory", "from disk"])
async def test_no_message_is_larger_than_a_mebibyte_unless_it_is_one_event(
    server: Server, sizes: Sequence[int], is_old: bool
) -> None:
    await stored(server, sizes)
    if is_old:
        await server.restart()
    forwards = range(1, len(sizes) + 1)
    for backwards, positions in ((DIRECTION_FORWARDS, forwards), (DIRECTION_BACKWARDS, forwards[::-1])):
        log = ReadAllRequest(direction=backwards)
        stream = ReadStreamRequest(stream="note-1", direction=backwards)
        for request in (log, stream):
            read = [batch async for batch in server.ask(request)]
            check([(batch, batch.ByteSize()) for batch in read], positions)
    for wanted in (EventFilter(), EventFilter(categories=["note"])):
        call = server.ask(SubscribeRequest(beginning=Empty(), filter=wanted))
        told_of = await told(call)
        batches = [(one.events, one.ByteSize()) for one in told_of if one.HasField("events")]
        check(batches, forwards)
