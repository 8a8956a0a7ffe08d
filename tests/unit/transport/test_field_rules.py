"""The rules that protos state for their fields hold, and every violation is named with its place."""

from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from foldlog.inventory.v1.commands_pb2 import AdjustStock, ReleaseStock
from foldlog.orders.v1.command_service_pb2 import AddItemRequest, CreateOrderRequest
from foldlog.orders.v1.commands_pb2 import AddItem, CancelOrder, ChangeItemQuantity, CreateOrder
from foldlog.orders.v1.queries_pb2 import ListCurrentOrdersRequest, ListOrderHistoryRequest
from foldlog.orders.v1.types_pb2 import OrderLine
from foldlog.v1.commands_pb2 import CommandOptions
from foldlog.v1.money_pb2 import Money
from foldlog.v1.reads_pb2 import ReadOptions
from foldlog_server.transport.field_rules import violations


def broken(message: Message) -> list[tuple[str, str]]:
    return [(violation.subject, violation.rule) for violation in violations(message)]


def line(**changes: object) -> OrderLine:
    price = Money(currency_code="GBP", units=1)
    fields: dict[str, Any] = {"product_id": "tea", "quantity": 1, "unit_price": price}
    return OrderLine(**{**fields, **changes})


def test_a_message_that_keeps_the_rules_breaks_none() -> None:
    request = AddItemRequest(command=AddItem(order_id="1", line=line()))
    request.options.request_id = "01938f3e-7c5a-7000-8000-3f2a1b0c9d8e"
    assert broken(request) == []


def test_all_violations_come_at_once_in_the_order_of_fields() -> None:
    bad = line(product_id="x" * 65, quantity=1_000_001, unit_price=Money(currency_code="gbp", units=-1))
    assert broken(AddItemRequest(command=AddItem(line=bad), options=CommandOptions(request_id="1"))) == [
        ("command.order_id", "required"),
        ("command.line.product_id", "id"),
        ("command.line.quantity", "range"),
        ("command.line.unit_price.currency_code", "pattern"),
        ("command.line.unit_price", "range"),
        ("options.request_id", "uuid"),
    ]


def test_a_missing_message_is_named_alone() -> None:
    assert broken(CreateOrderRequest()) == [("command", "required")]


def test_elements_of_lists_are_named_by_their_index() -> None:
    order = CreateOrder(customer_id="a", currency_code="GBP", lines=[line(), line(quantity=-1)])
    assert broken(order) == [("lines[1].quantity", "range")]


def test_a_list_that_is_too_long_is_named_and_not_looked_into() -> None:
    order = CreateOrder(customer_id="a", currency_code="GBP", lines=[OrderLine()] * 2001)
    assert broken(order) == [("lines", "max_items")]


def test_a_list_that_is_required_is_not_empty() -> None:
    assert broken(ReleaseStock(order_id="1")) == [("product_ids", "required")]
    assert broken(ReleaseStock(order_id="1", product_ids=["a", " b"])) == [("product_ids[1]", "id")]


def test_an_id_in_a_list_is_not_empty() -> None:
    assert broken(ReleaseStock(order_id="1", product_ids=["a", ""])) == [("product_ids[1]", "id")]


@pytest.mark.parametrize(
    "id", ["a", "BANK CHARGES", "ü" * 32, "a-b_c.d:e/f", "漢" * 21, "🦊" * 16, "a\u00a0b"]
)
def test_ids_may_be_anything_readable_of_at_most_64_bytes(id: str) -> None:
    assert broken(AddItem(order_id=id, line=line())) == []


@pytest.mark.parametrize(
    "id",
    [
        "a" * 65,
        "ü" * 33,
        "漢" * 22,
        " a",
        "a ",
        "\ta",
        "a\n",
        "a\u2003",
        "\u00a0a",
        "a\x00b",
        "a\x7fb",
        "a\x85b",
    ],
)
def test_ids_have_no_blank_at_an_end_no_control_character_and_no_more_than_64_bytes(id: str) -> None:
    assert ("order_id", "id") in broken(AddItem(order_id=id, line=line()))


@pytest.mark.parametrize(
    "id",
    [
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "F" * 8 + "-FFFF" * 3 + "-" + "F" * 12,
    ],
)
def test_a_request_id_that_nobody_filled_in_is_none(id: str) -> None:
    assert broken(CommandOptions(request_id=id)) == [("request_id", "uuid")]


def test_limits_are_within() -> None:
    assert broken(line(quantity=1_000_000, unit_price=Money(currency_code="GBP", units=10**9))) == []
    assert broken(line(unit_price=Money(currency_code="GBP", units=10**9, nanos=1))) == [
        ("unit_price", "range")
    ]
    assert broken(line(unit_price=Money(currency_code="GBP", nanos=-1))) == [("unit_price", "range")]
    assert broken(ChangeItemQuantity(order_id="1", line_id="1", quantity=0)) == []
    assert broken(AdjustStock(product_id="1", delta=-(10**12), reason="x" * 500)) == []
    assert broken(AdjustStock(product_id="1", delta=0, reason="x" * 501)) == [
        ("delta", "required"),
        ("reason", "max_bytes"),
    ]


def test_text_is_measured_in_bytes() -> None:
    assert broken(CancelOrder(order_id="1", reason="漢" * 166)) == []
    assert broken(CancelOrder(order_id="1", reason="漢" * 167)) == [("reason", "max_bytes")]


@pytest.mark.parametrize(("units", "nanos"), [(1, -1), (-1, 1)])
def test_the_parts_of_money_agree_in_sign(units: int, nanos: int) -> None:
    assert broken(Money(currency_code="GBP", units=units, nanos=nanos)) == [("nanos", "sign")]


def test_an_unknown_enum_value_is_refused() -> None:
    assert broken(ListCurrentOrdersRequest(status=99)) == [("status", "enum")]  # type: ignore[arg-type]


def test_times_and_durations_are_valid() -> None:
    assert broken(ListOrderHistoryRequest(finished_from=Timestamp(seconds=2**60))) == [
        ("finished_from", "range")
    ]
    assert broken(ReadOptions(max_wait=Duration(seconds=30))) == []
    assert broken(ReadOptions(max_wait=Duration(seconds=30, nanos=1))) == [("max_wait", "range")]
    assert broken(ReadOptions(max_wait=Duration(seconds=-1))) == [("max_wait", "range")]
