"""Old messages are converted to current ones, by chains that are checked when the server starts."""

from dataclasses import replace

import pytest
from google.protobuf.message import Message

from foldlog.orders.v1.events_pb2 import ItemRemoved, OrderCreated
from foldlog.v1.events_pb2 import EventMetadata
from foldlog_server.domains.shop import SHOP
from foldlog_server.errors import EventUnreadable
from foldlog_server.log import record
from foldlog_server.log.codec import Codec
from foldlog_server.log.events import EncodedEvent, NewEvent
from foldlog_server.log.upcasting import Upcaster
from foldlog_server.views.definition import codec_of, generation
from tests.support.old_messages import OPENED, OPENED_IN, UPCASTERS, OrderOpened, OrderOpenedIn, stored

CREATED = OrderCreated(customer_id="ann", currency_code="GBP")
CIRCLE = Upcaster(OrderCreated, OrderOpened, lambda new: OrderOpened(customer=new.customer_id))


def recorded(event: NewEvent) -> EncodedEvent:
    header = record.encode_header("order-o", 1, event, record.encode_common(7, EventMetadata()))
    return EncodedEvent(3, record.encode_record(header, event))


@pytest.mark.parametrize("order", [UPCASTERS, UPCASTERS[::-1]])
@pytest.mark.parametrize(
    "old", [OrderOpened(customer="ann"), OrderOpenedIn(customer="ann", currency="GBP"), CREATED]
)
def test_an_old_message_becomes_the_newest_by_all_steps(order: tuple[Upcaster, ...], old: Message) -> None:
    event = Codec([OrderCreated], order).decode(recorded(stored(old)))
    assert event.payload == CREATED
    assert event.type == "foldlog.orders.v1.OrderCreated"
    assert event.envelope.type == old.DESCRIPTOR.full_name
    assert event.envelope.payload.value == old.SerializeToString()


def test_who_does_not_ask_for_the_newest_gets_none_of_the_old() -> None:
    narrow = Codec([ItemRemoved], UPCASTERS)
    assert narrow.decode_known(recorded(stored(OrderOpened(customer="ann")))) is None
    assert narrow.stored == {"foldlog.orders.v1.ItemRemoved"}
    assert Codec([OrderCreated], UPCASTERS).stored == {
        "foldlog.orders.v1.OrderCreated",
        "test.old.OrderOpened",
        "test.old.OrderOpenedIn",
    }


@pytest.mark.parametrize(
    ("upcasters", "says"),
    [
        (
            (*UPCASTERS, CIRCLE),
            "circle: test.old.OrderOpened to test.old.OrderOpenedIn to foldlog.orders.v1.OrderCreated to "
            "test.old.OrderOpened",
        ),
        ((Upcaster(OrderOpened, OrderOpened, lambda same: same),), "circle"),
        ((OPENED, OPENED._replace(new=OrderCreated)), "test.old.OrderOpened has two upcasters"),
    ],
)
def test_a_circle_or_two_ways_are_refused(upcasters: tuple[Upcaster, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Codec([ItemRemoved], upcasters)


def test_nobody_may_ask_for_what_is_upcast() -> None:
    with pytest.raises(ValueError, match=r"test\.old\.OrderOpenedIn has an upcaster"):
        Codec([OrderOpenedIn, OrderCreated], UPCASTERS)


def test_an_upcaster_that_gives_another_message_is_named() -> None:
    wrong = OPENED_IN._replace(upcast=lambda old: ItemRemoved(line_id=old.customer))
    with pytest.raises(TypeError, match=r"OrderOpenedIn returned a ItemRemoved instead of a .*OrderCreated"):
        Codec([OrderCreated], [wrong]).decode(recorded(stored(OrderOpenedIn())))


def test_damage_is_told_from_an_upcaster_that_fails() -> None:
    known = Codec([OrderCreated], UPCASTERS)
    with pytest.raises(EventUnreadable, match="no such message"):
        known.decode(recorded(NewEvent("e", "test.old.OrderOpened", b"\xff")))
    failing = OPENED_IN._replace(upcast=lambda old: OrderCreated(customer_id=old.nobody))
    with pytest.raises(AttributeError, match="nobody"):
        Codec([OrderCreated], [failing]).decode(recorded(stored(OrderOpenedIn())))


def test_a_view_that_sees_more_of_the_past_is_another_generation() -> None:
    view = SHOP.views[0]
    assert OrderCreated in view.events
    with_past = replace(view, upcasters=UPCASTERS)
    assert codec_of(view, with_past).stored > codec_of(view).stored
    assert len({generation(one) for one in (view, with_past, replace(view, upcasters=(OPENED_IN,)))}) == 3
    elsewhere = Upcaster(OrderOpened, OrderOpenedIn, lambda old: OrderOpenedIn(customer=old.customer))
    assert generation(replace(view, upcasters=(elsewhere,))) == generation(view)
