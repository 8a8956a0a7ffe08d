"""Events: reading and following the log"""

from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty
from grpc import StatusCode

from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog.orders.v1.commands_pb2 import AddItem, CreateOrder
from foldlog.orders.v1.events_pb2 import OrderCreated
from foldlog.v1.event_service_pb2 import (
    DIRECTION_BACKWARDS,
    DIRECTION_FORWARDS,
    EventFilter,
    ReadAllRequest,
    ReadStreamRequest,
    SubscribeRequest,
)
from tests.conformance.shop import Shop, fresh, line, names, of_another_history
from tests.support.wire import refused

MEBIBYTE = 1024 * 1024


async def versions(shop: Shop, order_id: str, **request: Any) -> list[int]:
    return [event.version for event in await shop.events(f"order-{order_id}", **request)]


async def read_all(shop: Shop, **request: Any) -> list[int]:
    batches = shop.ask(ReadAllRequest(**request))
    return [event.position async for batch in batches for event in batch.events]


def subscribe(after: int, **filters: Any) -> SubscribeRequest:
    return SubscribeRequest(after_position=after, filter=EventFilter(**filters))


async def caught_up(shop: Shop, request: SubscribeRequest) -> list[Any]:
    return await shop.subscription(request, "caught_up")


def delivered(messages: list[Any]) -> list[Any]:
    return [event for message in messages for event in message.events.events]


# Reading


async def test_read_stream(shop: Shop) -> None:
    """ReadStream reads from a version, forwards or backwards, as many events as asked for."""
    order_id = await shop.order("RESERVED")
    assert await versions(shop, order_id) == [1, 2, 3, 4]
    assert await versions(shop, order_id, from_version=2, direction=DIRECTION_FORWARDS) == [2, 3, 4]
    assert await versions(shop, order_id, direction=DIRECTION_BACKWARDS) == [4, 3, 2, 1]
    assert await versions(shop, order_id, from_version=3, direction=DIRECTION_BACKWARDS) == [3, 2, 1]
    assert await versions(shop, order_id, from_version=2, max_count=2) == [2, 3]
    assert await versions(shop, order_id, from_version=5) == []


async def test_unknown_stream(shop: Shop) -> None:
    """A stream that does not exist is NOT_FOUND (STREAM_NOT_FOUND)."""
    refusal = await refused(anext(aiter(shop.ask(ReadStreamRequest(stream=f"order-{fresh()}")))))
    assert (refusal.code, refusal.reason) == (StatusCode.NOT_FOUND, "STREAM_NOT_FOUND")


async def test_read_all(shop: Shop) -> None:
    """ReadAll reads from a position, forwards or backwards, as many events as asked for."""
    before = (await shop.head()).position
    await shop.order("RESERVED")
    assert (await read_all(shop, from_position=before + 1))[:4] == [before + step for step in (1, 2, 3, 4)]
    backwards = await read_all(shop, from_position=before + 4, direction=DIRECTION_BACKWARDS, max_count=3)
    assert backwards == [before + 4, before + 3, before + 2]


async def test_gapless(shop: Shop) -> None:
    """Positions are gapless and in the order of commits."""
    before = (await shop.head()).position
    for _ in range(5):
        await shop.order()
    head = (await shop.head()).position
    assert await read_all(shop, from_position=before + 1, max_count=head - before) == [
        *range(before + 1, head + 1)
    ]


async def test_batches(shop: Shop) -> None:
    """What is streamed comes in messages of at most 1 MiB, each with at least one event."""
    order_id = fresh("o")
    lines = [
        line(f"p-{number}", 1, product_name="ż" * 100, line_id="l" * 50 + str(number))
        for number in range(2_000)
    ]
    await shop.send(CreateOrder(order_id=order_id, customer_id="c", currency_code="GBP", lines=lines))
    await shop.send(AddItem(order_id=await shop.order(), line=line()))
    sizes = [
        (message.ByteSize(), len(message.events))
        async for message in shop.ask(ReadStreamRequest(stream=f"order-{order_id}"))
    ]
    assert sum(count for _, count in sizes) == 2_001
    assert all(size <= MEBIBYTE and count for size, count in sizes)


async def test_recorded_event(shop: Shop) -> None:
    """A recorded event has position, stream, version, id, type, payload, recorded time and metadata."""
    order_id = await shop.order(customer_id="ada")
    first, second = await shop.events(f"order-{order_id}")
    assert (first.stream, first.version, second.version) == (f"order-{order_id}", 1, 2)
    assert (first.type, first.payload.TypeName()) == ("foldlog.orders.v1.OrderCreated",) * 2
    assert OrderCreated.FromString(first.payload.value).customer_id == "ada"
    assert (first.position + 1, len(first.event_id)) == (second.position, 36)
    assert 0 < first.recorded_time.ToNanoseconds() <= second.recorded_time.ToNanoseconds()


