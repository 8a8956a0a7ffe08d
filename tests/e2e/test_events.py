"""Reading and following the log over a real channel: no gap, no duplicate, no reorder."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from grpc import StatusCode

from foldlog.inventory.v1.commands_pb2 import ReceiveStock, ReservationLine, ReserveStock
from foldlog.orders.v1.commands_pb2 import AddItem, CancelOrder, CreateOrder, SubmitOrder
from foldlog.v1.event_service_pb2 import (
    DIRECTION_BACKWARDS,
    DIRECTION_FORWARDS,
    DIRECTION_UNSPECIFIED,
    Confirmed,
    EventFilter,
    ReadAllRequest,
    ReadStreamRequest,
    SubscribeRequest,
    SubscribeResponse,
)
from foldlog.v1.events_pb2 import RecordedEvent
from tests.support.order_stories import line, money
from tests.support.server import Server, until
from tests.support.wire import SECONDS, connected, refused_stream

MIB = 1024 * 1024


def create(order_id: str, *lines: Any) -> CreateOrder:
    return CreateOrder(order_id=order_id, customer_id="ada", currency_code="GBP", lines=lines)


def add(order_id: str, product_id: str) -> AddItem:
    return AddItem(order_id=order_id, line=line(product_id, 1, money("1")))


def large(order_id: str) -> CreateOrder:
    """An order with 2,001 events, more than half a mebibyte."""
    return create(order_id, *(line(f"{n}", 1, money("1"), name="x" * 200) for n in range(2000)))


async def fill(server: Server) -> list[RecordedEvent]:
    """Fifteen events: two orders and two products, some with correlation ids."""
    lines = [ReservationLine(product_id=product, quantity=1) for product in ("tea", "jam")]
    said: Sequence[tuple[Message, str]] = [
        (create("1", line("tea", 1, money("1")), line("jam", 1, money("2"))), "basket 1"),
        (ReceiveStock(product_id="tea", quantity=5), ""),
        (create("10"), "basket 10"),
        (add("10", "oil"), "basket 10"),
        (ReceiveStock(product_id="jam", quantity=5), "delivery"),
        (SubmitOrder(order_id="1"), "basket 1"),
        (ReserveStock(order_id="1", lines=lines), "basket 1"),
        (add("10", "tea"), ""),
        (CancelOrder(order_id="10", reason="changed mind"), "basket 10"),
        (create("2", line("tea", 1, money("1"))), ""),
        (ReceiveStock(product_id="tea", quantity=1), "delivery"),
    ]
    events: list[RecordedEvent] = []
    for command, correlation_id in said:
        events += (await server.send(command, correlation_id=correlation_id)).result.events
    assert [event.position for event in events] == list(range(1, 16))
    return events


async def read(server: Server, request: Any) -> list[RecordedEvent]:
    """All events that a read gives, none of its batches empty or too large."""
    events: list[RecordedEvent] = []
    async for batch in server.ask(request):
        assert batch.events
        assert batch.ByteSize() <= MIB or len(batch.events) == 1
        events += batch.events
    return events


# Reading


def expected_read(events: list[Any], start: int, backwards: bool, most: int) -> list[Any]:
    """What a read must give that counts places from 1."""
    if backwards:
        way = events[: start or None][::-1]
    else:
        way = events[max(0, start - 1) :]
    return way[: most or None]


async def test_a_stream_is_read_from_any_version_either_way_and_as_far_as_wanted(server: Server) -> None:
    log = await fill(server)
    stream = [event for event in log if event.stream == "order-10"]
    assert [event.version for event in stream] == [1, 2, 3, 4]
    for direction in (DIRECTION_UNSPECIFIED, DIRECTION_FORWARDS, DIRECTION_BACKWARDS):
        for start in range(7 if direction == DIRECTION_BACKWARDS else 6):
            for most in (0, 1, 3, 2**64 - 1):
                request = ReadStreamRequest(
                    stream="order-10", from_version=start, direction=direction, max_count=most
                )
                backwards = direction == DIRECTION_BACKWARDS
                assert await read(server, request) == expected_read(stream, start, backwards, most), request


async def test_the_log_is_read_from_any_position_either_way_and_as_far_as_wanted(server: Server) -> None:
    log = await fill(server)
    for direction in (DIRECTION_UNSPECIFIED, DIRECTION_FORWARDS, DIRECTION_BACKWARDS):
        for start in (0, 1, 2, 7, 14, 15):
            for most in (0, 1, 14, 2**64 - 1):
                request = ReadAllRequest(from_position=start, direction=direction, max_count=most)
                backwards = direction == DIRECTION_BACKWARDS
                assert await read(server, request) == expected_read(log, start, backwards, most), request


async def test_what_is_read_is_what_commands_answered(server: Server) -> None:
    log = await fill(server)
    assert await read(server, ReadAllRequest()) == log
    await server.restart()
    assert await read(server, ReadAllRequest()) == log


async def test_a_large_read_comes_in_batches_of_a_mebibyte_at_most(server: Server) -> None:
    for id in ("1", "2"):
        await server.send(large(id))
        await server.send(SubmitOrder(order_id=id))
    forwards = await read(server, ReadAllRequest())
    assert [event.position for event in forwards] == list(range(1, 4005))
    assert await read(server, ReadAllRequest(direction=DIRECTION_BACKWARDS)) == forwards[::-1]
    stream = forwards[2002:]
    assert await read(server, ReadStreamRequest(stream="order-2")) == stream
    backwards = ReadStreamRequest(stream="order-2", direction=DIRECTION_BACKWARDS)
    assert await read(server, backwards) == stream[::-1]
    async with subscribed(server) as reader:
        assert (await reader.catch_up()) == forwards


async def test_an_empty_log_is_read_to_its_end_at_once(server: Server) -> None:
    assert await read(server, ReadAllRequest()) == []
    assert await read(server, ReadAllRequest(direction=DIRECTION_BACKWARDS)) == []


@pytest.mark.parametrize("stream", ["order-none", "order-", "order", "stock-1", "ORDER-1", "x" * 200])
async def test_a_stream_that_does_not_exist_is_not_found(server: Server, stream: str) -> None:
    for _ in range(2):
        for direction in (DIRECTION_FORWARDS, DIRECTION_BACKWARDS):
            request = ReadStreamRequest(stream=stream, direction=direction, from_version=3, max_count=1)
            refusal = await refused_stream(server.ask(request))
            assert (refusal.code, refusal.reason) == (StatusCode.NOT_FOUND, "STREAM_NOT_FOUND")
            assert refusal.resource == ("stream", stream)
        if (await server.head()).position == 0:
            await server.send(create("1"))


@pytest.mark.parametrize("beyond", [1, 2**63, 2**64 - 1000])
async def test_a_position_beyond_the_head_is_refused(server: Server, beyond: int) -> None:
    head = len(await fill(server))
    for request, position in (
        (ReadAllRequest(from_position=head + 1 + beyond), head + 1 + beyond),
        (ReadAllRequest(from_position=head + beyond, direction=DIRECTION_BACKWARDS), head + beyond),
        (SubscribeRequest(after_position=head + beyond), head + beyond),
    ):
        refusal = await refused_stream(server.ask(request))
        assert (refusal.code, refusal.reason) == (StatusCode.OUT_OF_RANGE, "POSITION_BEYOND_HEAD")
        assert refusal.metadata == {"position": str(position), "head": str(head)}


@pytest.mark.parametrize("beyond", [1, 2**63, 2**64 - 16])
async def test_a_version_beyond_the_end_is_refused(server: Server, beyond: int) -> None:
    await server.send(create("1"))
    refusal = await refused_stream(server.ask(ReadStreamRequest(stream="order-1", from_version=2 + beyond)))
    assert (refusal.code, refusal.reason) == (StatusCode.OUT_OF_RANGE, "VERSION_BEYOND_END")
    assert refusal.metadata == {"stream": "order-1", "version": str(2 + beyond), "end": "1"}


# Following


class Reader:
    """Reads a subscription, and checks of every message what must hold of all."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.messages: list[SubscribeResponse] = []
        self.position = -1

    async def next(self) -> SubscribeResponse:
        message: SubscribeResponse = await asyncio.wait_for(self.call.read(), SECONDS)
        kind = message.WhichOneof("message")
        assert (kind == "confirmed") == (not self.messages)
        positions = [event.position for event in message.events.events]
        if kind == "events":
            assert positions == sorted(set(positions))
            assert self.position < positions[0]
            assert positions[-1] <= message.position
            assert message.ByteSize() <= MIB or len(positions) == 1
        assert message.position >= self.position
        self.messages.append(message)
        self.position = message.position
        return message

    async def read_until(self, enough: Callable[[], bool]) -> list[RecordedEvent]:
        """All events so far, once it is enough."""
        while not self.messages or not enough():
            await self.next()
        return [event for message in self.messages for event in message.events.events]

    async def catch_up(self) -> list[RecordedEvent]:
        return await self.read_until(lambda: self.messages[-1].HasField("caught_up"))

    async def reach(self, position: int) -> list[RecordedEvent]:
        return await self.read_until(lambda: self.position >= position)


