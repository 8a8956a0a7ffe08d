"""Commands over a real channel: what each does, once, in which order it is checked, and what it answers."""

import asyncio
import re
import uuid
from typing import Any

import pytest
from google.protobuf.message import Message
from grpc import StatusCode

import foldlog_client
from foldlog.inventory.v1.commands_pb2 import (
    AdjustStock,
    DispatchStock,
    ReceiveStock,
    ReleaseStock,
    ReservationLine,
    ReserveStock,
)
from foldlog.inventory.v1.events_pb2 import (
    StockAdjusted,
    StockDispatched,
    StockReceived,
    StockReleased,
    StockReserved,
)
from foldlog.inventory.v1.queries_pb2 import GetStockRequest
from foldlog.inventory.v1.types_pb2 import Stock
from foldlog.orders.v1.commands_pb2 import (
    AddItem,
    CancelOrder,
    ChangeItemQuantity,
    ConfirmReservation,
    CreateOrder,
    RecordPayment,
    RemoveItem,
    ShipOrder,
    SubmitOrder,
)
from foldlog.orders.v1.events_pb2 import (
    ItemAdded,
    ItemQuantityChanged,
    ItemRemoved,
    OrderCancelled,
    OrderCreated,
    OrderReserved,
    OrderShipped,
    OrderSubmitted,
    PaymentReceived,
)
from foldlog.orders.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_DRAFT,
    ORDER_STATUS_PAID,
    ORDER_STATUS_RESERVED,
    ORDER_STATUS_SHIPPED,
    ORDER_STATUS_SUBMITTED,
    Order,
)
from foldlog.v1.commands_pb2 import REPLY_EVENTS, REPLY_FULL, REPLY_RESULT, CommandResult
from foldlog.v1.event_service_pb2 import ReadStreamRequest
from foldlog.v1.events_pb2 import EventMetadata, RecordedEvent
from tests.support.order_stories import line, money
from tests.support.server import Server, until
from tests.support.wire import refused

LAMP = line("lamp", 2, money("9.99"), name="Lamp")
SHADE = line("shade", 1, money("4.505"))


def create(order_id: str = "1", *lines: Any) -> CreateOrder:
    return CreateOrder(
        order_id=order_id, customer_id="ada", customer_name="Ada", currency_code="GBP", lines=lines
    )


def add(order_id: str = "1", item: Any = LAMP) -> AddItem:
    return AddItem(order_id=order_id, line=item)


def cancel(order_id: str = "1", reason: str = "changed mind") -> CancelOrder:
    return CancelOrder(order_id=order_id, reason=reason)


def receive(product_id: str, quantity: int) -> ReceiveStock:
    return ReceiveStock(product_id=product_id, quantity=quantity)


def reserve(order_id: str, **quantities: int) -> ReserveStock:
    lines = [ReservationLine(product_id=id, quantity=quantity) for id, quantity in quantities.items()]
    return ReserveStock(order_id=order_id, lines=lines)


def new_id() -> str:
    return str(uuid.uuid4())


def payloads(events: Any) -> list[Message]:
    return [foldlog_client.unpack(event) for event in events]


def read(server: Server, stream: str) -> Any:
    return server.ask(ReadStreamRequest(stream=stream))


# What each command does


