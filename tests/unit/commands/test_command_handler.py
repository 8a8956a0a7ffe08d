"""A command is carried out once: a repeated one gets the first answer, whatever happened in between."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.message import Message

from foldlog.inventory.v1.commands_pb2 import ReceiveStock, ReleaseStock, ReservationLine, ReserveStock
from foldlog.orders.v1.commands_pb2 import ChangeItemQuantity, CreateOrder, RemoveItem, SubmitOrder
from foldlog.orders.v1.events_pb2 import ItemAdded
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_server.commands.aggregates import MAX_ATTEMPTS
from foldlog_server.domains.orders.order import Event, Order
from foldlog_server.domains.orders.order_rules import ORDER
from foldlog_server.errors import (
    Contended,
    FoldlogError,
    InvalidRequest,
    LogDetached,
    ReadRefused,
    Rejected,
    StoreFull,
    StoreHindered,
    StoreUnavailable,
    WrongExpectedVersion,
)
from foldlog_server.log.event_store import DuplicateRequest, RecordedRequest, RequestKey
from foldlog_server.stores.memory import MemoryEventStore
from tests.support.commands import DECIDERS, Commands, HeldStore, add, create, line, settle
from tests.support.older_release import takes_any_new_name

A = "01938f3e-7c5a-7000-8000-00000000000a"
B = "01938f3e-7c5a-7000-8000-00000000000b"
FINGERPRINT = "a9ad9f94f7c6bbb826058d2634eea15356effbba93d9b94c092d24f1a361dbd9"


@pytest.fixture
async def store() -> HeldStore:
    return HeldStore()


@pytest.fixture
async def commands(store: HeldStore) -> Commands:
    return Commands(store)


# Repeats


async def test_a_repeat_gets_the_first_outcome_and_acts_once(commands: Commands) -> None:
    await commands.execute(create())
    first = await commands.execute(add(), request_id=A)
    await commands.execute(add(product_id="milk"))
    again = await commands.execute(add(), request_id=A)
    assert again.replayed
    assert not first.replayed
    assert (again.streams, again.position, again.events) == (first.streams, first.position, first.events)
    assert len(commands.stored()) == 3


async def test_a_repeat_gets_the_first_outcome_from_a_server_that_has_forgotten_everything(
    store: HeldStore, commands: Commands
) -> None:
    first = await commands.execute(create("1", line("tea"), line("milk")), request_id=A)
    await commands.execute(add(quantity=5))
    again = await Commands(store).execute(create("1", line("tea"), line("milk")), request_id=A)
    assert (again.streams, again.position, again.events) == (first.streams, first.position, first.events)


async def test_a_repeat_of_a_command_on_several_streams_tells_all_of_them(
    store: HeldStore, commands: Commands
) -> None:
    for product in ("tea", "milk"):
        await commands.execute(ReceiveStock(product_id=product, quantity=5))
    lines = [ReservationLine(product_id=product, quantity=1) for product in ("milk", "tea")]
    first = await commands.execute(ReserveStock(order_id="o", lines=lines), request_id=A)
    await commands.execute(ReceiveStock(product_id="milk", quantity=5))
    again = await Commands(store).execute(ReserveStock(order_id="o", lines=lines), request_id=A)
    assert (again.streams, again.position, again.events) == (first.streams, first.position, first.events)
    assert [stream.stream for stream in again.streams] == ["stock-milk", "stock-tea"]


async def test_an_id_made_for_a_command_is_the_same_when_it_is_repeated(commands: Commands) -> None:
    message = CreateOrder(customer_id="ada", currency_code="GBP")
    first = await commands.execute(message, request_id=A)
    again = await commands.execute(message, request_id=A)
    assert again.streams == first.streams
    assert len(commands.stored()) == 1


async def test_a_repeat_of_what_changed_nothing_changes_nothing_later_either(commands: Commands) -> None:
    await commands.execute(create("1", line(quantity=2)))
    same = ChangeItemQuantity(order_id="1", line_id="tea", quantity=2)
    first = await commands.execute(same, request_id=A)
    await commands.execute(ChangeItemQuantity(order_id="1", line_id="tea", quantity=9))
    again = await commands.execute(same, request_id=A)
    assert again.replayed
    assert again.streams == first.streams
    assert again.position == first.position == 2
    assert len(commands.stored()) == 3


async def test_doing_nothing_to_a_stream_that_does_not_exist_is_remembered_too(commands: Commands) -> None:
    release = ReleaseStock(order_id="o", product_ids=["tea"])
    first = await commands.execute(release, request_id=A)
    again = await commands.execute(release, request_id=A)
    assert (first.position, first.streams[0].version, again.replayed) == (0, 0, True)


async def test_a_refused_command_is_decided_afresh(commands: Commands) -> None:
    await commands.execute(create())
    with pytest.raises(Rejected):
        await commands.execute(SubmitOrder(order_id="1"), request_id=A)
    await commands.execute(add())
    outcome = await commands.execute(SubmitOrder(order_id="1"), request_id=A)
    assert not outcome.replayed
    assert outcome.streams[0].version == 3


async def test_the_same_id_in_other_letters_is_the_same_id(commands: Commands) -> None:
    await commands.execute(create(), request_id=A)
    assert (await commands.execute(create(), request_id=A.upper())).replayed


async def test_another_actor_has_ids_of_its_own(commands: Commands) -> None:
    await commands.execute(create(), request_id=A, actor="ada")
    await commands.execute(add(), request_id=A, actor="bob")
    assert len(commands.stored()) == 2


@pytest.mark.parametrize(
    ("message", "options"),
    [(create("2"), {}), (add(), {}), (create(), {"expected_version": 0})],
    ids=["other fields", "another command", "another expected version"],
)
async def test_a_request_id_is_not_for_another_command(
    commands: Commands, message: CreateOrder, options: dict[str, Any]
) -> None:
    await commands.execute(create(), request_id=A)
    with pytest.raises(InvalidRequest) as caught:
        await commands.execute(message, request_id=A, **options)
    assert caught.value.reason.name == "REQUEST_ID_REUSED"
    assert len(commands.stored()) == 1


async def test_a_request_id_stands_for_the_same_bytes_for_ever(store: HeldStore, commands: Commands) -> None:
    """They are stored: whatever the server becomes, a repeat of an older command must find itself in them."""
    await commands.execute(create())
    await commands.execute(add(), request_id=A, expected_version=1)
    [stored] = [append.request for append in store.appends if append.request is not None]
    assert stored.fingerprint.hex() == FINGERPRINT


async def test_a_command_with_the_same_bytes_is_another_command(commands: Commands) -> None:
    await commands.execute(create("1", line()))
    await commands.execute(RemoveItem(order_id="1", line_id="tea"), request_id=A)
    same_bytes = ChangeItemQuantity(order_id="1", line_id="tea", quantity=0)
    with pytest.raises(InvalidRequest):
        await commands.execute(same_bytes, request_id=A)


async def test_the_request_id_comes_before_the_expected_version(commands: Commands) -> None:
    await commands.execute(create(), request_id=A, expected_version=0)
    assert (await commands.execute(create(), request_id=A, expected_version=0)).replayed
    with pytest.raises(InvalidRequest) as caught:
        await commands.execute(create(), request_id=A, expected_version=1)
    assert caught.value.reason.name == "REQUEST_ID_REUSED"


async def test_only_validating_ignores_the_request_id(commands: Commands) -> None:
    await commands.execute(create(), request_id=A, validate_only=True)
    assert commands.stored() == []
    assert not (await commands.execute(create(), request_id=A)).replayed
    assert (await commands.execute(create("2"), request_id=A, validate_only=True)).validated_only


async def test_after_the_window_a_request_id_is_new(store: HeldStore, commands: Commands) -> None:
    await commands.execute(create("1"), request_id=A)
    store._served._served += timedelta(hours=24, seconds=1) // timedelta(microseconds=1) * 1000
    with pytest.raises(FoldlogError) as caught:
        await commands.execute(create("1"), request_id=A)
    assert caught.value.reason.name == "ORDER_EXISTS"


async def test_a_repeat_that_would_be_refused_by_now_gets_the_first_outcome(
    store: HeldStore, commands: Commands
) -> None:
    await commands.execute(create())
    first = await commands.execute(add(), request_id=A)
    await commands.execute(SubmitOrder(order_id="1"))
    for again in (commands, Commands(store)):
        outcome = await again.execute(add(), request_id=A, expected_version=None)
        assert outcome.replayed
        assert (outcome.streams, outcome.position) == (first.streams, first.position)


@pytest.mark.parametrize(
    "message",
    [create("1\u200b"), create("1", line("te\u0301")), ReceiveStock(product_id="\u202e", quantity=1)],
)
async def test_a_repeat_of_what_an_older_release_took_gets_its_first_outcome(
    store: HeldStore, commands: Commands, message: Message
) -> None:
    with takes_any_new_name():
        first = await commands.execute(message, request_id=A)
    for again in (commands, Commands(store)):
        outcome = await again.execute(message, request_id=A)
        assert (outcome.replayed, outcome.streams) == (True, first.streams)


async def test_a_repeat_whose_line_is_gone_since_gets_its_first_outcome(
    store: HeldStore, commands: Commands
) -> None:
    await commands.execute(create())
    with takes_any_new_name():
        first = await commands.execute(add(product_id="te\u0301"), request_id=A)
    await commands.execute(RemoveItem(order_id="1", line_id="te\u0301"))
    again = await Commands(store).execute(add(product_id="te\u0301"), request_id=A)
    assert (again.replayed, again.streams) == (True, first.streams)
    with pytest.raises(InvalidRequest):
        await commands.execute(add(product_id="te\u0301"), request_id=B)


# New names

UNCLEAR = "te\u0301a"


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        (create(UNCLEAR), ["order_id"]),
        (create("2", line(UNCLEAR)), ["lines[0].product_id"]),
        (CreateOrder(customer_id=UNCLEAR, currency_code="GBP"), ["customer_id"]),
        (add(product_id=UNCLEAR), ["line.product_id"]),
        (ReceiveStock(product_id=UNCLEAR, quantity=1), ["product_id"]),
    ],
)
@pytest.mark.parametrize("validate_only", [False, True])
async def test_an_unclear_new_name_is_refused_without_a_trace(
    commands: Commands, message: Message, fields: list[str], validate_only: bool
) -> None:
    await commands.execute(create())
    with pytest.raises(InvalidRequest) as caught:
        await commands.execute(message, request_id=A, validate_only=validate_only)
    assert caught.value.reason.name == "INVALID_FIELDS"
    assert [violation.subject for violation in caught.value.violations] == [
        f"command.{one}" for one in fields
    ]
    assert len(commands.stored()) == 1
    assert await commands.execute(ReceiveStock(product_id="tea", quantity=1), request_id=A)


@pytest.mark.parametrize(
    "message",
    [
        ReleaseStock(order_id="o", product_ids=[UNCLEAR]),
        ReceiveStock(product_id="known", quantity=1),
        ReserveStock(order_id=UNCLEAR, lines=[ReservationLine(product_id="known", quantity=1)]),
    ],
)
async def test_what_begins_nothing_takes_any_name(commands: Commands, message: Message) -> None:
    await commands.execute(ReceiveStock(product_id="known", quantity=5))
    await commands.execute(message)


async def test_what_is_decided_on_a_repeat_before_that_is_known_is_decided_again(
    store: HeldStore, commands: Commands
) -> None:
    await commands.execute(create())
    await commands.execute(add(quantity=2), request_id=A)
    store.holds = True
    again, next_one = commands.send(add(quantity=2), request_id=A), commands.send(add(quantity=3))
    await settle()
    await store.release()  # the repeat is found out, and what was linked to it is decided on what is true
    await store.release()
    assert (await again).replayed
    assert (await next_one).streams[0].version == 3
    assert [payload.quantity for _, _, payload in commands.stored()[2:]] == [5]


async def test_a_command_that_comes_for_the_first_time_is_not_searched_for(
    store: HeldStore, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[object] = []
    find = store.find_request

    async def watched(key: RequestKey) -> RecordedRequest | None:
        searches.append(key)
        return await find(key)

    monkeypatch.setattr(store, "find_request", watched)
    await commands.execute(create(), request_id=A)
    assert not searches
    await commands.execute(create(), request_id=A)
    assert len(searches) == 1


# Two at once


async def test_two_at_once_are_one_decision_and_both_are_answered(
    store: HeldStore, commands: Commands
) -> None:
    store.holds = True
    first, second = commands.send(create(), request_id=A), commands.send(create(), request_id=A.upper())
    await settle()
    assert len(store.appends) == 1
    await store.release()
    assert [(await first).replayed, (await second).replayed] == [False, True]
    assert (await first).streams == (await second).streams


async def test_two_at_once_share_a_refusal(store: HeldStore, commands: Commands) -> None:
    store.holds = True
    created = commands.send(create())
    both = [commands.send(SubmitOrder(order_id="1"), request_id=A) for _ in range(2)]
    await settle()
    await store.release()
    await created
    for task in both:
        with pytest.raises(Rejected):
            await task


async def test_another_command_under_an_id_in_flight_is_refused(store: HeldStore, commands: Commands) -> None:
    store.holds = True
    first = commands.send(create(), request_id=A)
    await settle()
    with pytest.raises(InvalidRequest):
        await commands.execute(create("2"), request_id=A)
    await store.release()
    await first


async def test_a_command_runs_on_when_its_caller_gives_up_and_a_repeat_finds_it(
    store: HeldStore, commands: Commands
) -> None:
    store.holds = True
    first = commands.send(create(), request_id=A)
    await settle()
    second = commands.send(create(), request_id=A)
    await settle()
    first.cancel()
    await settle()
    await store.release()
    assert (await second).replayed
    assert (await commands.execute(create(), request_id=A)).replayed
    assert first.cancelled()
    assert len(commands.stored()) == 1


async def test_the_outcome_of_a_command_on_its_way_is_returned_when_it_is_stored(
    store: HeldStore, commands: Commands
) -> None:
    store.holds = True
    first = commands.send(create(), request_id=A)
    await settle()
    asked = asyncio.ensure_future(commands.handler.outcome_of(RequestKey("", A)))
    given_up = asyncio.ensure_future(commands.handler.outcome_of(RequestKey("", A)))
    await settle()
    given_up.cancel()
    await settle()
    assert not asked.done()
    await store.release()
    told, outcome = await asked, await first
    assert (told.events, told.position, told.streams) == (outcome.events, outcome.position, outcome.streams)
    assert told.replayed


async def test_what_became_of_a_command_that_failed_on_its_way_is_nothing(
    store: HeldStore, commands: Commands
) -> None:
    store.holds = True
    first = commands.send(create(), request_id=A)
    await settle()
    asked = asyncio.ensure_future(commands.handler.outcome_of(RequestKey("", A)))
    await settle()
    await store.fail_first(StoreFull())
    with pytest.raises(ReadRefused, match="No command of this caller is recorded under the request id"):
        await asked
    with pytest.raises(StoreFull):
        await first


async def test_what_became_of_any_command_is_unknown_once_the_log_is_detached(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    await commands.execute(create(), request_id=A)
    monkeypatch.setattr(MemoryEventStore, "refusal", LogDetached())
    for request_id in (A, B):
        with pytest.raises(LogDetached) as told:
            await commands.handler.outcome_of(RequestKey("", request_id))
        assert told.value.metadata == {"request_id_not_looked_up": "true"}


async def test_a_repeat_that_cannot_be_looked_up_says_so(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    await commands.execute(create(), request_id=A)

    async def hindered(*_: object) -> None:
        raise StoreHindered("io", "the disk fails")

    monkeypatch.setattr(MemoryEventStore, "find_request", hindered)
    with pytest.raises(StoreHindered) as raised:
        await commands.execute(create(), request_id=A)
    assert raised.value.metadata["request_id_not_looked_up"] == "true"


async def test_a_repeat_is_not_answered_if_the_log_is_detached_meanwhile(
    store: HeldStore, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    await commands.execute(create(), request_id=A)
    found = store.find_request

    async def detached_meanwhile(key: RequestKey) -> RecordedRequest | None:
        monkeypatch.setattr(MemoryEventStore, "refusal", LogDetached())
        return await found(key)

    monkeypatch.setattr(store, "find_request", detached_meanwhile)
    with pytest.raises(StoreUnavailable):
        await commands.execute(create(), request_id=A)


async def test_another_actor_is_not_told_what_became_of_a_command(commands: Commands) -> None:
    await commands.execute(create(), actor="ada", request_id=A)
    assert (await commands.handler.outcome_of(RequestKey("ada", A))).position == 1
    with pytest.raises(ReadRefused):
        await commands.handler.outcome_of(RequestKey("eve", A))


async def test_a_command_that_failed_leaves_its_id_free(store: HeldStore, commands: Commands) -> None:
    store.holds = True
    task = commands.send(create(), request_id=A)
    await settle()
    await store.fail_first(StoreFull())
    with pytest.raises(StoreFull):
        await task
    store.holds = False
    assert not (await commands.execute(create(), request_id=A)).replayed


async def test_what_another_process_did_under_the_id_is_found(store: HeldStore, commands: Commands) -> None:
    store.holds = True
    task = commands.send(create(), request_id=A)
    await settle()
    append, _ = store.held[0]
    await MemoryEventStore.append(store, append)  # another process's append of the same request
    await store.fail_first(DuplicateRequest())
    assert (await task).replayed
    assert len(commands.stored()) == 1


async def test_a_race_for_a_request_that_is_never_found_is_told_by_its_stream(
    store: HeldStore, commands: Commands
) -> None:
    store.holds = True
    task = commands.send(create(), request_id=A)
    for _ in range(MAX_ATTEMPTS):
        await settle()
        assert not task.done()
        await store.fail_first(DuplicateRequest())
    with pytest.raises(Contended) as caught:
        await task
    assert caught.value.about == ("stream", "order-1")


async def test_a_request_that_left_the_window_meanwhile_is_new_again(
    store: HeldStore, commands: Commands
) -> None:
    store.holds = True
    task = commands.send(create(), request_id=A)
    await settle()
    store.holds = False
    await store.fail_first(DuplicateRequest())
    assert not (await task).replayed
    assert len(commands.stored()) == 1


# Options


async def test_an_expected_version_that_fits_is_a_pass_and_another_a_conflict(commands: Commands) -> None:
    await commands.execute(create(), expected_version=0)
    await commands.execute(add(), expected_version=1)
    with pytest.raises(WrongExpectedVersion) as caught:
        await commands.execute(add(), expected_version=1)
    assert caught.value.metadata == {
        "stream": "order-1",
        "expected_version": "1",
        "actual_version": "2",
    }


async def test_the_expected_version_comes_before_existence(commands: Commands) -> None:
    with pytest.raises(WrongExpectedVersion):
        await commands.execute(add("none"), expected_version=3)


async def test_an_expected_version_is_for_one_stream(commands: Commands) -> None:
    for product in ("tea", "milk"):
        await commands.execute(ReceiveStock(product_id=product, quantity=5))
    lines = [ReservationLine(product_id=product, quantity=1) for product in ("tea", "milk")]
    with pytest.raises(InvalidRequest) as caught:
        await commands.execute(ReserveStock(order_id="o", lines=lines), expected_version=1)
    assert [violation.subject for violation in caught.value.violations] == ["options.expected_version"]
    one = ReserveStock(order_id="o", lines=lines[:1])
    assert (await commands.execute(one, expected_version=1)).streams[0].version == 2


async def test_a_stream_named_twice_is_refused_with_the_place(commands: Commands) -> None:
    lines = [ReservationLine(product_id=product, quantity=1) for product in ("tea", "milk", "tea")]
    with pytest.raises(InvalidRequest) as caught:
        await commands.execute(ReserveStock(order_id="o", lines=lines))
    assert [violation.subject for violation in caught.value.violations] == ["command.lines[2].product_id"]


async def test_validating_decides_and_stores_nothing(commands: Commands) -> None:
    outcome = await commands.execute(create("1", line()), validate_only=True)
    assert (outcome.validated_only, outcome.position, outcome.events) == (True, 0, ())
    assert [(one.stream, one.version) for one in outcome.proposed] == [("order-1", 1), ("order-1", 2)]
    assert outcome.streams[0].version == 2
    assert commands.stored() == []
    with pytest.raises(Rejected):
        await commands.execute(SubmitOrder(order_id="1"), validate_only=True)


async def test_validating_on_what_exists_gives_no_position(commands: Commands) -> None:
    await commands.execute(create())
    assert (await commands.execute(add(), validate_only=True)).position == 0


async def test_what_validating_would_do_is_not_what_later_commands_see(commands: Commands) -> None:
    await commands.execute(create())
    await commands.execute(add(), validate_only=True)
    with pytest.raises(Rejected) as caught:
        await commands.execute(SubmitOrder(order_id="1"))
    assert caught.value.reason.name == "ORDER_EMPTY"


async def test_the_position_is_that_of_the_streams_last_event(commands: Commands) -> None:
    await commands.execute(create("1", line(quantity=2)))
    await commands.execute(create("2"))
    same = ChangeItemQuantity(order_id="1", line_id="tea", quantity=2)
    assert (await commands.execute(same)).position == 2


async def test_metadata_says_who_and_why(store: HeldStore, commands: Commands) -> None:
    await commands.execute(create(), request_id=A, causation_id="c", actor="ada")
    await commands.execute(add(), request_id=B, correlation_id="k")
    created, added = [RecordedEvent.FromString(event.record).metadata for event in await store.read_all()]
    assert (created.request_id, created.correlation_id, created.causation_id, created.actor) == (
        A,
        A,
        "c",
        "ada",
    )
    assert added.correlation_id == "k"


async def test_many_commands_on_one_aggregate_at_once_all_count(commands: Commands) -> None:
    await commands.execute(create())
    await asyncio.gather(*(commands.execute(add()) for _ in range(200)))
    outcome = await commands.execute(SubmitOrder(order_id="1"))
    order: Any = outcome.streams[0].aggregate
    assert order.lines[0].quantity == 200


# Defects of a domain


def broken(*_: object) -> Any:
    raise ZeroDivisionError("of the domain")


async def test_a_state_that_cannot_be_shown_is_told_of_and_holds_up_nobody(
    store: HeldStore, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DECIDERS, "order", replace(ORDER, render=broken))
    store.holds = True
    order, stock = commands.send(create()), commands.send(ReceiveStock(product_id="tea", quantity=1))
    await settle()
    await store.release()
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(order, 10)
    assert (await stock).streams[0].version == 1


async def test_a_command_whose_events_make_no_state_stores_nothing_and_holds_up_nobody(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    await commands.execute(create())
    fresh = Commands(commands.store)
    commands.store.may_load.clear()
    with monkeypatch.context() as faulty:
        faulty.setitem(DECIDERS, "order", replace(ORDER, evolve=fails_at_items))
        failing = fresh.send(add())
        await settle()
    following = fresh.send(SubmitOrder(order_id="1"))
    await settle()
    commands.store.may_load.set()
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(failing, 10)
    with pytest.raises(Rejected):  # the order is empty
        await following
    assert len(commands.stored()) == 1


def fails_at_items(order: Order, event: Event) -> Order:
    if isinstance(event, ItemAdded):
        broken()
    return ORDER.evolve(order, event)


def decides_nothing(command: object, order: object) -> Any:
    return None


async def test_a_decider_without_a_case_is_named(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python returns None from a match that has no case: it says which decider, and what it was given."""
    monkeypatch.setitem(DECIDERS, "order", replace(ORDER, decide=decides_nothing))
    said = "`decide` of the decider order, given foldlog.orders.v1.SubmitOrder, returns None"
    with pytest.raises(TypeError, match=re.escape(said)):
        await commands.send(SubmitOrder(order_id="1"))
    assert commands.stored() == []