@asynccontextmanager
async def subscribed(server: Server, **request: Any) -> AsyncIterator[Reader]:
    call = server.ask(SubscribeRequest(**request))
    try:
        yield Reader(call)
    finally:
        call.cancel()


@pytest.mark.parametrize("start", [{}, {"beginning": Empty()}, {"after_position": 0}])
async def test_a_subscription_begins_at_the_beginning(server: Server, start: dict[str, Any]) -> None:
    log = await fill(server)
    log_id = (await server.head()).log_id
    async with subscribed(server, **start) as reader:
        assert await reader.catch_up() == log
        confirmed = SubscribeResponse(
            position=0,
            confirmed=Confirmed(log_id=log_id, head=15),
            token=server.app.parts.store.lineage.token(0),
        )
        assert reader.messages[0] == confirmed
        assert reader.messages[-1].position == 15


async def test_a_subscription_begins_after_any_position(server: Server) -> None:
    log = await fill(server)
    for after in range(16):
        async with subscribed(server, after_position=after, log_id=(await server.head()).log_id) as reader:
            assert await reader.catch_up() == log[after:]
            assert reader.messages[0].position == after
            assert reader.messages[0].confirmed.head == 15


async def test_a_subscription_begins_at_the_end(server: Server) -> None:
    await fill(server)
    async with subscribed(server, end=Empty()) as reader:
        assert await reader.catch_up() == []
        assert [message.position for message in reader.messages] == [15, 15]
        reply = await server.send(create("new", line("tea", 1, money("1"))))
        assert await reader.reach(17) == list(reply.result.events)


