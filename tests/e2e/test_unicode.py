"""Ids and names of every plane of Unicode over a real channel, there and back byte for byte."""

import asyncio
import unicodedata
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection_pb2

from foldlog.inventory.v1.commands_pb2 import (
    AdjustStock,
    DispatchStock,
    ReceiveStock,
    ReservationLine,
    ReserveStock,
)
from foldlog.inventory.v1.queries_pb2 import GetInventoryRequest, GetStockRequest, ListInventoryRequest
from foldlog.orders.v1.commands_pb2 import (
    AddItem,
    ChangeItemQuantity,
    ConfirmReservation,
    RecordPayment,
    ShipOrder,
    SubmitOrder,
)
from foldlog.orders.v1.queries_pb2 import (
    GetCustomerOrdersRequest,
    GetOrderHistoryRequest,
    GetOrderRequest,
    ListCurrentOrdersRequest,
    ListCustomersRequest,
    ListOrderHistoryRequest,
)
from foldlog.v1.event_service_pb2 import EventFilter, ReadStreamRequest, SubscribeRequest
from foldlog.v1.reads_pb2 import ReadOptions
from tests.support.older_release import takes_any_new_name
from tests.support.order_stories import line, money
from tests.support.orders import create, listed
from tests.support.server import Server
from tests.support.wire import SECONDS, refused, refused_stream


def of_plane(plane: int) -> str:
    """Letters of a plane from its beginning to its last two code points, which are no characters at all."""
    first = 0xA1 if plane == 0 else plane << 16
    points = (first, first + 0x3A9, (plane << 16) + 0x4E2D, (plane << 16) + 0xFFFE, (plane << 16) + 0xFFFF)
    return "".join(map(chr, points))


TEXTS = [
    *map(of_plane, range(17)),
    unicodedata.normalize("NFC", "é가Å"),
    unicodedata.normalize("NFD", "é가Å"),
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "\u202eabc\u2066\u200f",
    "x\ufeff\u200d\u0301",
    "ſK\u0130\u0131ß",
    "\uff5e",  # before every higher plane by its bytes, after them in UTF-16
]
"""Every plane, and what looks like something else or cannot be seen."""


async def begins(server: Server, text: str) -> list[Any]:
    """A product and an order in which every id and name is the text, as an older release took it."""
    commands = [
        ReceiveStock(product_id=text, name=text * 2, quantity=3),
        create(
            text,
            line(text, 2, money("1"), name=text * 3),
            customer_id=text,
            customer_name=text * 4,
        ),
    ]
    with takes_any_new_name():
        return [event for command in commands for event in (await server.send(command)).result.events]


async def lives(server: Server, text: str) -> list[Any]:
    """An order from its first line to its end in which every id and name is the text. Gives its events."""
    begun = await begins(server, text)
    commands = [
        ReceiveStock(product_id=text, quantity=1),
        AdjustStock(product_id=text, delta=-1, reason="counted"),
        AddItem(order_id=text, line=line(text, 1, money("1"))),
        ChangeItemQuantity(order_id=text, line_id=text, quantity=2),
        SubmitOrder(order_id=text),
        ReserveStock(order_id=text, lines=[ReservationLine(product_id=text, quantity=2)]),
        ConfirmReservation(order_id=text, reservation_id=text),
        RecordPayment(order_id=text, payment_id=text, amount=money("2")),
        DispatchStock(order_id=text, product_ids=[text]),
    ]
    return begun + [event for command in commands for event in (await server.send(command)).result.events]


async def check(server: Server, text: str, events: list[Any]) -> None:
    options = ReadOptions(min_position=events[-1].position)
    order = (await server.ask(GetOrderRequest(order_id=text, options=options))).order
    names = (order.order_id, order.customer_id, order.customer_name, order.lines[0].line_id)
    assert names == (text, text, text * 4, text)
    assert (order.lines[0].product_name, order.reservation_id, order.payment_id) == (text * 3, text, text)
    item = (await server.ask(GetInventoryRequest(product_id=text, options=options))).item
    assert (item.product_id, item.name, item.on_hand, item.demanded_units) == (text, text * 2, 1, 2)
    stock = (await server.ask(GetStockRequest(product_id=text))).stock
    assert (stock.product_id, stock.on_hand) == (text, 1)
    mine = await server.ask(GetCustomerOrdersRequest(customer_id=text, options=options))
    assert (mine.customer.customer_id, [one.order_id for one in mine.orders]) == (text, [text])
    found = await listed(server, ListCurrentOrdersRequest(customer_id=text), "orders")
    assert [(one.order_id, one.customer_id, one.customer_name) for one in found] == [(text, text, text * 4)]
    stream = f"order-{text}"
    history = await listed(server, GetOrderHistoryRequest(order_id=text), "entries", page_size=2)
    assert [entry.event for entry in history] == [event for event in events if event.stream == stream]


