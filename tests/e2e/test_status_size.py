"""Whatever a client sends, what it is told has at most 4 KiB in the trailers: measured as it was received."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc.aio
import pytest
from google.protobuf.message import Message
from grpc import StatusCode
from grpc_health.v1 import health_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foldlog.inventory.v1.commands_pb2 import AdjustStock, DispatchStock, ReservationLine, ReserveStock
from foldlog.inventory.v1.queries_pb2 import GetStockRequest
from foldlog.orders.v1.commands_pb2 import AddItem, CancelOrder, CreateOrder, SubmitOrder
from foldlog.orders.v1.queries_pb2 import GetOrderRequest, ListCurrentOrdersRequest
from foldlog.orders.v1.types_pb2 import OrderLine
from foldlog.v1.event_service_pb2 import EventFilter, ReadStreamRequest, SubscribeRequest
from foldlog.v1.money_pb2 import Money
from foldlog.v1.reads_pb2 import ReadOptions
from tests.support.provoking import refusal
from tests.support.server import Server
from tests.support.wire import MAX_WIRE_BYTES, SECONDS, wire_bytes

# Of every length around a rule's limit, and of all that a wire or a log could take amiss.
characters = st.sampled_from("x% \x00\n\x7f\x85é☃🜚\U0010ffff") | st.characters(exclude_categories=["Cs"])
texts = st.builds(
    lambda character, times: character * times,
    characters,
    st.sampled_from([1, 15, 16, 21, 32, 63, 64, 65, 200, 500, 2_000]),
) | st.text(characters, max_size=30)
ids = st.builds(lambda character, times: character * times, characters, st.sampled_from([1, 16, 21, 64, 65]))
lists = st.builds(
    lambda several, times: several * times,
    st.lists(ids, min_size=1, max_size=3),
    st.sampled_from([1, 30, 600]),
)


@dataclass(frozen=True, slots=True, repr=False)
class Sent:
    """A request, which can be long, and options for it if it is a command."""

    request: Message
    options: dict[str, Any]

    def __repr__(self) -> str:
        return f"{type(self.request).__name__}({str(self.request)[:1_000]!r}, {self.options})"


def wanted(ids: Sequence[str], quantity: int) -> list[ReservationLine]:
    return [ReservationLine(product_id=id, quantity=quantity) for id in ids]


def order_lines(ids: Sequence[str], text: str) -> list[OrderLine]:
    price = Money(currency_code=text, units=-1, nanos=1)
    return [OrderLine(line_id=id, product_id=text, product_name=text, unit_price=price) for id in ids]


requests: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        lambda id, ids, text: CreateOrder(
            order_id=id, customer_name=text, currency_code=text, lines=order_lines(ids, text[:60])
        ),
        texts,
        lists,
        texts,
    ),
    st.builds(
        lambda id, ids, n: ReserveStock(order_id=id, lines=wanted(ids, n)), texts, lists, st.integers(0, 1)
    ),
    st.builds(lambda id, ids: DispatchStock(order_id=id, product_ids=ids), texts, lists),
    st.builds(lambda id, text: AdjustStock(product_id=id, delta=1, reason=text), texts, texts),
    st.builds(lambda id: SubmitOrder(order_id=id), texts),
    st.builds(lambda id, ids: AddItem(order_id=id, line=order_lines(ids, id)[0]), texts, lists),
    st.builds(lambda id, text: CancelOrder(order_id=id, reason=text), texts, texts),
    st.builds(lambda id: GetStockRequest(product_id=id), texts),
    st.builds(
        lambda id, text: GetOrderRequest(order_id=id, options=ReadOptions(min_position=1, log_id=text)),
        texts,
        texts,
    ),
    st.builds(lambda id, text: ListCurrentOrdersRequest(customer_id=id, page_token=text + "."), texts, texts),
    st.builds(lambda text: ReadStreamRequest(stream=text), texts),
    st.builds(
        lambda text, several: SubscribeRequest(
            after_position=9, log_id=text, filter=EventFilter(stream_prefixes=several, categories=several)
        ),
        texts,
        lists,
    ),
)
options = st.fixed_dictionaries(
    {}, optional={"request_id": texts, "correlation_id": texts, "causation_id": texts}
)


async def test_what_a_client_is_told_of_anything_it_sends_is_small(server: Server) -> None:
    """That is asserted wherever a refusal is read; nothing that is sent here can be carried out."""
    loop = asyncio.get_running_loop()

    @settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
    @given(st.builds(Sent, requests, options))
    def send(sent: Sent) -> None:
        request, is_command = sent.request, not type(sent.request).__name__.endswith("Request")
        told = refusal(server, request, **(sent.options if is_command else {}))
        assert asyncio.run_coroutine_threadsafe(told, loop).result().message

    await asyncio.to_thread(send)
    assert (await server.head()).position == 0


@pytest.mark.parametrize("text", ["x", "☃", "\x00", "%"])
async def test_what_health_says_of_a_service_it_does_not_know_is_small(server: Server, text: str) -> None:
    request = health_pb2.HealthCheckRequest(service=text * 1_000_000).SerializeToString()
    check: Any = server.channel.unary_unary("/grpc.health.v1.Health/Check")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await check(request, timeout=SECONDS)
    error = raised.value
    assert error.code() is StatusCode.NOT_FOUND
    assert wire_bytes(error.code(), error.details(), error.trailing_metadata()) <= MAX_WIRE_BYTES