async def test_a_subscription_to_an_empty_log_waits_for_the_first_event(server: Server) -> None:
    async with subscribed(server) as reader:
        assert await reader.catch_up() == []
        reply = await server.send(create("1"))
        assert await reader.reach(1) == list(reply.result.events)


async def test_a_subscription_to_another_log_is_refused(server: Server) -> None:
    log_id = (await server.head()).log_id
    refusal = await refused_stream(server.ask(SubscribeRequest(log_id="another", after_position=99)))
    assert (refusal.code, refusal.reason) == (StatusCode.FAILED_PRECONDITION, "LOG_REPLACED")
    assert refusal.metadata == {"asked_log_id": "another", "log_id": log_id}


FILTERS: list[tuple[dict[str, list[str]], Callable[[RecordedEvent], bool]]] = [
    ({"categories": ["order"]}, lambda e: e.stream.startswith("order-")),
    ({"categories": ["stock", "order"]}, lambda e: True),
    ({"categories": ["ord"]}, lambda e: False),
    ({"stream_prefixes": ["order-1"]}, lambda e: e.stream.startswith("order-1")),
    ({"stream_prefixes": ["order-10", "stock-t"]}, lambda e: e.stream.startswith(("order-10", "stock-t"))),
    ({"event_types": ["foldlog.orders.v1.ItemAdded"]}, lambda e: e.type.endswith(".ItemAdded")),
    ({"event_types": ["ItemAdded"]}, lambda e: False),
    (
        {"event_types": ["foldlog.orders.v1.OrderCreated", "foldlog.inventory.v1.StockReceived"]},
        lambda e: e.type.endswith((".OrderCreated", ".StockReceived")),
    ),
    ({"correlation_ids": ["basket 1"]}, lambda e: e.metadata.correlation_id == "basket 1"),
    (
        {"correlation_ids": ["basket 1", "delivery"]},
        lambda e: e.metadata.correlation_id in ("basket 1", "delivery"),
    ),
    (
        {"categories": ["stock"], "correlation_ids": ["basket 1", "basket 10"]},
        lambda e: e.stream.startswith("stock-") and e.metadata.correlation_id == "basket 1",
    ),
    (
        {
            "categories": ["order"],
            "stream_prefixes": ["order-10", "order-2", "stock-tea"],
            "event_types": ["foldlog.orders.v1.OrderCreated", "foldlog.orders.v1.OrderCancelled"],
            "correlation_ids": ["basket 10", "delivery"],
        },
        lambda e: e.stream.startswith("order-10") and e.type.endswith((".OrderCreated", ".OrderCancelled")),
    ),
]


@pytest.mark.parametrize(("chosen", "passes"), FILTERS, ids=lambda value: "")
async def test_a_filter_delivers_what_matches_and_says_how_far_it_has_looked(
    server: Server, chosen: dict[str, list[str]], passes: Callable[[RecordedEvent], bool]
) -> None:
    expected = [event for event in await fill(server) if passes(event)]
    wanted = EventFilter(**chosen)
    async with subscribed(server, filter=wanted) as reader:
        assert await reader.catch_up() == expected
        assert reader.position == 15
        reply = await server.send(create("10000", line("tea", 1, money("1"))), correlation_id="basket 10")
        received = await server.send(ReceiveStock(product_id="tea", quantity=1), correlation_id="basket 1")
        fresh = [e for e in (*reply.result.events, *received.result.events) if passes(e)]
        if fresh:
            assert await reader.reach(fresh[-1].position) == expected + fresh
    # Resumed after any message it goes on as if nothing had happened.
    for message in reader.messages:
        async with subscribed(server, filter=wanted, after_position=message.position) as resumed:
            rest = [event for event in expected + fresh if event.position > message.position]
            assert await resumed.catch_up() == rest


