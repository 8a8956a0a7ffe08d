"""Commands are decided in memory, in order of arrival, and answered from disk: a test for each rule."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from foldlog.inventory.v1.commands_pb2 import ReceiveStock, ReservationLine, ReserveStock
from foldlog.inventory.v1.events_pb2 import StockReceived
from foldlog.orders.v1.commands_pb2 import CancelOrder, ChangeItemQuantity, SubmitOrder
from foldlog_server.commands.aggregates import MAX_ATTEMPTS
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domains.orders.order_rules import ORDER
from foldlog_server.errors import (
    Contended,
    FoldlogError,
    Rejected,
    StoreFull,
    StoreUnavailable,
    WrongExpectedVersion,
)
from tests.support.commands import DECIDERS, Commands, HeldStore, add, create, line, settle


@pytest.fixture
async def store() -> HeldStore:
    return HeldStore()


@pytest.fixture
async def commands(store: HeldStore) -> Commands:
    return Commands(store)


def names(commands: Commands) -> list[str]:
    return [type(payload).__name__ for _, _, payload in commands.stored()]


async def reason_of(task: "asyncio.Task[object]") -> str:
    with pytest.raises(FoldlogError) as caught:
        await task
    return caught.value.reason.name


# Rule 1: in order of arrival


async def test_commands_of_one_aggregate_are_decided_in_order_of_arrival_also_while_it_loads(
    store: HeldStore, commands: Commands
) -> None:
    await commands.execute(create())
    fresh = Commands(store)
    store.may_load.clear()
    tasks = [fresh.send(add(product_id=f"p{number}")) for number in range(5)]
    await settle()
    store.may_load.set()
    await asyncio.gather(*tasks)
    added = [payload.line.product_id for _, _, payload in fresh.stored()[1:]]
    assert added == ["p0", "p1", "p2", "p3", "p4"]


async def test_a_command_for_several_aggregates_waits_for_its_turn_in_each(
    store: HeldStore, commands: Commands
) -> None:
    for product in ("tea", "milk"):
        await commands.execute(ReceiveStock(product_id=product, quantity=5))
    fresh = Commands(store)
    store.may_load.clear()
    first = fresh.send(ReceiveStock(product_id="milk", quantity=1))
    reserve = fresh.send(_reserve("o1", tea=5, milk=6))
    last = fresh.send(_reserve("o2", tea=1))
    await settle()
    store.may_load.set()
    await asyncio.gather(first, reserve)
    assert await reason_of(last) == "INSUFFICIENT_STOCK"


async def test_a_command_waits_for_an_earlier_one_that_waits_for_another_aggregate(
    store: HeldStore, commands: Commands
) -> None:
    for product in ("tea", "milk"):
        await commands.execute(ReceiveStock(product_id=product, quantity=5))
    fresh = Commands(store)
    await fresh.execute(ReceiveStock(product_id="tea", quantity=1))
    store.may_load.clear()
    first = fresh.send(_reserve("o1", tea=6, milk=1))
    second = fresh.send(_reserve("o2", tea=1))
    await settle()
    assert not second.done()
    store.may_load.set()
    await first
    assert await reason_of(second) == "INSUFFICIENT_STOCK"


# Rule 2: states advance at once, and decisions on them are linked


async def test_a_state_advances_before_it_is_stored_so_that_commands_share_a_batch(
    store: HeldStore, commands: Commands
) -> None:
    store.holds = True
    tasks = [commands.send(create()), commands.send(add()), commands.send(add(product_id="milk"))]
    await settle()
    versions = [append.streams[0].expected_version for append in store.appends]
    assert versions == [0, 1, 2]
    await store.release()
    assert [outcome.streams[0].version for outcome in await asyncio.gather(*tasks)] == [1, 2, 3]


async def test_a_decision_is_linked_to_the_one_that_made_its_state(
    store: HeldStore, commands: Commands
) -> None:
    store.holds = True
    tasks = [commands.send(create()), commands.send(add())]
    await settle()
    first, second = store.appends
    assert second.after == (first,)
    await store.release()
    await asyncio.gather(*tasks)


async def test_a_decision_on_a_stored_state_has_no_link(store: HeldStore, commands: Commands) -> None:
    await commands.execute(create())
    await commands.execute(add())
    assert store.appends[1].after == ()


# Rule 3: what is linked to a failure fails with it, and is decided again in order


async def test_what_was_decided_on_a_failed_append_is_decided_again_on_what_is_true(
    store: HeldStore, commands: Commands
) -> None:
    await commands.execute(create())
    store.holds = True
    lost, linked = commands.send(add(quantity=2)), commands.send(add(quantity=3))
    await settle()
    await store.fail_first(StoreFull())
    assert await reason_of(lost) == "STORE_FULL"
    await store.release()
    outcome = await linked
    assert outcome.streams[0].version == 2
    assert names(commands) == ["OrderCreated", "ItemAdded"]
    assert commands.stored()[1][2].line.quantity == 3


async def test_a_linked_decision_that_holds_no_more_is_refused(store: HeldStore, commands: Commands) -> None:
    store.holds = True
    lost, linked = commands.send(create()), commands.send(add())
    await settle()
    await store.fail_first(StoreFull())
    await store.release()
    assert await reason_of(lost) == "STORE_FULL"
    assert await reason_of(linked) == "ORDER_NOT_FOUND"
    assert commands.stored() == []


async def test_what_is_decided_again_keeps_its_order_before_later_arrivals(
    store: HeldStore, commands: Commands
) -> None:
    await commands.execute(create())
    store.holds = True
    tasks = [commands.send(add(product_id=product)) for product in ("a", "b", "c")]
    await settle()
    store.may_load.clear()
    await store.fail_first(WrongExpectedVersion("order-1", 1, 0))
    tasks.append(commands.send(add(product_id="d")))
    await settle()
    store.may_load.set()
    await settle()
    await store.release()
    await asyncio.gather(*tasks)
    assert [payload.line.product_id for _, _, payload in commands.stored()[1:]] == ["a", "b", "c", "d"]


async def test_a_linked_append_cannot_slip_in_behind_a_new_decision_that_made_its_version_fit(
    store: HeldStore, commands: Commands
) -> None:
    await commands.execute(create())
    store.holds = True
    tasks = [commands.send(add(product_id="a")), commands.send(add(product_id="b"))]
    await settle()
    await store.fail_first(WrongExpectedVersion("order-1", 1, 0))
    old = store.held[0][0]
    await store.release()
    await asyncio.gather(*tasks)
    assert old.failed
    assert [payload.line.product_id for _, _, payload in commands.stored()[1:]] == ["a", "b"]


async def test_a_lost_race_is_decided_again_and_told_when_it_is_lost_too_often(
    store: HeldStore, commands: Commands
) -> None:
    store.holds = True
    task = commands.send(create())
    await settle()
    for _ in range(MAX_ATTEMPTS):
        await store.fail_first(WrongExpectedVersion("order-1", 0, 1))
    with pytest.raises(Contended):
        await task
    assert len(store.appends) == MAX_ATTEMPTS


async def test_a_failure_takes_back_no_more_than_what_was_decided_on_it(
    store: HeldStore, commands: Commands
) -> None:
    for product in ("tea", "milk"):
        await commands.execute(ReceiveStock(product_id=product, quantity=5))
    store.holds = True
    failing = commands.send(ReceiveStock(product_id="tea", quantity=1))
    pending = commands.send(ReceiveStock(product_id="milk", quantity=1))
    both = commands.send(_reserve("o1", tea=5, milk=6))
    await settle()
    loads = len(store.loads)
    await store.fail_first(StoreFull())
    assert set(store.loads[loads:]) == {"stock-tea"}, "milk's state is known: it is on its way to the disk"
    await store.release()
    await store.release()
    assert await reason_of(failing) == "STORE_FULL"
    assert (await pending).streams[0].version == 2
    assert [stream.version for stream in (await both).streams] == [2, 3]


async def test_a_decision_linked_to_two_others_survives_both_failing_one_after_the_other(
    store: HeldStore, commands: Commands
) -> None:
    for product in ("tea", "milk"):
        await commands.execute(ReceiveStock(product_id=product, quantity=5))
    store.holds = True
    failing = [commands.send(ReceiveStock(product_id=product, quantity=1)) for product in ("tea", "milk")]
    both = commands.send(_reserve("o1", tea=5, milk=5))
    await settle()
    await store.fail_first(StoreFull())
    await store.fail_first(StoreFull())
    await store.release()
    await store.release()
    assert [await reason_of(task) for task in failing] == ["STORE_FULL", "STORE_FULL"]
    assert [stream.version for stream in (await both).streams] == [2, 2]
    reserved = [name for name in names(commands) if name == "StockReserved"]
    assert len(reserved) == 2


async def test_a_decision_linked_to_two_others_is_answered_once_when_one_fails_and_one_is_stored(
    store: HeldStore, commands: Commands
) -> None:
    store.holds = True
    failing = commands.send(ReceiveStock(product_id="tea", quantity=5))
    stored = commands.send(ReceiveStock(product_id="milk", quantity=5))
    refused = commands.send(_reserve("o1", tea=6, milk=6))
    await settle()
    await store.fail_first(StoreFull())
    await store.release()
    assert await reason_of(failing) == "STORE_FULL"
    await stored
    with pytest.raises(Rejected) as caught:
        await refused
    assert [violation.subject for violation in caught.value.violations] == ["tea", "milk"]
    assert caught.value.metadata["available"] == "0"


async def test_a_decision_that_fell_with_one_link_hears_no_more_of_the_other(
    store: HeldStore, commands: Commands
) -> None:
    for product in ("tea", "milk"):
        await commands.execute(ReceiveStock(product_id=product, quantity=5))
    store.holds = True
    failing = commands.send(ReceiveStock(product_id="tea", quantity=1))
    stored = commands.send(ReceiveStock(product_id="milk", quantity=1))
    refused = commands.send(_reserve("o1", tea=6, milk=7))
    await settle()
    store.may_load.clear()
    await store.fail_first(StoreFull())
    await store.release()
    assert await reason_of(failing) == "STORE_FULL"
    assert (await stored).streams[0].version == 2
    assert not refused.done()
    store.may_load.set()
    assert await reason_of(refused) == "INSUFFICIENT_STOCK"


async def test_when_it_is_unknown_what_was_stored_nothing_decided_on_it_is_told_anything_else(
    store: HeldStore, commands: Commands
) -> None:
    store.holds = True
    tasks = [
        commands.send(create()),
        commands.send(add()),
        commands.send(add(product_id="milk")),
        commands.send(SubmitOrder(order_id="1"), expected_version=7),
        commands.send(ChangeItemQuantity(order_id="1", line_id="tea", quantity=1)),
    ]
    await settle()
    appends = len(store.appends)
    while store.held:
        await store.fail_first(StoreUnavailable())
    assert [await reason_of(task) for task in tasks] == ["STORE_UNAVAILABLE"] * 5
    assert len(store.appends) == appends, "something was decided again that may have happened"


# Rule 4: every outcome is given only when the version it was decided on is on disk


@pytest.mark.parametrize(
    ("message", "options", "expected"),
    [
        (SubmitOrder(order_id="1"), {}, "ORDER_EMPTY"),
        (create(), {}, "ORDER_EXISTS"),
        (add(), {"expected_version": 7}, "VERSION_CONFLICT"),
    ],
    ids=["a refusal", "what exists", "a conflict"],
)
async def test_a_refusal_waits_for_the_version_it_was_decided_on(
    store: HeldStore, commands: Commands, message: SubmitOrder, options: dict[str, Any], expected: str
) -> None:
    store.holds = True
    created, refused = commands.send(create()), commands.send(message, **options)
    await settle()
    assert not refused.done()
    await store.release()
    await created
    assert await reason_of(refused) == expected


async def test_a_refusal_waits_for_every_version_it_was_decided_on(
    store: HeldStore, commands: Commands
) -> None:
    store.holds = True
    received = [commands.send(ReceiveStock(product_id=product, quantity=5)) for product in ("tea", "milk")]
    refused = commands.send(_reserve("o1", tea=6, milk=6))
    await settle()
    await store.release(1)
    assert not refused.done()
    await store.release(1)
    assert await reason_of(refused) == "INSUFFICIENT_STOCK"
    await asyncio.gather(*received)


@pytest.mark.parametrize("options", [{}, {"validate_only": True}], ids=["nothing to do", "validate only"])
async def test_what_stores_nothing_waits_for_the_version_it_was_decided_on(
    store: HeldStore, commands: Commands, options: dict[str, Any]
) -> None:
    await commands.execute(create("1", line()))
    store.holds = True
    changed = commands.send(ChangeItemQuantity(order_id="1", line_id="tea", quantity=9))
    same = commands.send(ChangeItemQuantity(order_id="1", line_id="tea", quantity=9), **options)
    await settle()
    assert not same.done()
    await store.release()
    assert (await same).streams[0].version == (await changed).streams[0].version == 3
    if not options:
        assert (await same).position == (await changed).position == 3


async def test_a_refusal_of_something_that_was_never_stored_is_decided_again(
    store: HeldStore, commands: Commands
) -> None:
    store.holds = True
    lost, refused = commands.send(create()), commands.send(SubmitOrder(order_id="1"))
    await settle()
    await store.fail_first(StoreFull())
    assert await reason_of(lost) == "STORE_FULL"
    assert await reason_of(refused) == "ORDER_NOT_FOUND"


# Rule 5: pending states stay, loads are shared


async def test_a_state_with_pending_decisions_is_not_evicted(store: HeldStore) -> None:
    commands = Commands(store, capacity=1)
    store.holds = True
    tasks = [commands.send(create(str(number))) for number in range(4)]
    await settle()
    tasks += [commands.send(CancelOrder(order_id=str(number), reason="no")) for number in range(4)]
    await settle()
    loads = len(store.loads)
    await store.release()
    outcomes = await asyncio.gather(*tasks)
    assert [outcome.streams[0].version for outcome in outcomes] == [1] * 4 + [2] * 4
    assert loads == 4, "a pending state was loaded again"


async def test_what_waits_for_one_of_its_streams_is_answered_although_the_other_was_evicted(
    store: HeldStore,
) -> None:
    commands = Commands(store, capacity=4)
    for product in ("tea", "milk"):
        await commands.execute(ReceiveStock(product_id=product, quantity=5))
    store.holds = True
    pending = commands.send(ReceiveStock(product_id="tea", quantity=1))
    asked = commands.send(_reserve("o1", tea=6, milk=5), validate_only=True)
    await settle()
    for number in range(6):
        await commands.execute(ReceiveStock(product_id=f"p{number}", quantity=1), validate_only=True)
    assert not asked.done()
    await store.release()
    assert pending.done()
    assert asked.done()
    outcome = asked.result()
    assert [(stream.stream, stream.version) for stream in outcome.streams] == [
        ("stock-tea", 3),
        ("stock-milk", 2),
    ]


async def test_states_beyond_the_capacity_are_loaded_again(store: HeldStore) -> None:
    commands = Commands(store, capacity=1)
    await commands.execute(create("1"))
    await commands.execute(create("2"))
    await commands.execute(create("3"))
    store.loads.clear()
    outcome = await commands.execute(add("1"))
    assert outcome.streams[0].version == 2
    assert store.loads == ["order-1", "order-1"], "one read that finds events, one that finds no more"


async def test_the_state_that_was_used_last_is_forgotten_last(store: HeldStore) -> None:
    commands = Commands(store, capacity=2)
    for number in ("1", "2"):
        await commands.execute(create(number))
    await commands.execute(add("1"))
    await commands.execute(create("3"))
    store.loads.clear()
    await commands.execute(add("1", product_id="milk"))
    assert store.loads == []
    await commands.execute(add("2"))
    assert set(store.loads) == {"order-2"}


async def test_a_cold_stream_is_loaded_once_however_many_wait(store: HeldStore, commands: Commands) -> None:
    await commands.execute(create())
    fresh = Commands(store)
    store.may_load.clear()
    store.loads.clear()
    tasks = [fresh.send(add(product_id=f"p{number}")) for number in range(10)]
    await settle()
    assert store.loads == ["order-1"]
    store.may_load.set()
    await asyncio.gather(*tasks)


async def test_a_load_that_fails_fails_those_who_wait_and_is_tried_again_for_the_next(
    store: HeldStore, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    await commands.execute(create())
    fresh = Commands(store)

    async def broken(*_: object, **__: object) -> None:
        raise OSError("no disk")

    with monkeypatch.context() as patched:
        patched.setattr(store, "read_stream", broken)
        with pytest.raises(OSError, match="no disk"):
            await fresh.execute(add())
    assert (await fresh.execute(add())).streams[0].version == 2


# What a decision on several streams means


async def test_a_command_for_several_aggregates_is_one_append(store: HeldStore, commands: Commands) -> None:
    for product in ("tea", "milk"):
        await commands.execute(ReceiveStock(product_id=product, quantity=5))
    outcome = await commands.execute(_reserve("o1", tea=1, milk=2))
    assert [part.stream for part in store.appends[-1].streams] == ["stock-tea", "stock-milk"]
    assert outcome.position == 4


async def test_each_of_several_aggregates_stands_at_the_position_of_its_own_last_event(
    commands: Commands,
) -> None:
    for product in ("a", "b"):
        await commands.execute(ReceiveStock(product_id=product, quantity=10))
    await commands.execute(_reserve("1", a=2, b=2))
    again = [await commands.execute(_reserve("1", **{product: 2})) for product in ("a", "b")]
    assert [outcome.events for outcome in again] == [(), ()]
    assert [outcome.position for outcome in again] == [3, 4]


async def test_a_command_behind_one_whose_load_failed_goes_on(
    store: HeldStore, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    await commands.execute(ReceiveStock(product_id="b", quantity=10))
    fresh = Commands(store)
    read_stream, may_fail = store.read_stream, asyncio.Event()

    async def fail_for_a(stream: str, **options: Any) -> Any:
        if stream == "stock-a":
            await may_fail.wait()
            raise StoreUnavailable
        return await read_stream(stream, **options)

    monkeypatch.setattr(store, "read_stream", fail_for_a)
    failing = fresh.send(_reserve("1", b=1, a=1))
    behind = fresh.send(ReceiveStock(product_id="b", quantity=1))
    await settle()
    assert not behind.done()
    may_fail.set()
    await settle()
    assert await reason_of(failing) == "STORE_UNAVAILABLE"
    assert behind.done()
    assert behind.result().streams[0].version == 2


async def test_a_refusal_by_several_aggregates_names_every_one_and_stores_nothing(
    store: HeldStore, commands: Commands
) -> None:
    for product in ("tea", "milk", "rum"):
        await commands.execute(ReceiveStock(product_id=product, quantity=5))
    appends = len(store.appends)
    with pytest.raises(Rejected) as caught:
        await commands.execute(_reserve("o1", tea=6, milk=1, rum=7))
    assert [violation.subject for violation in caught.value.violations] == ["tea", "rum"]
    assert len(store.appends) == appends


def _reserve(order_id: str, **quantities: int) -> ReserveStock:
    lines = [ReservationLine(product_id=product, quantity=units) for product, units in quantities.items()]
    return ReserveStock(order_id=order_id, lines=lines)


async def test_what_stood_before_a_failed_decision_is_what_the_next_is_decided_on(
    store: HeldStore, commands: Commands
) -> None:
    store.holds = True
    first = commands.send(ReceiveStock(product_id="tea", quantity=5))
    failing = commands.send(ReceiveStock(product_id="tea", quantity=1))
    await settle()
    await store.fail_at(1, StoreFull())
    assert await reason_of(failing) == "STORE_FULL"
    third = commands.send(ReceiveStock(product_id="tea", quantity=2))
    await settle()
    assert [append.streams[0].expected_version for append in store.appends] == [0, 1, 1]
    await store.release()
    assert (await first).streams[0].version == 1
    assert (await third).streams[0].aggregate.on_hand == 7  # type: ignore[union-attr]


async def test_what_is_linked_to_a_failed_decision_in_two_ways_is_decided_again_once(
    store: HeldStore, commands: Commands
) -> None:
    for product in ("tea", "jam"):
        await commands.execute(ReceiveStock(product_id=product, quantity=9))
    both = [ReservationLine(product_id=product, quantity=1) for product in ("tea", "jam")]
    store.holds = True
    failing = commands.send(ReserveStock(order_id="1", lines=both))
    others = [
        commands.send(ReceiveStock(product_id="tea", quantity=1)),
        commands.send(ReceiveStock(product_id="jam", quantity=1)),
        commands.send(ReserveStock(order_id="2", lines=both)),
    ]
    await settle()
    await store.fail(1, StoreFull())
    assert await reason_of(failing) == "STORE_FULL"
    await store.release(3)
    await store.release()
    outcomes = await asyncio.wait_for(asyncio.gather(*others), 30)
    assert [[stream.version for stream in outcome.streams] for outcome in outcomes] == [[2], [2], [3, 3]]
    assert len(commands.stored()) == 6


async def test_an_event_that_its_decider_could_not_fold_again_is_not_stored(
    store: HeldStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Any] = [StockReceived(quantity=1)]
    strange: AnyDecider = replace(ORDER, decide=lambda command, state: events)
    monkeypatch.setitem(DECIDERS, "order", strange)
    with pytest.raises(TypeError, match="returned a StockReceived, which its `evolve` is not annotated with"):
        await Commands(store).execute(create())
    assert store.appends == []