async def test_head(shop: Shop) -> None:
    """GetHead gives the log's id, the position of its last event, and the chain's hash of 32 bytes."""
    before = await shop.head()
    created = await shop.send(CreateOrder(customer_id="c", currency_code="GBP"))
    head = await shop.head()
    assert (head.log_id, len(head.chain_hash)) == (before.log_id, 32)
    assert head.position >= created.result.position > before.position
    assert head.chain_hash != before.chain_hash


# Subscriptions


async def test_confirmed(shop: Shop) -> None:
    """The first message of a subscription confirms where it begins, the head, and the log."""
    head = await shop.head()
    [first] = await shop.subscription(SubscribeRequest(after_position=head.position), "confirmed")
    assert (first.position, first.confirmed.log_id) == (head.position, head.log_id)
    assert first.confirmed.head >= head.position


async def test_after_a_position(shop: Shop) -> None:
    """After a position: the next event is the first."""
    before = (await shop.head()).position
    await shop.order()
    messages = await caught_up(shop, SubscribeRequest(after_position=before + 1))
    assert delivered(messages)[0].position == before + 2


async def test_from_the_end(shop: Shop) -> None:
    """At the end: what was there before is not delivered, what comes is."""
    call = shop.ask(SubscribeRequest(end=Empty()))
    messages = aiter(call)
    confirmed = await anext(messages)
    created = await shop.send(CreateOrder(customer_id="c", currency_code="GBP"))
    async for message in messages:
        if message.HasField("events"):
            assert message.events.events[0].position == confirmed.position + 1
            if message.position >= created.result.position:
                break
    call.cancel()


async def test_from_the_beginning(shop: Shop) -> None:
    """At the beginning, which is also where a subscription without a start begins: position 1 is the first."""
    await shop.order()
    for request in (
        SubscribeRequest(),
        SubscribeRequest(beginning=Empty()),
        SubscribeRequest(after_position=0),
    ):
        assert delivered(await shop.subscription(request, "events"))[0].position == 1


async def test_catches_up_and_follows(shop: Shop) -> None:
    """It catches up, says so, and follows: every event once, in order."""
    before = (await shop.head()).position
    await shop.order("PAID")
    call = shop.ask(SubscribeRequest(after_position=before))
    positions, kinds = [], []
    async for message in call:
        kinds.append(message.WhichOneof("message"))
        positions += [event.position for event in message.events.events]
        if kinds[-1] == "caught_up":
            await shop.order("PAID")
        if len(positions) >= 10:
            break
    call.cancel()
    assert positions[:10] == list(range(before + 1, before + 11))
    assert "caught_up" in kinds


async def test_positions_of_messages(shop: Shop) -> None:
    """Every message has the position up to which all has been considered, and they never go back."""
    before = (await shop.head()).position
    await shop.order("PAID")
    messages = await caught_up(shop, subscribe(before, categories=["none of these"]))
    assert not delivered(messages)
    assert [message.position for message in messages] == sorted(message.position for message in messages)
    assert messages[-1].position >= before + 5


async def test_resume(shop: Shop) -> None:
    """Who resumes after the position of any message gets the rest without a gap or duplicate."""
    before = (await shop.head()).position
    for _ in range(3):
        await shop.order("PAID")
    whole = [event.position for event in delivered(await caught_up(shop, subscribe(before)))][:15]
    for cut in range(16):
        rest = delivered(await caught_up(shop, subscribe(before + cut)))
        assert [event.position for event in rest][: 15 - cut] == whole[cut:]


async def test_after_the_head(shop: Shop) -> None:
    """After the head itself is a valid start; beyond it is OUT_OF_RANGE (POSITION_BEYOND_HEAD)."""
    head = (await shop.head()).position
    await shop.subscription(SubscribeRequest(after_position=head), "caught_up")
    call = shop.ask(SubscribeRequest(after_position=head + 1_000_000))
    refusal = await refused(anext(aiter(call)))
    assert (refusal.code, refusal.reason) == (StatusCode.OUT_OF_RANGE, "POSITION_BEYOND_HEAD")


async def test_read_beyond_the_head(shop: Shop) -> None:
    """Reading from beyond the head is OUT_OF_RANGE (POSITION_BEYOND_HEAD)."""
    # Forwards, the position after the head is valid and has nothing yet; others may write meanwhile.
    beyond = (await shop.head()).position + 1_000_000
    refusal = await refused(anext(aiter(shop.ask(ReadAllRequest(from_position=beyond)))))
    assert (refusal.code, refusal.reason) == (StatusCode.OUT_OF_RANGE, "POSITION_BEYOND_HEAD")


async def test_read_beyond_the_end(shop: Shop) -> None:
    """Forwards, the version after a stream's last is valid and empty; beyond it is OUT_OF_RANGE."""
    order_id = await shop.order("RESERVED")
    assert await versions(shop, order_id, from_version=5) == []
    refusal = await refused(
        anext(aiter(shop.ask(ReadStreamRequest(stream=f"order-{order_id}", from_version=6))))
    )
    assert (refusal.code, refusal.reason) == (StatusCode.OUT_OF_RANGE, "VERSION_BEYOND_END")


