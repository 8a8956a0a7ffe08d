"""What would break is found before it does: what cannot be read, what cannot be folded, what folds otherwise."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.message import Message

from foldlog.inventory.v1.events_pb2 import StockReceived
from foldlog.orders.v1.events_pb2 import ItemAdded, ItemRemoved, OrderCreated
from foldlog.v1.events_pb2 import EventMetadata
from foldlog_server.commands.snapshots import NoSnapshots, Snapshot, Snapshots, Until
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domains.inventory.stock import STOCK
from foldlog_server.domains.orders.order_rules import ORDER
from foldlog_server.domains.shop import SHOP
from foldlog_server.log.codec import Codec
from foldlog_server.log.events import NewEvent
from foldlog_server.log.record import encode_common, encode_header, encode_record
from foldlog_server.operations import history as histories
from foldlog_server.operations.history import Findings, History, Kind, Problem
from tests.support.list_log import ListLog
from tests.support.old_messages import OPENED, OPENED_IN, OrderOpened
from tests.support.order_counts import added, created

NO_SNAPSHOTS = NoSnapshots()
EVENTS = [event for decider in SHOP.deciders.values() for event in decider.events]


async def checked(
    log: ListLog,
    *deciders: AnyDecider,
    codec: Codec = SHOP.codec,
    snapshots: Snapshots = NO_SNAPSHOTS,
    until: int = 0,
) -> Findings:
    """What is found by these deciders instead of those that there are."""
    findings = Findings()
    ours = {**SHOP.deciders, **{decider.category: decider for decider in deciders}}
    end = until or len(log.events)
    told = [position async for position in History(log, ours, codec, snapshots, findings).check(end)]
    assert told[-1:] == [end][: len(log.events)]
    return findings


def failing(wanted: type[Message], evolve: Callable[..., Any]) -> Callable[..., Any]:
    """As `evolve`, but for one message."""

    def evolve_or_fail(state: Any, event: Message) -> Any:
        if isinstance(event, wanted):
            raise LookupError("no such line")
        return evolve(state, event)

    return evolve_or_fail


@pytest.fixture
def log() -> ListLog:
    log = ListLog()
    log.add("order-1", created(), added())
    log.add("stock-tea", StockReceived(quantity=3))
    log.add("order-2", created())
    log.add("order-1", added())
    return log


async def test_nothing_is_found_in_what_is_sound(log: ListLog) -> None:
    findings = await checked(log)
    assert (findings.events, findings.streams, findings.problems) == (5, 3, [])


async def test_an_empty_log_is_sound() -> None:
    assert (await checked(ListLog())).events == 0


async def test_what_comes_later_is_left_alone(log: ListLog) -> None:
    findings = await checked(log, until=3)
    assert (findings.events, findings.streams) == (3, 2)


async def test_a_message_that_is_not_known_is_told_once_with_its_first_place(log: ListLog) -> None:
    log.add("order-1", OrderOpened())
    log.add("other-1", OrderOpened())
    log.add("order-1", ItemRemoved(line_id="nothing can be said of it"))
    findings = await checked(log)
    assert findings.problems == [
        Problem(
            Kind.EVENT,
            "test.old.OrderOpened",
            "this release does not know the message",
            6,
            "order-1, version 4",
            2,
        )
    ]
    assert findings.events == 8


async def test_bytes_that_are_not_the_message_are_told(log: ListLog) -> None:
    broken = NewEvent("e", OrderCreated.DESCRIPTOR.full_name, b"\xff")
    header = encode_header("order-2", 1, broken, encode_common(7, EventMetadata()))
    log.damage(4, encode_record(header, broken))
    [problem] = (await checked(log)).problems
    assert (problem.kind, problem.name, problem.position) == ("event", "foldlog.orders.v1.OrderCreated", 4)
    assert problem.error == "its bytes are no such message"


async def test_an_upcaster_that_fails_is_told(log: ListLog) -> None:
    log.add("order-3", OrderOpened(customer="ann"))
    sound = Codec(EVENTS, [OPENED, OPENED_IN])
    assert (await checked(log, codec=sound)).problems == []
    failing = Codec(EVENTS, [OPENED, OPENED_IN._replace(upcast=lambda old: old.nobody)])
    [problem] = (await checked(log, codec=failing)).problems
    assert problem.error.startswith("its upcaster: AttributeError: ")
    assert (problem.kind, problem.name, problem.where) == (
        Kind.EVENT,
        "test.old.OrderOpened",
        "order-3, version 1",
    )


async def test_a_fold_that_fails_is_told_and_that_stream_left(log: ListLog) -> None:
    log.add("order-2", added())
    findings = await checked(log, replace(ORDER, evolve=failing(ItemAdded, ORDER.evolve)))
    assert findings.problems == [
        Problem(
            Kind.FOLD,
            "order",
            "foldlog.orders.v1.ItemAdded: LookupError: no such line",
            2,
            "order-1, version 2",
            2,
        )
    ]
    assert findings.events == 6


async def test_an_answer_that_cannot_be_made_is_told(log: ListLog) -> None:
    def render(id: str, version: int, state: object) -> Message:
        raise ValueError(f"{id} at {version}")

    [problem] = (await checked(log, replace(STOCK, render=render))).problems
    assert (problem.kind, problem.name, problem.error) == (
        "fold",
        "stock",
        "its answer: ValueError: tea at 1",
    )


class Kept(NoSnapshots):
    """One snapshot of one stream."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def newest(self, stream: str, decider: AnyDecider, until: Until) -> Snapshot | None:
        is_there = stream == "stock-jam" and self.snapshot.version <= until.version
        return self.snapshot if is_there else None


@pytest.mark.parametrize("version", [1000, 1003, 2001])
async def test_a_fold_that_makes_another_state_than_was_kept_is_reported(version: int) -> None:
    log = ListLog()
    log.add("stock-jam", *(StockReceived(name="Jam", quantity=2) for _ in range(2002)))
    state = STOCK.initial
    for _ in range(version):
        state = STOCK.evolve(state, StockReceived(name="Jam", quantity=2))
    kept = Snapshot(version, version, 0, f"event-{version}", state)
    assert (await checked(log, snapshots=Kept(kept))).problems == []
    other = kept._replace(state=state._replace(on_hand=1))
    [problem] = (await checked(log, snapshots=Kept(other))).problems
    assert (problem.kind, problem.name, problem.where) == (
        Kind.FOLD,
        "stock",
        f"stock-jam, version {version}",
    )
    assert "raise the decider's revision" in problem.error
    of_another_past = other._replace(event_id="gone")
    assert (await checked(log, snapshots=Kept(of_another_past))).problems == []


async def test_more_problems_than_can_be_told_apart_are_counted(
    log: ListLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "MOST", 1)
    log.add("other-1", OrderOpened(), OrderOpened())
    broken = replace(ORDER, evolve=failing(OrderCreated, ORDER.evolve))
    findings = await checked(log, broken)
    assert [(problem.kind, problem.times) for problem in findings.problems] == [("fold", 2)]
    assert findings.unlisted == 2
