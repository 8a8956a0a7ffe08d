"""A server that ends at any point around a commit has done a command once or not at all, and answers alike."""

import signal
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from google.protobuf.message import Message

from foldlog.inventory.v1.commands_pb2 import ReceiveStock, ReservationLine, ReserveStock
from foldlog.orders.v1.commands_pb2 import AddItem, CreateOrder, SubmitOrder
from foldlog_server.stores.sqlite.statements import MOST_ROWS
from tests.support.dying import dying
from tests.support.order_stories import line, money
from tests.support.server import serving
from tests.support.wire import Wire

TEA = line("tea", 1, money("3"))
FRAME = 24 + 4096
"""Bytes of a page in SQLite's write-ahead log."""

# One statement in autocommit: an item, or what found nothing to do. Several in one transaction: a large order.
ADD = AddItem(order_id="1", line=TEA)
NOTHING = SubmitOrder(order_id="2")
LARGE = CreateOrder(
    order_id="3",
    customer_id="ada",
    currency_code="GBP",
    lines=[line(f"p{number}", 1, money("1")) for number in range(2 * MOST_ROWS)],
)
SEVERAL = ReserveStock(
    order_id="1", lines=[ReservationLine(product_id=id, quantity=1) for id in ("tea", "jam", "oil")]
)
STORED = {"ADD": ADD, "LARGE": LARGE, "SEVERAL": SEVERAL}
pytestmark = pytest.mark.slow

ID = "0197a5c0-0000-7000-8000-000000000001"


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """The data directory of a shop."""
    async with serving(tmp_path / "data") as shop:
        await shop.send(CreateOrder(order_id="1", customer_id="ada", currency_code="GBP"))
        await shop.send(CreateOrder(order_id="2", customer_id="ada", currency_code="GBP", lines=[TEA]))
        await shop.send(SubmitOrder(order_id="2"))
        for product in ("tea", "jam", "oil"):
            await shop.send(ReceiveStock(product_id=product, quantity=5))
    return tmp_path / "data"


async def told(wire: Wire, command: Message) -> Any:
    """The answer, or None if the outcome is unknown."""
    try:
        return await wire.send(command, request_id=ID)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return None


async def crash(data: Path, command: Message, point: str, number: int = 0) -> tuple[int, Any]:
    """Where the log ended before, and what the caller was told by a server that ended at a point."""
    async with dying(data, point, number) as server:
        before = (await server.head()).position
        answer = await told(server, command)
        assert await server.ended() in (-signal.SIGKILL, -signal.SIGXFSZ)
    return before, answer


async def happened_once(
    data: Path, command: Message, before: int, events: int, *, stored: bool, first: Any = None
) -> None:
    """Sent again after a restart, and again, a command has one effect and one answer.

    `before` is where the log ended before the crash: what a crash left there would be a second effect.
    """
    async with serving(data) as server:
        assert (await server.recorded_request(ID) is not None) is stored
        assert (await server.head()).position == before + (events if stored else 0)
        again = await server.send(command, request_id=ID)
        once_more = await server.send(command, request_id=ID)
        assert (await server.head()).position == before + events
    assert (again.result.replayed, once_more.result.replayed) == (stored, True)
    assert len(again.result.events) == events
    for other in (once_more, first):
        if other is not None:
            other.result.replayed = stored
            assert other == again


def events_of(command: Message) -> int:
    return {"ADD": 1, "LARGE": 1 + 2 * MOST_ROWS, "SEVERAL": 3}[
        next(name for name, one in STORED.items() if one is command)
    ]


@pytest.mark.parametrize("command", STORED.values(), ids=STORED)
@pytest.mark.parametrize("point", ["before_the_insert", "after_rows", "after_the_insert"])
async def test_what_was_not_committed_never_happened(data: Path, command: Message, point: str) -> None:
    before, answer = await crash(data, command, point)
    assert answer is None
    await happened_once(data, command, before, events_of(command), stored=False)


@pytest.mark.parametrize("command", STORED.values(), ids=STORED)
async def test_what_was_committed_and_not_answered_is_answered_when_it_is_sent_again(
    data: Path, command: Message
) -> None:
    before, answer = await crash(data, command, "after_the_commit")
    assert answer is None
    await happened_once(data, command, before, events_of(command), stored=True)


@pytest.mark.parametrize("turns", [0, 1, 4, 16])
@pytest.mark.parametrize("command", [ADD, LARGE], ids=["ADD", "LARGE"])
async def test_an_answer_that_was_on_its_way_is_the_answer_when_it_is_sent_again(
    data: Path, command: Message, turns: int
) -> None:
    before, first = await crash(data, command, "while_it_answers", turns)
    await happened_once(data, command, before, events_of(command), stored=True, first=first)


@pytest.mark.parametrize("written", [0, 1, FRAME, FRAME + 100, 2 * FRAME + 100])
@pytest.mark.parametrize("command", [ADD, LARGE], ids=["ADD", "LARGE"])
async def test_a_commit_that_was_written_in_part_never_happened(
    data: Path, command: Message, written: int
) -> None:
    before, answer = await crash(data, command, "at_the_commit", written)
    assert answer is None
    await happened_once(data, command, before, events_of(command), stored=False)


@pytest.mark.parametrize(
    ("point", "stored"),
    [("before_the_insert", False), ("after_the_insert", False), ("after_the_commit", True)],
)
async def test_what_found_nothing_to_do_is_remembered_from_its_commit_on(
    data: Path, point: str, stored: bool
) -> None:
    before, answer = await crash(data, NOTHING, point)
    assert answer is None
    await happened_once(data, NOTHING, before, 0, stored=stored)
