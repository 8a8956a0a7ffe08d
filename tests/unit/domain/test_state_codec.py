"""States as bytes: they come back as they were, and a shape tells what bytes mean."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import defstruct

from foldlog_server.domain import state_codec
from foldlog_server.domains.inventory.stock import STOCK, Stock
from foldlog_server.domains.orders.order import Line, Order, Status
from foldlog_server.domains.orders.order_rules import ORDER

NUMBERS = st.integers(-(10**30), 10**30)
ORDERS = st.builds(
    Order,
    status=st.sampled_from(Status),
    customer_id=st.text(),
    customer_name=st.text(),
    currency_code=st.text(),
    lines=st.dictionaries(st.text(), st.builds(Line, st.text(), st.text(), NUMBERS, NUMBERS)),
    total=NUMBERS,
    amount_due=st.none() | NUMBERS,
    reservation_id=st.text(),
    payment_id=st.text(),
    paid=st.none() | NUMBERS,
    shipment_id=st.text(),
    carrier=st.text(),
    tracking_number=st.text(),
    cancel_reason=st.text(),
)
STOCKS = st.builds(Stock, st.booleans(), st.text(), NUMBERS, NUMBERS, st.dictionaries(st.text(), NUMBERS))


@given(ORDERS | STOCKS)
def test_a_state_comes_back_as_it_was(state: Order | Stock) -> None:
    again = state_codec.decode(state_codec.encode(state), type(state))
    assert again == state
    assert type(again) is type(state)


def test_the_lines_of_an_order_keep_their_order() -> None:
    line = Line("p", "n", 1, 1)
    again = state_codec.decode(state_codec.encode(Order(lines={"b": line, "a": line})), Order)
    assert list(again.lines) == ["b", "a"]


@pytest.mark.parametrize("decider", [ORDER, STOCK], ids=lambda decider: decider.category)
def test_the_first_state_of_every_decider_comes_back(decider: "object") -> None:
    initial = decider.initial  # type: ignore[attr-defined]
    assert state_codec.decode(state_codec.encode(initial), type(initial)) == initial


def test_bytes_of_another_state_are_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        state_codec.decode(state_codec.encode(Stock()), Order)


class Light(Enum):
    RED = 1
    GREEN = 2


class Lamp(NamedTuple):
    light: Light = Light.RED
    hours: Mapping[str, int] = MappingProxyType({})
    names: tuple[str, ...] = ()
    price: int | None = None


def test_a_shape_is_the_same_each_time() -> None:
    assert state_codec.shape(Lamp) == state_codec.shape(Lamp) != state_codec.shape(Order)
    assert state_codec.decode(state_codec.encode(Lamp(names=("a",))), Lamp) == Lamp(names=("a",))


def lamp(light: object = Light, hours: object = int, price: object = int | None, name: str = "price") -> type:
    fields = [("light", light), ("hours", Mapping[str, hours]), ("names", tuple[str, ...]), (name, price)]  # type: ignore[valid-type]
    return NamedTuple("Lamp", fields)  # type: ignore[return-value]


@pytest.mark.parametrize(
    "changed",
    [
        lamp(light=Enum("Light", {"RED": 1, "GREEN": 3})),
        lamp(light=Enum("Light", {"RED": 1, "GREEN": 2, "BLUE": 3})),
        lamp(hours=str),
        lamp(price=int),
        lamp(name="cost"),
    ],
)
def test_another_field_type_or_member_is_another_shape(changed: type) -> None:
    assert state_codec.shape(lamp()) == state_codec.shape(Lamp)
    assert state_codec.shape(changed) != state_codec.shape(Lamp)


@pytest.mark.parametrize("kind", [set[int], float, defstruct("Struct", [("a", int)])], ids=str)
def test_what_cannot_be_kept_has_no_shape(kind: type) -> None:
    with pytest.raises(TypeError, match="cannot keep"):
        state_codec.shape(lamp(price=kind))


def test_what_cannot_be_kept_has_no_bytes() -> None:
    with pytest.raises(TypeError, match="cannot keep"):
        state_codec.encode(Lamp(price=object()))  # type: ignore[arg-type]
