"""Every matching event once, in order, across lost connections."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import grpc
import pytest

from foldlog.orders.v1.events_pb2 import OrderShipped
from foldlog.v1.event_service_pb2 import (
    CaughtUp,
    Checkpoint,
    Confirmed,
    EventBatch,
    SubscribeRequest,
    SubscribeResponse,
)
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_client import (
    BeyondHead,
    Client,
    DataDamaged,
    LogPosition,
    LogReplaced,
    Retry,
    ServerFault,
)
from tests.support.in_threads import BOTH, Connect
from tests.unit.client.scripted_server import Failure, Hang, Pauses, ScriptedServer, positions, refusal

IN_A_LOOP = pytest.mark.parametrize("connect", [BOTH["async"]], ids=["async"])
"""A thread that waits cannot be cancelled."""

LOST = Failure(grpc.StatusCode.UNAVAILABLE)
RESET = Failure(grpc.StatusCode.INTERNAL, "RST_STREAM with error code 2")


def confirmed(position: int, log_id: str = "log-a") -> SubscribeResponse:
    return SubscribeResponse(position=position, confirmed=Confirmed(log_id=log_id, head=100))


def batch(*places: int, position: int = 0) -> SubscribeResponse:
    events = [RecordedEvent(position=place) for place in places]
    return SubscribeResponse(position=position or places[-1], events=EventBatch(events=events))


def checkpoint(position: int) -> SubscribeResponse:
    return SubscribeResponse(position=position, checkpoint=Checkpoint())


async def take(count: int, events: AsyncIterator[RecordedEvent]) -> list[int]:
    return positions([await anext(events) for _ in range(count)])


def starts(server: ScriptedServer) -> list[int | str]:
    """Where each connection asked to start."""
    asked = server.requests(SubscribeRequest)
    return ["end" if one.WhichOneof("start") == "end" else one.after_position for one in asked]


async def test_it_continues_through_restarts_of_the_server(connect: Connect, retry: Retry) -> None:
    first = ScriptedServer()
    await first.start()
    first.streams("Subscribe", confirmed(0), batch(1, 2, 3), Hang())
    async with (
        connect(first.target, retry=retry) as client,
        client.events.subscribe() as events,
    ):
        assert await take(3, events) == [1, 2, 3]
        waiting = asyncio.create_task(take(2, events))
        await first.stop()
        second = ScriptedServer(port=first.port)
        second.streams("Subscribe", confirmed(3), batch(4, 5), Hang())
        await second.start()
        assert await waiting == [4, 5]
        assert starts(second) == [3]
        await events.aclose()
        await second.stop()


@pytest.mark.parametrize("loss", [LOST, RESET, Failure(grpc.StatusCode.CANCELLED)])
async def test_events_that_come_twice_are_handed_out_once(
    server: ScriptedServer, client: Client, loss: Failure
) -> None:
    server.streams("Subscribe", confirmed(0), batch(1, 2), loss)
    server.streams("Subscribe", confirmed(0), batch(1, 2), batch(2, 3), batch(4), Hang())
    async with client.events.subscribe() as events:
        assert await take(4, events) == [1, 2, 3, 4]


async def test_it_resumes_after_what_was_received_and_not_yet_handed_out(
    server: ScriptedServer, client: Client
) -> None:
    server.streams("Subscribe", confirmed(0), batch(1, 2, position=7), LOST)
    server.streams("Subscribe", confirmed(7), batch(8), Hang())
    async with client.events.subscribe() as events:
        assert await take(1, events) == [1]
        assert events.position == 1
        assert await take(2, events) == [2, 8]
    assert starts(server) == [0, 7]


async def test_a_checkpoint_is_progress(server: ScriptedServer, client: Client) -> None:
    server.streams("Subscribe", confirmed(0), checkpoint(40), LOST)
    server.streams("Subscribe", confirmed(40), batch(41), Hang())
    async with client.events.subscribe(categories=["order"]) as events:
        assert await take(1, events) == [41]
        assert events.token == LogPosition("log-a", 41)
    assert starts(server) == [0, 40]


async def test_a_start_at_the_end_is_pinned_by_the_first_connection(
    server: ScriptedServer, client: Client
) -> None:
    server.streams("Subscribe", LOST)
    server.streams("Subscribe", confirmed(50), LOST)
    server.streams("Subscribe", confirmed(50), batch(51), Hang())
    async with client.events.subscribe(at_end=True) as events:
        assert events.token is None
        assert await take(1, events) == [51]
    assert starts(server) == ["end", "end", 50]


async def test_the_server_may_end_the_stream_and_is_asked_again(
    server: ScriptedServer, client: Client
) -> None:
    server.streams("Subscribe", confirmed(0), batch(1))
    server.streams("Subscribe", confirmed(1), batch(2), Hang())
    async with client.events.subscribe() as events:
        assert await take(2, events) == [1, 2]


async def test_another_log_after_a_lost_connection_is_an_error(
    server: ScriptedServer, client: Client
) -> None:
    server.streams("Subscribe", confirmed(0), batch(1), LOST)
    server.streams("Subscribe", confirmed(1, log_id="log-b"), batch(2), Hang())
    async with client.events.subscribe() as events:
        assert await take(1, events) == [1]
        with pytest.raises(LogReplaced) as caught:
            await anext(events)
        assert caught.value.metadata == {"asked_log_id": "log-a", "log_id": "log-b"}
        with pytest.raises(StopAsyncIteration):
            await anext(events)
    assert server.requests(SubscribeRequest)[1].log_id == "log-a"


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (refusal(grpc.StatusCode.OUT_OF_RANGE, "POSITION_BEYOND_HEAD"), BeyondHead),
        (refusal(grpc.StatusCode.INTERNAL, "INTERNAL"), ServerFault),
        (refusal(grpc.StatusCode.DATA_LOSS, "DATA_DAMAGED"), DataDamaged),
    ],
)
async def test_what_cannot_be_mended_is_raised(
    server: ScriptedServer, client: Client, failure: Failure, error: type[Exception]
) -> None:
    server.streams("Subscribe", failure)
    async with client.events.subscribe(after=7) as events:
        with pytest.raises(error):
            await anext(events)
        assert await anext(events, None) is None
    assert len(server.calls) == 1


async def test_pauses_begin_anew_after_progress_and_not_after_a_mere_connection(
    server: ScriptedServer, client: Client, pauses: Pauses
) -> None:
    server.streams("Subscribe", LOST)
    server.streams("Subscribe", confirmed(0), LOST)
    server.streams("Subscribe", confirmed(0), batch(1), LOST)
    server.streams("Subscribe", confirmed(1), batch(2), Hang())
    async with client.events.subscribe() as events:
        assert await take(2, events) == [1, 2]
    assert pauses.taken == pytest.approx([0.1, 0.2, 0.1])


async def test_it_tries_more_often_than_a_call_would(
    connect: Connect, server: ScriptedServer, retry: Retry
) -> None:
    for _ in range(5):
        server.streams("Subscribe", LOST)
    server.streams("Subscribe", confirmed(0), batch(1), Hang())
    once = replace(retry, attempts=1)
    async with (
        connect(server.target, retry=once) as client,
        client.events.subscribe() as events,
    ):
        assert await take(1, events) == [1]


@IN_A_LOOP
async def test_a_wait_that_is_given_up_loses_nothing(server: ScriptedServer, client: Client) -> None:
    server.streams("Subscribe", confirmed(0), batch(1), Hang())
    server.streams("Subscribe", confirmed(1), batch(2), Hang())
    async with client.events.subscribe() as events:
        assert await take(1, events) == [1]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(events), 0.05)
        assert await take(1, events) == [2]
    assert starts(server) == [0, 1]


async def test_closing_ends_an_iteration_in_progress(server: ScriptedServer, client: Client) -> None:
    server.streams("Subscribe", confirmed(0), batch(1), Hang())
    events = client.events.subscribe()
    assert await take(1, events) == [1]
    rest = asyncio.create_task(anext(events, None))
    await asyncio.sleep(0)
    await client.close()
    assert await asyncio.wait_for(rest, 10) is None


@IN_A_LOOP
async def test_a_cancelled_reader_stays_cancelled(server: ScriptedServer, client: Client) -> None:
    server.streams("Subscribe", confirmed(0), batch(1), Hang())
    async with client.events.subscribe() as events:
        assert await take(1, events) == [1]
        reader = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader


async def test_the_filter_is_sent_with_every_connection(server: ScriptedServer, client: Client) -> None:
    server.streams("Subscribe", LOST)
    server.streams("Subscribe", confirmed(7), batch(8), Hang())
    async with client.events.subscribe(
        LogPosition("log-a", 7),
        categories=["order"],
        stream_prefixes=["order-5"],
        event_types=[OrderShipped, "foldlog.orders.v1.OrderCancelled"],
        correlation_ids=["c-1"],
    ) as events:
        assert await take(1, events) == [8]
    first, second = server.requests(SubscribeRequest)
    assert first == second
    assert first.log_id == "log-a"
    assert first.filter.event_types == ["foldlog.orders.v1.OrderShipped", "foldlog.orders.v1.OrderCancelled"]
    assert first.filter.categories == ["order"]
    assert first.filter.stream_prefixes == ["order-5"]
    assert first.filter.correlation_ids == ["c-1"]


async def test_messages_tell_the_progress_and_repeat_no_event(server: ScriptedServer, client: Client) -> None:
    caught_up = SubscribeResponse(position=2, caught_up=CaughtUp())
    server.streams("Subscribe", confirmed(0), batch(1, 2), caught_up, LOST)
    server.streams("Subscribe", confirmed(2), batch(1, 2), batch(2, 3), Hang())
    seen = []
    async with client.events.subscribe() as events:
        async for message in events.messages():
            seen.append((message.WhichOneof("message"), positions(message.events.events), events.position))
            if message.position == 3:
                break
    assert seen == [
        ("confirmed", [], 0),
        ("events", [1, 2], 2),
        ("caught_up", [], 2),
        ("confirmed", [], 2),
        ("checkpoint", [], 2),
        ("events", [3], 3),
    ]


async def test_a_start_is_a_position_or_the_end(client: Client) -> None:
    with pytest.raises(ValueError, match="not both"):
        client.events.subscribe(after=7, at_end=True)