async def test_a_filter_that_leaves_much_out_says_how_far_it_has_looked(server: Server) -> None:
    await server.send(large("1"))
    await server.send(large("2"))
    async with subscribed(server, filter=EventFilter(categories=["stock"])) as reader:
        assert await reader.catch_up() == []
        checkpoints = [m.position for m in reader.messages if m.HasField("checkpoint")]
    assert checkpoints == [1000, 2000, 3000, 4000]


async def test_subscribers_at_the_head_get_every_event_as_it_comes(server: Server) -> None:
    await fill(server)
    async with subscribed(server, end=Empty()) as first, subscribed(server) as second:
        await first.catch_up()
        await second.catch_up()
        creating = [server.send(create(f"new {n}", line("tea", 1, money("1")))) for n in range(50)]
        replies = await asyncio.gather(*creating)
        events = sorted((e for reply in replies for e in reply.result.events), key=lambda e: e.position)
        assert [event.position for event in events] == list(range(16, 116))
        assert await first.reach(115) == events
        assert (await second.reach(115))[15:] == events
        assert sum(m.HasField("caught_up") for m in first.messages) == 1


async def test_a_subscription_that_starts_while_much_is_written_has_no_gap(server: Server) -> None:
    async def write(number: int) -> None:
        for line_number in range(10):
            await server.send(add(str(number), f"p{line_number}"))

    for number in range(10):
        await server.send(create(str(number)))
    writing = [asyncio.ensure_future(write(number)) for number in range(10)]
    for after in (0, 3, 10):
        async with subscribed(server, after_position=after) as reader:
            events = await reader.reach(110)
            assert [event.position for event in events] == list(range(after + 1, 111))
    await asyncio.gather(*writing)


# Slow readers


async def test_a_reader_that_never_reads_costs_the_others_nothing(server: Server) -> None:
    stalled_channel = connected(server.address)
    stalled: Any = stalled_channel.unary_stream(
        "/foldlog.v1.EventService/Subscribe",
        request_serializer=SubscribeRequest.SerializeToString,
        response_deserializer=SubscribeResponse.FromString,
    )(SubscribeRequest())
    reader_that_stalled = Reader(stalled)
    await reader_that_stalled.next()  # it is established, and then reads no more

    async with subscribed(server) as reader:
        await reader.catch_up()
        for number in range(4):
            await server.send(large(str(number)))
        head = (await server.head()).position
        events = await reader.reach(head)
        assert [event.position for event in events] == list(range(1, 4 * 2001 + 1))
        assert sum(event.ByteSize() for event in events) > 2 * MIB
    assert not stalled.done()

    # What was not read was not lost either.
    late = await reader_that_stalled.reach(head)
    assert [event.position for event in late] == [event.position for event in events]
    await stalled_channel.close()


async def test_a_reader_that_leaves_is_forgotten(server: Server) -> None:
    streams: Any = server.app._server._calls
    async with subscribed(server) as reader:
        await reader.catch_up()
        assert len(streams._streams) == 1
    await until(lambda: not streams._streams)


# The head and its chain


async def test_the_head_of_an_empty_log_is_at_position_0(server: Server) -> None:
    head = await server.head()
    assert (head.position, head.chain_hash) == (0, bytes(32))
    assert head.log_id


def chained(events: Sequence[RecordedEvent]) -> bytes:
    """The chain of the events by its definition: previous hash, position, header, hash of the payload."""
    chain = bytes(32)
    for event in events:
        header = RecordedEvent()
        header.CopyFrom(event)
        header.ClearField("position")
        header.ClearField("payload")
        payload_hash = hashlib.sha256(event.payload.value).digest()
        place = event.position.to_bytes(8, "big")
        chain = hashlib.sha256(chain + place + header.SerializeToString() + payload_hash).digest()
    return chain


async def test_the_chain_of_the_head_is_that_of_the_events(server: Server) -> None:
    await fill(server)
    head = await server.head()
    assert head.chain_hash == chained(await read(server, ReadAllRequest()))
    await server.send(create("new"))
    await server.restart()
    head = await server.head()
    assert head.position == 16
    assert head.chain_hash == chained(await read(server, ReadAllRequest()))