async def test_another_log(shop: Shop) -> None:
    """A position of another log is FAILED_PRECONDITION (LOG_REPLACED)."""
    refusal = await refused(anext(aiter(shop.ask(SubscribeRequest(log_id="another")))))
    assert (refusal.code, refusal.reason) == (StatusCode.FAILED_PRECONDITION, "LOG_REPLACED")


@pytest.mark.parametrize("method", ["ReadStream", "ReadAll", "Subscribe"])
async def test_another_history(shop: Shop, method: str) -> None:
    """{method}: a token of another history is FAILED_PRECONDITION (LOG_REPLACED)."""
    order_id = await shop.order()
    token = of_another_history((await shop.head()).token)
    request = {
        "ReadStream": ReadStreamRequest(stream=f"order-{order_id}", seen_token=token),
        "ReadAll": ReadAllRequest(seen_token=token),
        "Subscribe": SubscribeRequest(after_token=token),
    }[method]
    refusal = await refused(anext(aiter(shop.ask(request))))
    assert (refusal.code, refusal.reason) == (StatusCode.FAILED_PRECONDITION, "LOG_REPLACED")


async def test_tokens(shop: Shop) -> None:
    """Every event comes with a token of its position, and every message of a subscription with one of its own."""
    before = (await shop.head()).position
    await shop.order("RESERVED")
    messages = await caught_up(shop, subscribe(before))
    for message in messages:
        assert message.token.endswith(f".{message.position}")
        for event, token in zip(message.events.events, message.events.tokens, strict=True):
            assert token.endswith(f".{event.position}")
    told = [token for message in messages for token in message.events.tokens]
    read = [batch async for batch in shop.ask(ReadAllRequest(from_position=before + 1))]
    assert [token for batch in read for token in batch.tokens][: len(told)] == told


async def test_after_token(shop: Shop) -> None:
    """After a token: the next event is the first; a read that was given one continues after it."""
    order_id = await shop.order("RESERVED")
    [batch] = [batch async for batch in shop.ask(ReadStreamRequest(stream=f"order-{order_id}"))]
    token, after = batch.tokens[1], batch.events[1].position
    first = delivered(await caught_up(shop, SubscribeRequest(after_token=token)))[0]
    assert (first.position, (await read_all(shop, seen_token=token))[0]) == (after + 1, after + 1)


# Filters


@pytest.mark.parametrize("kind", ["categories", "stream_prefixes", "event_types", "correlation_ids"])
async def test_filters(shop: Shop, kind: str) -> None:
    """A filter by {kind} delivers what matches one of its values, and nothing else."""
    before, trip = (await shop.head()).position, fresh("trip")
    order_id, product = fresh("o"), fresh("p")
    create = CreateOrder(order_id=order_id, customer_id="c", currency_code="GBP", lines=[line()])
    await shop.send(create, correlation_id=trip)
    await shop.send(ReceiveStock(product_id=product, quantity=1))
    values, expected = {
        "categories": (["stock", "none"], ["StockReceived"]),
        "stream_prefixes": ([f"order-{order_id[:-2]}", "none"], ["OrderCreated", "ItemAdded"]),
        "event_types": (["foldlog.orders.v1.ItemAdded", "none"], ["ItemAdded"]),
        "correlation_ids": ([trip, "none"], ["OrderCreated", "ItemAdded"]),
    }[kind]
    found = delivered(await caught_up(shop, subscribe(before, **{kind: values})))
    mine = [event for event in found if event.stream in (f"order-{order_id}", f"stock-{product}")]
    assert names(mine) == expected


async def test_filters_of_kinds(shop: Shop) -> None:
    """Between kinds, all must match."""
    before, trip = (await shop.head()).position, fresh("trip")
    create = CreateOrder(customer_id="c", currency_code="GBP", lines=[line()])
    await shop.send(create, correlation_id=trip)
    await shop.send(create)
    types = ["foldlog.orders.v1.ItemAdded"]
    both = subscribe(before, categories=["order"], event_types=types, correlation_ids=[trip])
    assert names(delivered(await caught_up(shop, both))) == ["ItemAdded"]
    neither = subscribe(before, categories=["stock"], event_types=types)
    assert not delivered(await caught_up(shop, neither))


async def test_checkpoints(shop: Shop) -> None:
    """Checkpoints report events that are left out: after every 1,000."""
    before = (await shop.head()).position
    lines = [line(f"p-{number}", 1) for number in range(2_000)]
    await shop.send(CreateOrder(customer_id="c", currency_code="GBP", lines=lines))
    messages = await caught_up(shop, subscribe(before, categories=["none"]))
    told = [message.position for message in messages if message.HasField("checkpoint")]
    assert len(told) >= 2
    assert told[0] <= before + 1_000