class Conversation:
    """Commands one after the other, each compared with its whole answer."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.log_id = ""
        self.position = 0
        self.versions: dict[str, int] = {}

    async def say(self, stream: str, command: Message, *expected: Message) -> Any:
        before = self.position
        reply = await self.server.send(command)
        result = reply.result
        self._check_events(stream, result, before, expected)
        self.log_id = self.log_id or result.log_id
        assert result == CommandResult(
            log_id=self.log_id,
            stream=stream,
            version=self.versions[stream],
            position=self.position,
            events=result.events,
            streams=result.streams,
            token=result.token,
            event_tokens=result.event_tokens,
        )
        assert re.fullmatch(rf"[A-Za-z0-9_-]{{32}}\.{self.position}", result.token)
        assert [int(token.split(".")[1]) for token in result.event_tokens] == [
            event.position for event in result.events
        ]
        assert [(one.stream, one.version) for one in result.streams] == [(stream, self.versions[stream])]
        return reply

    def _check_events(
        self, stream: str, result: CommandResult, before: int, expected: tuple[Message, ...]
    ) -> None:
        version = self.versions.get(stream, 0)
        assert payloads(result.events) == list(expected)
        for number, event in enumerate(result.events, start=1):
            assert (event.stream, event.position, event.version) == (
                stream,
                before + number,
                version + number,
            )
            assert event.type == expected[number - 1].DESCRIPTOR.full_name
            assert uuid.UUID(event.event_id).version == 7
            assert event.recorded_time.seconds > 0
            assert event.metadata == EventMetadata()
        self.versions[stream] = version + len(expected)
        self.position += len(expected)


async def test_every_command_on_a_draft_does_what_its_row_says(server: Server) -> None:
    talk = Conversation(server)
    created = OrderCreated(customer_id="ada", customer_name="Ada", currency_code="GBP")
    order = Order(
        order_id="1",
        version=1,
        customer_id="ada",
        customer_name="Ada",
        currency_code="GBP",
        status=ORDER_STATUS_DRAFT,
        total=money("0"),
    )
    assert (await talk.say("order-1", create(), created)).order == order

    reply = await talk.say("order-1", add(), ItemAdded(line=LAMP))
    order.MergeFrom(Order(version=2, lines=[LAMP], total=money("19.98")))
    assert reply.order == order

    more = ItemQuantityChanged(line_id="lamp", former_quantity=2, quantity=7, unit_price=money("9.99"))
    change = ChangeItemQuantity(order_id="1", line_id="lamp", quantity=7)
    reply = await talk.say("order-1", change, more)
    order.lines[0].quantity = 7
    order.MergeFrom(Order(version=3, total=money("69.93")))
    assert reply.order == order

    await talk.say("order-1", add("1", SHADE), ItemAdded(line=SHADE))
    removed = ItemRemoved(line_id="lamp", former_quantity=7, unit_price=money("9.99"))
    reply = await talk.say("order-1", RemoveItem(order_id="1", line_id="lamp"), removed)
    del order.lines[:]
    order.MergeFrom(Order(version=5, lines=[SHADE]))
    order.total.CopyFrom(money("4.505"))
    assert reply.order == order


async def test_every_command_on_the_way_to_the_customer_does_what_its_row_says(server: Server) -> None:
    talk = Conversation(server)
    created = OrderCreated(customer_id="ada", customer_name="Ada", currency_code="GBP")
    order = (await talk.say("order-1", create("1", SHADE), created, ItemAdded(line=SHADE))).order

    submitted = OrderSubmitted(
        customer_id="ada",
        customer_name="Ada",
        lines=[SHADE],
        total=money("4.505"),
        amount_due=money("4.50"),
    )
    reply = await talk.say("order-1", SubmitOrder(order_id="1"), submitted)
    order.MergeFrom(Order(version=3, status=ORDER_STATUS_SUBMITTED, amount_due=money("4.50")))
    assert reply.order == order

    confirm = ConfirmReservation(order_id="1", reservation_id="r")
    reply = await talk.say("order-1", confirm, OrderReserved(reservation_id="r"))
    order.MergeFrom(Order(version=4, status=ORDER_STATUS_RESERVED, reservation_id="r"))
    assert reply.order == order

    pay = RecordPayment(order_id="1", payment_id="p", amount=money("4.50"))
    received = PaymentReceived(payment_id="p", amount=money("4.50"), customer_id="ada")
    reply = await talk.say("order-1", pay, received)
    order.MergeFrom(Order(version=5, status=ORDER_STATUS_PAID, payment_id="p", paid=money("4.50")))
    assert reply.order == order

    ship = ShipOrder(order_id="1", shipment_id="s", carrier="Parcel Post", tracking_number="PP 42")
    shipped = OrderShipped(
        shipment_id="s",
        carrier="Parcel Post",
        tracking_number="PP 42",
        customer_id="ada",
        customer_name="Ada",
        lines=[SHADE],
        total=money("4.505"),
        amount_due=money("4.50"),
    )
    reply = await talk.say("order-1", ship, shipped)
    order.MergeFrom(
        Order(
            version=6,
            status=ORDER_STATUS_SHIPPED,
            shipment_id="s",
            carrier="Parcel Post",
            tracking_number="PP 42",
        )
    )
    assert reply.order == order


async def test_an_order_is_created_filled_and_cancelled(server: Server) -> None:
    talk = Conversation(server)
    created = OrderCreated(customer_id="ada", customer_name="Ada", currency_code="GBP")
    reply = await talk.say(
        "order-1", create("1", LAMP, SHADE), created, ItemAdded(line=LAMP), ItemAdded(line=SHADE)
    )
    order = reply.order
    assert (order.version, list(order.lines), order.total) == (3, [LAMP, SHADE], money("24.485"))

    cancelled = OrderCancelled(
        reason="changed mind",
        former_status=ORDER_STATUS_DRAFT,
        customer_id="ada",
        customer_name="Ada",
        lines=[LAMP, SHADE],
        total=money("24.485"),
    )
    reply = await talk.say("order-1", cancel(), cancelled)
    order.MergeFrom(Order(version=4, status=ORDER_STATUS_CANCELLED, cancel_reason="changed mind"))
    assert reply.order == order


async def test_every_command_about_stock_does_what_its_row_says(server: Server) -> None:
    talk = Conversation(server)
    received = ReceiveStock(product_id="tea", name="Tea", quantity=10)
    reply = await talk.say("stock-tea", received, StockReceived(name="Tea", quantity=10))
    assert reply.stock == Stock(product_id="tea", name="Tea", on_hand=10, available=10)

    adjust = AdjustStock(product_id="tea", delta=-2, reason="broken")
    reply = await talk.say("stock-tea", adjust, StockAdjusted(delta=-2, reason="broken"))
    assert reply.stock == Stock(product_id="tea", name="Tea", on_hand=8, available=8)

    reply = await talk.say("stock-tea", reserve("1", tea=5), StockReserved(order_id="1", quantity=5))
    assert list(reply.stocks) == [Stock(product_id="tea", name="Tea", on_hand=8, reserved=5, available=3)]
    release = ReleaseStock(order_id="1", product_ids=["tea"])
    reply = await talk.say("stock-tea", release, StockReleased(order_id="1", quantity=5))
    assert list(reply.stocks) == [Stock(product_id="tea", name="Tea", on_hand=8, available=8)]

    await talk.say("stock-tea", reserve("2", tea=3), StockReserved(order_id="2", quantity=3))
    dispatch = DispatchStock(order_id="2", product_ids=["tea"])
    reply = await talk.say("stock-tea", dispatch, StockDispatched(order_id="2", quantity=3))
    assert list(reply.stocks) == [Stock(product_id="tea", name="Tea", on_hand=5, available=5)]


async def test_a_command_that_changes_nothing_says_so_and_where_the_stream_stands(server: Server) -> None:
    talk = Conversation(server)
    await server.send(receive("tea", 1))
    await server.send(create("1", LAMP))
    submitted = await server.send(SubmitOrder(order_id="1"))
    await server.send(receive("tea", 1))
    talk.position, talk.versions["order-1"] = submitted.result.position, submitted.result.version

    again = await talk.say("order-1", SubmitOrder(order_id="1"))

    assert again.order == submitted.order


async def test_an_id_is_made_for_an_order_that_has_none(server: Server) -> None:
    reply = await server.send(create(""))
    assert uuid.UUID(reply.order.order_id).version == 7
    assert reply.result.stream == f"order-{reply.order.order_id}"
    assert (await server.send(create(""))).order.order_id != reply.order.order_id


# How much a reply says


@pytest.mark.parametrize(
    ("reply", "events", "aggregate"),
    [(0, True, True), (REPLY_FULL, True, True), (REPLY_EVENTS, True, False), (REPLY_RESULT, False, False)],
)
async def test_a_reply_says_as_much_as_was_asked_for(
    server: Server, reply: int, events: bool, aggregate: bool
) -> None:
    created = await server.send(create(), reply=reply)
    reserved = await server.send(receive("tea", 3), reply=reply)
    released = await server.send(ReleaseStock(order_id="1", product_ids=["tea"]), reply=reply)

    assert (len(created.result.events), created.HasField("order")) == (int(events), aggregate)
    assert (len(reserved.result.events), reserved.HasField("stock")) == (int(events), aggregate)
    assert (len(released.result.events), len(released.stocks)) == (0, int(aggregate))
    assert (created.result.stream, created.result.version, created.result.position) == ("order-1", 1, 1)
    assert created.result.log_id
    assert [(one.stream, one.version) for one in created.result.streams] == [("order-1", 1)]


# Expected versions


async def test_a_command_is_carried_out_at_the_version_it_expects(server: Server) -> None:
    await server.send(create(), expected_version=0)
    reply = await server.send(add(), expected_version=1)
    assert reply.result.version == 2


@pytest.mark.parametrize("expected", [0, 1, 3, 2**64 - 1])
async def test_another_version_than_expected_is_a_conflict_with_both_versions(
    server: Server, expected: int
) -> None:
    await server.send(create("1", LAMP))
    refusal = await refused(server.send(add(), expected_version=expected))
    assert (refusal.code, refusal.reason) == (StatusCode.ABORTED, "VERSION_CONFLICT")
    assert refusal.metadata == {
        "stream": "order-1",
        "expected_version": str(expected),
        "actual_version": "2",
    }
    assert (await server.head()).position == 2


async def test_of_many_commands_that_expect_one_version_one_is_carried_out(server: Server) -> None:
    await server.send(create())
    adding = [server.send(add("1", line(f"l{n}", 1, money("1"))), expected_version=1) for n in range(20)]
    outcomes = await asyncio.gather(*adding, return_exceptions=True)
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert (await server.head()).position == 2


async def test_lost_races_are_decided_again_by_the_server_itself(server: Server) -> None:
    await server.send(create())
    added = await asyncio.gather(
        *(server.send(add("1", line("lamp", 1, money("1"))), request_id=new_id()) for _ in range(50))
    )
    assert sorted(reply.result.version for reply in added) == list(range(2, 52))
    quantities = [reply.order.lines[0].quantity for reply in added]
    assert sorted(quantities) == list(range(1, 51))


async def test_an_expected_version_needs_a_command_that_names_one_stream(server: Server) -> None:
    for product in ("tea", "jam"):
        await server.send(receive(product, 5))
    refusal = await refused(server.send(reserve("1", tea=1, jam=1), expected_version=1))
    assert (refusal.code, refusal.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS")
    assert refusal.violations == [("options.expected_version", "one_stream")]
    assert (await server.send(reserve("1", tea=1), expected_version=1)).result.version == 2


# Deciding without storing


async def test_validate_only_decides_and_stores_nothing(server: Server) -> None:
    await server.send(create())
    request_id = new_id()

    reply = await server.send(add(), validate_only=True, request_id=request_id)

    assert (reply.result.validated_only, reply.result.replayed) == (True, False)
    assert (reply.result.position, reply.result.version) == (0, 2)
    assert reply.result.stream == "order-1"
    [event] = reply.result.events
    assert foldlog_client.unpack(event) == ItemAdded(line=LAMP)
    assert event == RecordedEvent(
        stream="order-1",
        version=2,
        event_id=event.event_id,
        type="foldlog.orders.v1.ItemAdded",
        payload=event.payload,
        metadata=EventMetadata(request_id=request_id, correlation_id=request_id),
    )
    assert list(reply.order.lines) == [LAMP]
    assert (await server.head()).position == 1
    assert await server.recorded_request(request_id) is None


async def test_validate_only_shows_the_events_as_they_would_be_stored(server: Server) -> None:
    said = {"request_id": new_id(), "correlation_id": "basket 7", "causation_id": "click 9"}
    trace = [("traceparent", f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-01"), ("tracestate", "vendor=1")]
    proposed = await server.send(create("1", LAMP), validate_only=True, metadata=trace, **said)
    stored = await server.send(create("1", LAMP), metadata=trace, **said)
    for event in stored.result.events:
        event.ClearField("position")
        event.ClearField("recorded_time")
    for event in (*proposed.result.events, *stored.result.events):
        event.ClearField("event_id")  # made anew
    assert list(proposed.result.events) == list(stored.result.events)


async def test_validate_only_is_refused_like_the_command_itself(server: Server) -> None:
    refusal = await refused(server.send(add(), validate_only=True))
    assert refusal.reason == "ORDER_NOT_FOUND"
    await server.send(create())
    refusal = await refused(server.send(add(), validate_only=True, expected_version=5))
    assert refusal.reason == "VERSION_CONFLICT"


async def test_validate_only_ignores_the_request_id(server: Server) -> None:
    request_id = new_id()
    await server.send(create(), request_id=request_id)
    reply = await server.send(add(), request_id=request_id, validate_only=True)
    assert (reply.result.validated_only, reply.result.replayed) == (True, False)


# Request ids


def without_replayed(reply: Any) -> Any:
    first = type(reply)()
    first.CopyFrom(reply)
    first.result.ClearField("replayed")
    return first


async def test_a_repeated_command_gets_the_first_answer_again(server: Server) -> None:
    request_id = new_id()
    await server.send(create())
    first = await server.send(add(), request_id=request_id)
    await server.send(cancel())  # by now it would be refused

    again = await server.send(add(), request_id=request_id)

    assert (first.result.replayed, again.result.replayed) == (False, True)
    assert without_replayed(again) == first
    assert (await server.head()).position == 3


async def test_a_repeated_command_gets_the_first_answer_again_after_a_restart(server: Server) -> None:
    on_one, on_many, made = new_id(), new_id(), new_id()
    await server.send(receive("tea", 5))
    await server.send(receive("jam", 5))
    first = [
        await server.send(create("1", LAMP), request_id=on_one),
        await server.send(reserve("1", tea=2, jam=3), request_id=on_many),
        await server.send(create(""), request_id=made),
    ]
    await server.send(cancel())
    head = await server.head()

    await server.restart()
    again = [
        await server.send(create("1", LAMP), request_id=on_one),
        await server.send(reserve("1", tea=2, jam=3), request_id=on_many),
        await server.send(create(""), request_id=made),
    ]

    assert all(reply.result.replayed for reply in again)
    assert [without_replayed(reply) for reply in again] == first
    assert await server.head() == head


async def test_an_id_is_the_same_in_either_case(server: Server) -> None:
    request_id = new_id()
    await server.send(create(), request_id=request_id)
    assert (await server.send(create(), request_id=request_id.upper())).result.replayed


async def test_a_reply_can_say_less_when_it_is_asked_for_again(server: Server) -> None:
    request_id = new_id()
    first = await server.send(create(), request_id=request_id)
    again = await server.send(create(), request_id=request_id, reply=REPLY_RESULT, correlation_id="other")
    assert again.result.replayed
    assert (len(again.result.events), again.HasField("order")) == (0, False)
    assert again.result.position == first.result.position


async def test_two_of_one_request_at_once_are_one_decision_and_both_are_answered(server: Server) -> None:
    await server.send(create())
    request_id = new_id()
    held = server.hold_appends()
    sending = [asyncio.ensure_future(server.send(add(), request_id=request_id)) for _ in range(2)]
    await until(lambda: len(held) == 1)
    await server.head()  # both have been taken in
    assert len(held) == 1
    held.release()

    first, second = sorted(await asyncio.gather(*sending), key=lambda reply: bool(reply.result.replayed))

    assert (first.result.replayed, second.result.replayed) == (False, True)
    assert without_replayed(second) == first
    assert first.order.lines[0].quantity == LAMP.quantity
    assert (await server.head()).position == 2


async def test_many_of_one_request_at_once_act_once(server: Server) -> None:
    request_id = new_id()
    replies = await asyncio.gather(*(server.send(create(""), request_id=request_id) for _ in range(30)))
    assert sum(not reply.result.replayed for reply in replies) == 1
    assert len({reply.order.order_id for reply in replies}) == 1
    assert (await server.head()).position == 1


async def test_a_request_id_cannot_be_used_for_anything_else(server: Server) -> None:
    request_id = new_id()
    await server.send(create())
    await server.send(add(), request_id=request_id)
    others: list[tuple[Message, dict[str, Any]]] = [
        (add("1", SHADE), {}),
        (add(), {"expected_version": 1}),
        (add(), {"expected_version": 0}),
        (SubmitOrder(order_id="1"), {}),
        (receive("tea", 1), {}),
    ]
    for command, options in others:
        refusal = await refused(server.send(command, request_id=request_id, **options))
        assert (refusal.code, refusal.reason) == (StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
        assert refusal.metadata == {"request_id": request_id}
    assert (await server.head()).position == 2
    assert (await server.send(add(), request_id=request_id)).result.replayed


async def test_a_request_id_cannot_be_used_for_anything_else_while_the_first_is_under_way(
    server: Server,
) -> None:
    request_id = new_id()
    held = server.hold_appends()
    sending = asyncio.ensure_future(server.send(create(), request_id=request_id))
    await until(lambda: len(held) == 1)
    refusal = await refused(server.send(create("2"), request_id=request_id))
    assert refusal.reason == "REQUEST_ID_REUSED"
    held.release()
    assert (await sending).result.version == 1


async def test_two_commands_that_differ_in_name_alone_are_not_the_same(server: Server) -> None:
    request_id = new_id()
    await server.send(receive("tea", 5))
    await server.send(reserve("1", tea=2))
    await server.send(ReleaseStock(order_id="1", product_ids=["tea"]), request_id=request_id)
    other = DispatchStock(order_id="1", product_ids=["tea"])
    assert ReleaseStock(order_id="1", product_ids=["tea"]).SerializeToString() == other.SerializeToString()
    refusal = await refused(server.send(other, request_id=request_id))
    assert refusal.reason == "REQUEST_ID_REUSED"


async def test_a_refused_command_leaves_no_trace_and_is_decided_afresh(server: Server) -> None:
    request_id = new_id()
    assert (await refused(server.send(add(), request_id=request_id))).reason == "ORDER_NOT_FOUND"
    assert (await refused(server.send(add(), request_id=request_id))).reason == "ORDER_NOT_FOUND"
    assert await server.recorded_request(request_id) is None
    await server.send(create())
    reply = await server.send(add(), request_id=request_id)
    assert (reply.result.replayed, reply.result.version) == (False, 2)


async def test_a_request_that_was_refused_can_become_another_one(server: Server) -> None:
    request_id = new_id()
    await refused(server.send(add(), request_id=request_id))
    reply = await server.send(create(), request_id=request_id)
    assert (reply.result.replayed, reply.result.version) == (False, 1)


async def test_a_command_of_a_caller_who_gives_up_is_carried_out_and_can_be_repeated(server: Server) -> None:
    request_id = new_id()
    held = server.hold_appends()
    sending = asyncio.ensure_future(server.send(create(), request_id=request_id))
    await until(lambda: len(held) == 1)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    held.release()

    again = await server.send(create(), request_id=request_id)

    assert (again.result.replayed, again.result.position) == (True, 1)
    assert (await server.head()).position == 1


async def test_a_caller_who_gives_up_takes_nothing_from_one_who_waits(server: Server) -> None:
    request_id = new_id()
    held = server.hold_appends()
    impatient = asyncio.ensure_future(server.send(create(), request_id=request_id))
    await until(lambda: len(held) == 1)
    patient = asyncio.ensure_future(server.send(create(), request_id=request_id))
    await server.head()
    impatient.cancel()
    await server.head()
    held.release()
    assert (await patient).result.version == 1
    assert (await server.head()).position == 1


async def test_ids_that_were_made_are_the_same_when_the_command_is_repeated(server: Server) -> None:
    request_id = new_id()
    first = await server.send(create(""), request_id=request_id)
    again = await server.send(create(""), request_id=request_id)
    assert again.order.order_id == first.order.order_id
    assert again.result.events[0].event_id == first.result.events[0].event_id


async def test_a_command_that_changed_nothing_is_remembered_too(server: Server) -> None:
    request_id = new_id()
    await server.send(create("1", LAMP))
    await server.send(SubmitOrder(order_id="1"))
    first = await server.send(SubmitOrder(order_id="1"), request_id=request_id)
    await server.send(cancel())  # by now it would be refused

    again = await server.send(SubmitOrder(order_id="1"), request_id=request_id)

    assert not first.result.events
    assert again.result.replayed
    assert without_replayed(again) == first


async def test_nothing_to_do_where_nothing_is_has_no_position(server: Server) -> None:
    request_id = new_id()
    release = ReleaseStock(order_id="1", product_ids=["nothing"])
    first = await server.send(release, request_id=request_id)
    again = await server.send(release, request_id=request_id)
    assert (first.result.version, first.result.position, list(first.stocks)) == (0, 0, [])
    assert without_replayed(again) == first


# What events say about where they come from


async def test_events_say_where_they_come_from(server: Server) -> None:
    request_id, traceparent = new_id(), f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-01"
    reply = await server.send(
        create("1", LAMP),
        request_id=request_id,
        correlation_id="basket 7",
        causation_id="click 9",
        metadata=[("traceparent", traceparent), ("tracestate", "vendor=1"), ("x-other", "2")],
    )
    assert len(reply.result.events) == 2
    for event in reply.result.events:
        assert event.metadata == EventMetadata(
            request_id=request_id,
            correlation_id="basket 7",
            causation_id="click 9",
            traceparent=traceparent,
            tracestate="vendor=1",
        )
    [stored] = [event async for batch in read(server, "order-1") for event in [batch.events[0]]]
    assert stored == reply.result.events[0]


async def test_commands_that_come_together_keep_each_its_own_trace_context(server: Server) -> None:
    traces = ["" if number % 3 == 0 else f"00-{number:032x}-00f067aa0ba902b7-01" for number in range(60)]
    replies = await asyncio.gather(
        *(
            server.send(create(str(number)), metadata=[("traceparent", trace)] if trace else [])
            for number, trace in enumerate(traces)
        )
    )
    assert [reply.result.events[0].metadata.traceparent for reply in replies] == traces


async def test_the_correlation_id_is_the_request_id_if_not_given(server: Server) -> None:
    request_id = new_id()
    reply = await server.send(create(), request_id=request_id)
    assert reply.result.events[0].metadata == EventMetadata(request_id=request_id, correlation_id=request_id)


async def test_what_is_no_trace_context_is_not_in_the_events(server: Server) -> None:
    reply = await server.send(create(), metadata=[("traceparent", "x" * 2000), ("tracestate", "y" * 2000)])
    assert reply.result.events[0].metadata == EventMetadata()


async def test_what_is_not_given_is_not_in_the_events(server: Server) -> None:
    reply = await server.send(create())
    assert reply.result.events[0].metadata == EventMetadata()


async def test_times_never_run_backwards(server: Server) -> None:
    created = await asyncio.gather(*(server.send(create(str(n), LAMP)) for n in range(20)))
    events = sorted((event for reply in created for event in reply.result.events), key=lambda e: e.position)
    assert [event.position for event in events] == list(range(1, 41))
    times = [event.recorded_time.ToNanoseconds() for event in events]
    assert times == sorted(times)


# The order of checks


async def test_what_is_checked_first_is_what_is_told(server: Server) -> None:
    used = new_id()
    await server.send(create("1", LAMP), request_id=used)
    await server.send(SubmitOrder(order_id="1"))
    everything: dict[str, Any] = {"request_id": used, "expected_version": 9}
    # Wrong in a field, in the request id, in the version, in existence, by a rule: one less each time.
    broken = add("nobody", line("", 1, money("1")))
    assert (await refused(server.send(broken, **everything))).reason == "INVALID_FIELDS"
    assert (await refused(server.send(add("nobody"), **everything))).reason == "REQUEST_ID_REUSED"
    assert (await refused(server.send(add("nobody"), expected_version=9))).reason == "VERSION_CONFLICT"
    assert (await refused(server.send(add("nobody")))).reason == "ORDER_NOT_FOUND"
    assert (await refused(server.send(add("1"), expected_version=9))).reason == "VERSION_CONFLICT"
    assert (await refused(server.send(add("1"), expected_version=3))).reason == "WRONG_STATUS"


async def test_duplicates_are_told_together_with_every_other_bad_field(server: Server) -> None:
    lines = [ReservationLine(product_id="tea", quantity=quantity) for quantity in (1, 0)]
    refusal = await refused(server.send(ReserveStock(order_id="1", lines=lines)))
    assert sorted(refusal.violations) == [
        ("command.lines[1].product_id", "unique"),
        ("command.lines[1].quantity", "required"),
    ]


# Several products at once


async def stocked(server: Server, **quantities: int) -> None:
    for product, quantity in quantities.items():
        await server.send(receive(product, quantity))


async def available(server: Server, product_id: str) -> int:
    response = await server.ask(GetStockRequest(product_id=product_id))
    return int(response.stock.available)


async def test_several_products_are_reserved_in_one_append(server: Server) -> None:
    await stocked(server, tea=5, jam=5, oil=5)

    reply = await server.send(reserve("1", tea=1, oil=3, jam=2), request_id=new_id())

    assert [(one.stream, one.version) for one in reply.result.streams] == [
        ("stock-tea", 2),
        ("stock-oil", 2),
        ("stock-jam", 2),
    ]
    assert (reply.result.stream, reply.result.version, reply.result.position) == ("stock-tea", 2, 6)
    assert [(event.stream, event.position) for event in reply.result.events] == [
        ("stock-tea", 4),
        ("stock-oil", 5),
        ("stock-jam", 6),
    ]
    assert payloads(reply.result.events) == [
        StockReserved(order_id="1", quantity=quantity) for quantity in (1, 3, 2)
    ]
    assert [(stock.product_id, stock.reserved) for stock in reply.stocks] == [
        ("tea", 1),
        ("oil", 3),
        ("jam", 2),
    ]


async def test_a_reservation_of_several_products_is_all_or_none(server: Server) -> None:
    await stocked(server, tea=5, jam=1, oil=2)
    head = await server.head()

    refusal = await refused(server.send(reserve("1", tea=1, jam=2, oil=3, sun=1), request_id=new_id()))

    assert (refusal.code, refusal.reason) == (StatusCode.FAILED_PRECONDITION, "INSUFFICIENT_STOCK")
    assert refusal.violations == [(product, "INSUFFICIENT_STOCK") for product in ("jam", "oil", "sun")]
    assert (refusal.metadata["product_id"], refusal.metadata["requested"]) == ("jam", "2")
    assert refusal.metadata["available"] == "1"
    assert await server.head() == head
    assert await available(server, "tea") == 5


async def test_one_product_too_few_is_named_with_what_there_is(server: Server) -> None:
    await stocked(server, tea=5)
    refusal = await refused(server.send(reserve("1", tea=6)))
    assert refusal.metadata == {"product_id": "tea", "order_id": "1", "requested": "6", "available": "5"}
    assert refusal.violations == [("tea", "INSUFFICIENT_STOCK")]


async def test_part_of_a_reservation_that_is_there_already_is_left_as_it_is(server: Server) -> None:
    await stocked(server, tea=5, jam=5)
    await server.send(reserve("1", tea=2))
    reply = await server.send(reserve("1", tea=2, jam=1))
    assert [event.stream for event in reply.result.events] == ["stock-jam"]
    assert [(one.stream, one.version) for one in reply.result.streams] == [("stock-tea", 2), ("stock-jam", 2)]
    assert reply.result.position == 4


async def test_a_product_named_twice_is_refused(server: Server) -> None:
    await stocked(server, tea=5, jam=5)
    lines = [ReservationLine(product_id=id, quantity=1) for id in ("tea", "jam", "tea", "jam")]
    refusal = await refused(server.send(ReserveStock(order_id="1", lines=lines)))
    assert (refusal.code, refusal.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS")
    assert refusal.violations == [
        ("command.lines[2].product_id", "unique"),
        ("command.lines[3].product_id", "unique"),
    ]
    for command in (ReleaseStock, DispatchStock):
        refusal = await refused(server.send(command(order_id="1", product_ids=["tea", "jam", "tea"])))
        assert refusal.violations == [("command.product_ids[2]", "unique")]
    assert (await server.head()).position == 2


async def test_reservations_of_overlapping_products_at_once_never_take_more_than_there_is(
    server: Server,
) -> None:
    await stocked(server, tea=10, jam=10, oil=10)
    pairs = [("tea", "jam"), ("jam", "oil"), ("oil", "tea")]
    reserving = [
        server.send(reserve(str(n), **dict.fromkeys(pairs[n % 3], 1)), request_id=new_id()) for n in range(30)
    ]
    outcomes = await asyncio.gather(*reserving, return_exceptions=True)
    accepted = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    taken = [event.stream for reply in accepted for event in reply.result.events]
    assert len(taken) == 2 * len(accepted)
    for product in ("tea", "jam", "oil"):
        assert await available(server, product) == 10 - taken.count(f"stock-{product}") >= 0
    assert len(accepted) == 15


async def test_all_products_of_an_order_are_dispatched_or_none(server: Server) -> None:
    await stocked(server, tea=5, jam=5)
    await server.send(reserve("1", tea=2))
    refusal = await refused(server.send(DispatchStock(order_id="1", product_ids=["jam", "tea", "oil"])))
    assert refusal.reason == "NO_RESERVATION"
    assert refusal.violations == [("jam", "NO_RESERVATION"), ("oil", "NO_RESERVATION")]
    assert await available(server, "tea") == 3


async def test_the_largest_order_is_created_in_one_append(server: Server) -> None:
    lines = [line(f"product {n}", 1, money("0.01"), name="x" * 200) for n in range(2000)]
    reply = await server.send(create("1", *lines))
    assert (reply.result.version, len(reply.result.events), len(reply.order.lines)) == (2001, 2001, 2000)
    assert reply.order.total == money("20")
    refusal = await refused(server.send(add()))
    assert (refusal.code, refusal.reason) == (StatusCode.FAILED_PRECONDITION, "TOO_MANY_LINES")
