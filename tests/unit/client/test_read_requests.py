"""Reads of the log: bounded, in either direction, made whole after a lost connection."""

import asyncio
from dataclasses import replace

import grpc
import pytest

from foldlog.v1.event_service_pb2 import (
    Direction,
    ReadAllRequest,
    ReadAllResponse,
    ReadStreamRequest,
    ReadStreamResponse,
)
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_client import BeyondHead, Cancelled, Client, NotFound, Retry, Unavailable
from tests.support.in_threads import Connect
from tests.unit.client.scripted_server import Failure, Hang, Pauses, ScriptedServer, positions, refusal

LOST = Failure(grpc.StatusCode.UNAVAILABLE)
BEYOND = refusal(grpc.StatusCode.OUT_OF_RANGE, "POSITION_BEYOND_HEAD")
FORWARDS, BACKWARDS = Direction.DIRECTION_FORWARDS, Direction.DIRECTION_BACKWARDS


def page(*places: int) -> ReadAllResponse:
    return ReadAllResponse(events=[RecordedEvent(position=place) for place in places])


def versions(*places: int) -> ReadStreamResponse:
    return ReadStreamResponse(events=[RecordedEvent(version=place) for place in places])


async def test_a_read_goes_on_behind_what_it_has(server: ScriptedServer, client: Client) -> None:
    server.streams("ReadAll", page(3, 4), page(5), LOST)
    server.streams("ReadAll", page(6))
    found = positions([event async for event in client.events.read_all(from_position=3, max_count=10)])
    assert found == [3, 4, 5, 6]
    assert server.requests(ReadAllRequest) == [
        ReadAllRequest(from_position=3, direction=FORWARDS, max_count=10),
        ReadAllRequest(from_position=6, direction=FORWARDS, max_count=7),
    ]


async def test_a_connection_lost_after_the_last_event_is_no_error(
    server: ScriptedServer, client: Client
) -> None:
    server.streams("ReadAll", page(1, 2), LOST)
    server.streams("ReadAll", BEYOND)
    assert positions([event async for event in client.events.read_all()]) == [1, 2]


async def test_a_start_beyond_the_head_is_one(server: ScriptedServer, client: Client) -> None:
    server.streams("ReadAll", BEYOND)
    with pytest.raises(BeyondHead):
        await anext(client.events.read_all(from_position=9))


async def test_a_read_that_has_everything_is_not_begun_again(server: ScriptedServer, client: Client) -> None:
    server.streams("ReadAll", page(2, 1), LOST)
    server.streams("ReadAll", page(3), LOST)
    assert positions([event async for event in client.events.read_all(backwards=True)]) == [2, 1]
    assert positions([event async for event in client.events.read_all(from_position=3, max_count=1)]) == [3]
    assert len(server.calls) == 2


async def test_a_stream_is_read_by_its_versions(server: ScriptedServer, client: Client) -> None:
    server.streams("ReadStream", versions(5, 4), LOST)
    server.streams("ReadStream", versions(3, 2, 1))
    events = client.events.read_stream("order-1", from_version=5, backwards=True)
    assert [event.version async for event in events] == [5, 4, 3, 2, 1]
    assert server.requests(ReadStreamRequest) == [
        ReadStreamRequest(stream="order-1", from_version=5, direction=BACKWARDS),
        ReadStreamRequest(stream="order-1", from_version=3, direction=BACKWARDS),
    ]


async def test_a_stream_that_does_not_exist_is_not_found(server: ScriptedServer, client: Client) -> None:
    server.streams("ReadStream", refusal(grpc.StatusCode.NOT_FOUND, "STREAM_NOT_FOUND"))
    with pytest.raises(NotFound):
        await anext(client.events.read_stream("order-1"))


async def test_a_read_gives_up_after_as_many_attempts_as_a_call(
    connect: Connect, server: ScriptedServer, retry: Retry
) -> None:
    server.streams("ReadAll", page(1), LOST)
    for _ in range(2):
        server.streams("ReadAll", LOST)
    async with connect(server.target, retry=replace(retry, attempts=3)) as client:
        events = client.events.read_all()
        assert (await anext(events)).position == 1
        with pytest.raises(Unavailable):
            await anext(events)
    assert len(server.calls) == 3


async def test_a_read_gives_up_when_no_batch_has_come_for_as_long_as_a_call_may_take(
    connect: Connect, server: ScriptedServer, retry: Retry, pauses: Pauses
) -> None:
    for number in range(1, 4):
        for _ in range(15):
            server.streams("ReadAll", LOST)
        server.streams("ReadAll", page(number), LOST)
    for _ in range(100):
        server.streams("ReadAll", LOST)
    passing = replace(retry, clock=lambda: sum(pauses.taken))
    async with connect(server.target, retry=passing, timeout=40) as client:
        events = client.events.read_all()
        assert [(await anext(events)).position for _ in range(3)] == [1, 2, 3]
        before = sum(pauses.taken)
        with pytest.raises(Unavailable):
            await anext(events)
    assert 38 <= sum(pauses.taken) - before < 40


@pytest.mark.parametrize("attempts", [None, 1])
async def test_a_read_that_is_cut_short_by_closing_says_so(
    connect: Connect, server: ScriptedServer, retry: Retry, attempts: int | None
) -> None:
    server.streams("ReadAll", page(1), Hang())
    async with connect(server.target, retry=replace(retry, attempts=attempts)) as client:
        events = client.events.read_all()
        assert (await anext(events)).position == 1
        rest = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(Cancelled, match="client was closed"):
            await asyncio.wait_for(rest, 10)
