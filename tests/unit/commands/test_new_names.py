"""A new name cannot be mistaken for another, wherever a command gives it; what is there keeps its name."""

import unicodedata

import pytest

from foldlog.inventory.v1.commands_pb2 import ReceiveStock, ReservationLine, ReserveStock
from foldlog.inventory.v1.events_pb2 import StockReserved
from foldlog.orders.v1.commands_pb2 import AddItem, CreateOrder
from foldlog.orders.v1.events_pb2 import ItemAdded, ItemQuantityChanged, OrderCreated, OrderSubmitted
from foldlog.orders.v1.types_pb2 import OrderLine
from foldlog_server.commands import new_names
from foldlog_server.commands.new_names import named_by, unclear

ZWJ, ZWNJ, VS15, VS16 = "\u200d", "\u200c", "\ufe0e", "\ufe0f"
INVISIBLE = "\u200b"


@pytest.mark.parametrize(
    "name",
    [
        "tea",
        "Ada and Sons",
        "ż雪🜚",
        unicodedata.normalize("NFC", "é가Å"),
        "👩‍👩‍👧‍👦🏳️‍🌈",
        "\u2764" + VS16 + ZWJ + "🔥",
        "\u2764" + VS15,
        "🏴" + "".join(chr(0xE0000 + ord(letter)) for letter in "gbsct") + "\U000e007f",
        "می" + ZWNJ + "خواهم",
        "क्" + ZWJ + "ष",
        "葛\U000e0100",
        "ᠠ\u180b",
        "山田\u3000太郎",
        "\ue000",
        "\U000e1000",
        "q\u0323",  # no single character has this dot
    ],
)
def test_what_can_be_told_from_all_else_is_a_name(name: str) -> None:
    assert unclear(name) == ""


@pytest.mark.parametrize(
    "character",
    [
        "\u00ad",
        "\u034f",
        "\u115f",
        "\u1160",
        "\u17b4",
        "\u180e",
        INVISIBLE,
        ZWNJ,
        ZWJ,
        "\u2060",
        "\u2063",
        "\u206a",
        "\u2800",
        "\u3164",
        VS16,
        "\ufeff",
        "\uffa0",
        "\ufff9",
        "\U0001bca0",
        "\U0001d173",
        "\U000e0001",
        "\U000e0041",
        "\U000e01ef",
        "\U000e0fff",
    ],
)
@pytest.mark.parametrize("around", ["{}", "te{}a", "{}tea", "tea{}", "ż{}ó", "{0}{0}"])
def test_what_cannot_be_seen_is_in_no_new_name(character: str, around: str) -> None:
    assert "invisible characters" in unclear(around.format(character))


@pytest.mark.parametrize("name", ["雪" + ZWJ, "雪" + ZWJ + "a", "雪" + ZWJ + ZWJ + "雪", ZWJ + "雪"])
def test_a_joiner_that_joins_nothing_is_in_no_new_name(name: str) -> None:
    assert "invisible characters, such as U+200D" in unclear(name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *((f"te{mark}a", "bidirectional") for mark in "\u061c\u200e\u200f\u202a\u202e\u2066\u2069"),
        *((f"te{mark}a", "separators") for mark in "\u2028\u2029"),
        *((f"te{mark}a", "noncharacters") for mark in "\ufdd0\ufdef\ufffe\uffff\U0001fffe\U0010ffff"),
        *((f"te{mark}a", "blanks other") for mark in "\u00a0\u2002\u2009\u202f\u205f"),
        (unicodedata.normalize("NFD", "é"), "NFC"),
        (unicodedata.normalize("NFD", "가"), "NFC"),
        ("\u212b", "NFC"),  # the ångström sign, which is Å
        ("\u2126", "NFC"),
        ("a\u0323\u0307".replace("\u0323\u0307", "\u0307\u0323"), "NFC"),  # marks in the other order
    ],
)
def test_what_looks_like_something_else_is_no_new_name(name: str, why: str) -> None:
    assert why in unclear(name)


def test_the_reason_tells_the_character_and_not_the_name() -> None:
    assert unclear("secret\u202e") == "must not hold bidirectional control characters, such as U+202E"


def line(line_id: str, product_id: str) -> OrderLine:
    return OrderLine(line_id=line_id, product_id=product_id)


def test_the_fields_of_events_say_what_is_new_with_them() -> None:
    events = [
        OrderCreated(customer_id="ada", customer_name="Ada"),
        ItemAdded(line=line("1", "tea")),
        ItemQuantityChanged(line_id="2"),
        OrderSubmitted(customer_id="bob", lines=[line("3", "milk")]),
        StockReserved(order_id="4"),
    ]
    assert list(named_by(events)) == ["ada", "1", "tea"]


def fields(command: CreateOrder | AddItem | ReceiveStock | ReserveStock, *new: str) -> list[str]:
    return [violation.subject for violation in new_names.violations(command, new, "command.")]


def test_every_field_that_gave_an_unclear_new_name_is_told() -> None:
    bad, worse = "a" + INVISIBLE, "b" + INVISIBLE
    create = CreateOrder(order_id=bad, customer_id="ada", customer_name=bad)
    create.lines.extend([line("", "tea"), line(worse, "tea"), line("1", bad)])
    assert fields(create, bad, "ada", "tea", worse, "1") == [
        "command.order_id",
        "command.lines[1].line_id",
        "command.lines[2].product_id",
    ]
    assert fields(AddItem(order_id="1", line=line("", bad)), bad) == ["command.line.product_id"]
    assert fields(ReceiveStock(product_id=bad), bad) == ["command.product_id"]


def test_a_name_that_is_not_new_is_not_looked_at() -> None:
    bad = "a" + INVISIBLE
    assert fields(ReserveStock(order_id=bad, lines=[ReservationLine(product_id="tea")]), "tea") == []


def test_a_new_name_that_the_command_did_not_give_is_passed_over() -> None:
    bad = "a" + INVISIBLE
    assert fields(ReceiveStock(product_id=bad), f"{bad}-copy") == []