async def test_texts_of_every_plane_go_through_commands_and_queries_unchanged(server: Server) -> None:
    assert len(set(TEXTS)) == len(TEXTS)
    for text in TEXTS:
        await check(server, text, await lives(server, text))


async def test_lists_with_texts_of_every_plane_are_paged_in_the_order_of_their_bytes(server: Server) -> None:
    for text in TEXTS:
        await lives(server, text)
        shipment = ShipOrder(order_id=text, shipment_id=text, carrier=text, tracking_number=text)
        assert (await server.send(shipment)).order.shipment_id == text
    ordered = sorted(TEXTS, key=str.encode)
    assert ordered != sorted(TEXTS, key=lambda text: text.encode("utf-16-be")), "no text tells the two apart"
    for descending in (False, True):
        step = -1 if descending else 1
        for request, field, key, expected in (
            (ListCustomersRequest(descending=descending), "customers", "customer_id", ordered),
            (ListInventoryRequest(descending=descending), "items", "product_id", ordered),
            (ListOrderHistoryRequest(descending=descending), "orders", "order_id", TEXTS),
        ):
            rows = await listed(server, request, field, page_size=1)
            assert [getattr(row, key) for row in rows] == expected[::step]


async def test_what_is_not_there_is_named_whatever_its_letters(server: Server) -> None:
    for text in TEXTS:
        refusal = await refused(server.ask(GetOrderRequest(order_id=text)))
        assert (refusal.reason, refusal.resource) == ("ORDER_NOT_FOUND", ("order", text))
        assert refusal.metadata == {"order_id": text}
        stream = await refused_stream(server.ask(ReadStreamRequest(stream=f"order-{text}")))
        assert stream.resource == ("stream", f"order-{text}")


async def followed(server: Server, **filters: Any) -> list[Any]:
    """The events that a subscription from the beginning gives until it has caught up."""
    events: list[Any] = []
    request = SubscribeRequest(beginning=Empty(), filter=EventFilter(**filters))
    async with asyncio.timeout(SECONDS):
        async for message in server.ask(request):
            events += message.events.events
            if message.HasField("caught_up"):
                break
    return events


async def test_streams_and_correlation_ids_of_every_plane_are_read_and_followed(server: Server) -> None:
    with takes_any_new_name():
        for text in TEXTS:
            await server.send(create(text), correlation_id=text)
            await server.send(ReceiveStock(product_id=text, quantity=1))
    for text in TEXTS:
        for filters in (
            {"stream_prefixes": [f"order-{text}"]},
            {"correlation_ids": [text]},
        ):
            assert [event.stream for event in await followed(server, **filters)] == [f"order-{text}"]
        request = ReadStreamRequest(stream=f"stock-{text}")
        read = [event async for batch in server.ask(request) for event in batch.events]
        assert [event.stream for event in read] == [f"stock-{text}"]


@pytest.fixture
async def reflected(server: Server) -> DescriptorPool:
    """What a client knows of the contract that has nothing but the server's reflection."""
    symbols = ("foldlog.orders.v1.QueryService", "foldlog.orders.v1.OrderCreated")
    call: Any = server.channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    requests = [reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol) for symbol in symbols]
    files: dict[str, FileDescriptorProto] = {}
    async for response in call(iter(requests), timeout=SECONDS):
        for encoded in response.file_descriptor_response.file_descriptor_proto:
            file = FileDescriptorProto.FromString(encoded)
            files[file.name] = file
    pool = DescriptorPool()
    while files:
        ready = [file for file in files.values() if not files.keys() & set(file.dependency)]
        for file in ready:
            pool.Add(file)
            del files[file.name]
    return pool


async def test_json_made_by_reflection_alone_says_the_same_texts(
    server: Server, reflected: DescriptorPool
) -> None:
    response = reflected.FindMessageTypeByName("foldlog.orders.v1.GetOrderHistoryResponse")
    kind: Any = GetMessageClass(response)
    for text in TEXTS:
        with takes_any_new_name():
            await server.send(create(text, customer_id=text, customer_name=text * 4))
        answer = await server.ask(GetOrderHistoryRequest(order_id=text))
        seen = kind.FromString(answer.SerializeToString())
        for ensure_ascii in (False, True):
            json = json_format.MessageToJson(seen, descriptor_pool=reflected, ensure_ascii=ensure_ascii)
            again = json_format.Parse(json.encode(), kind(), descriptor_pool=reflected)
            assert again == seen
        [entry] = json_format.MessageToDict(seen, descriptor_pool=reflected)["entries"]
        payload = entry["event"]["payload"]
        assert (payload["customerId"], payload["customerName"]) == (text, text * 4)
