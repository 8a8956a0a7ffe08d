"""Commands: what every one takes and gives"""

import asyncio
from typing import Any

import grpc
import pytest
from grpc import StatusCode

from foldlog.inventory.v1.commands_pb2 import ReceiveStock, ReleaseStock, ReservationLine, ReserveStock
from foldlog.orders.v1.commands_pb2 import AddItem, CreateOrder, RemoveItem, SubmitOrder
from foldlog.v1.commands_pb2 import Reply
from foldlog.v1.request_service_pb2 import GetOutcomeRequest
from tests.conformance.shop import Shop, fresh, line, names, of_another_history, request_id
from tests.support.wire import METHODS, refused

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def create(**fields: Any) -> CreateOrder:
    return CreateOrder(**{"customer_id": "c", "currency_code": "GBP", **fields})


# The request id


async def test_replay(shop: Shop) -> None:
    """The same request id and the same command again give the first outcome again, with `replayed` set."""
    order_id, key = await shop.order(), request_id()
    add = AddItem(order_id=order_id, line=line("milk"))
    first = await shop.send(add, request_id=key)
    await shop.send(AddItem(order_id=order_id, line=line("sugar")))
    again = await shop.send(add, request_id=key)
    assert not first.result.replayed
    assert again.result.replayed
    again.result.replayed = False
    assert again == first
    assert len(await shop.events(f"order-{order_id}")) == 4


async def test_replay_of_nothing(shop: Shop) -> None:
    """A command that found nothing to do is remembered like any other."""
    order_id, key = await shop.order("SUBMITTED"), request_id()
    first = await shop.send(SubmitOrder(order_id=order_id), request_id=key)
    again = await shop.send(SubmitOrder(order_id=order_id), request_id=key)
    assert not first.result.events
    assert (again.result.replayed, again.result.version) == (True, first.result.version)


async def test_refusals_are_not_remembered(shop: Shop) -> None:
    """A refusal is not remembered: the same request is decided afresh."""
    order_id, key = fresh("o"), request_id()
    submit = SubmitOrder(order_id=order_id)
    assert (await refused(shop.send(submit, request_id=key))).reason == "ORDER_NOT_FOUND"
    await shop.send(create(order_id=order_id, lines=[line()]))
    assert not (await shop.send(submit, request_id=key)).result.replayed


async def test_reused_request_id(shop: Shop) -> None:
    """The same request id with another command is INVALID_ARGUMENT (REQUEST_ID_REUSED)."""
    key = request_id()
    order_id = (await shop.send(create(), request_id=key)).order.order_id
    for other in (create(customer_name="Ada"), AddItem(order_id=order_id, line=line())):
        refusal = await refused(shop.send(other, request_id=key))
        assert (refusal.code, refusal.reason) == (StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    refusal = await refused(shop.send(create(), request_id=key, expected_version=0))
    assert refusal.reason == "REQUEST_ID_REUSED"


async def test_joined(shop: Shop) -> None:
    """Many of one request at once are one decision, and all are answered."""
    order_id, key = await shop.order(), request_id()
    add = AddItem(order_id=order_id, line=line("milk"))
    answers = await asyncio.gather(*(shop.send(add, request_id=key) for _ in range(20)))
    assert {answer.result.version for answer in answers} == {3}
    assert sum(not answer.result.replayed for answer in answers) == 1
    assert len(await shop.events(f"order-{order_id}")) == 3


async def test_given_up(shop: Shop) -> None:
    """A command whose caller gives up acts once all the same, when it is repeated."""
    order_id, key = await shop.order(), request_id()
    add = AddItem(order_id=order_id, line=line("milk"))
    for turns in range(20):
        call = asyncio.ensure_future(shop.send(add, request_id=key))
        for _ in range(turns):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([call])
    await shop.send(add, request_id=key)
    assert len(await shop.events(f"order-{order_id}")) == 3


async def test_lookup_precedes_ids(shop: Shop) -> None:
    """An id that the server makes is the same when the request is repeated."""
    key = request_id()
    first = await shop.send(create(), request_id=key)
    assert (await shop.send(create(), request_id=key)).order.order_id == first.order.order_id


async def test_validation_ignores_the_request_id(shop: Shop) -> None:
    """`validate_only` ignores the request id."""
    key = request_id()
    await shop.send(create(), request_id=key, validate_only=True)
    created = await shop.send(create(customer_name="Ada"), request_id=key)
    assert not created.result.replayed
    assert not (await shop.send(create(), request_id=key, validate_only=True)).result.replayed


# The expected version


async def test_expected_version(shop: Shop) -> None:
    """A command is carried out at the version it expects; 0 = the stream must not exist."""
    order_id = fresh("o")
    await shop.send(create(order_id=order_id), expected_version=0)
    added = await shop.send(AddItem(order_id=order_id, line=line()), expected_version=1)
    assert added.result.version == 2


async def test_version_conflict(shop: Shop) -> None:
    """Another version is ABORTED (VERSION_CONFLICT), with the expected and the actual one."""
    order_id = await shop.order()
    refusal = await refused(shop.send(AddItem(order_id=order_id, line=line()), expected_version=1))
    assert (refusal.code, refusal.reason) == (StatusCode.ABORTED, "VERSION_CONFLICT")
    assert refusal.metadata["expected_version"] == "1"
    assert refusal.metadata["actual_version"] == "2"


async def test_one_winner(shop: Shop) -> None:
    """Of many commands that expect one version, one is carried out."""
    order_id = await shop.order()
    adds = [AddItem(order_id=order_id, line=line(f"p-{number}")) for number in range(20)]
    outcomes = await asyncio.gather(
        *(shop.send(add, expected_version=2) for add in adds), return_exceptions=True
    )
    lost = [outcome for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    assert {error.code() for error in lost} == {StatusCode.ABORTED}
    assert len(lost) == 19


async def test_lost_races(shop: Shop) -> None:
    """Without an expected version the server decides lost races again by itself: none of many fails."""
    order_id = await shop.order()
    adds = [AddItem(order_id=order_id, line=line(f"p-{number}")) for number in range(50)]
    answers = await asyncio.gather(*map(shop.send, adds))
    assert sorted(answer.result.version for answer in answers) == list(range(3, 53))


async def test_expected_version_of_several(shop: Shop) -> None:
    """An expected version is for commands that name one stream."""
    products = [await shop.product() for _ in range(2)]
    reserve = ReserveStock(
        order_id="o", lines=[ReservationLine(product_id=product, quantity=1) for product in products]
    )
    refusal = await refused(shop.send(reserve, expected_version=1))
    assert [subject for subject, _ in refusal.violations] == ["options.expected_version"]


# Validation


async def test_validate_only(shop: Shop) -> None:
    """`validate_only` decides and appends nothing: `validated_only`, no position, the events as they would be."""
    order_id = fresh("o")
    asked = await shop.send(create(order_id=order_id, lines=[line()]), validate_only=True)
    assert asked.result.validated_only
    assert asked.result.position == 0
    assert names(asked.result.events) == ["OrderCreated", "ItemAdded"]
    assert not any(event.position or event.HasField("recorded_time") for event in asked.result.events)
    assert (await refused(shop.events(f"order-{order_id}"))).reason == "STREAM_NOT_FOUND"


async def test_validate_only_refuses(shop: Shop) -> None:
    """What would be refused is refused in the same way when it is only validated."""
    order_id = await shop.order("SHIPPED")
    told = await refused(shop.send(AddItem(order_id=order_id, line=line())))
    asked = await refused(shop.send(AddItem(order_id=order_id, line=line()), validate_only=True))
    assert (asked.code, asked.reason, asked.message) == (told.code, told.reason, told.message)


# Where events come from


async def test_correlation(shop: Shop) -> None:
    """Correlation id, causation id and request id are copied into the events."""
    key = request_id()
    created = await shop.send(create(), request_id=key, correlation_id="trip 7", causation_id="click")
    metadata = created.result.events[0].metadata
    assert (metadata.request_id, metadata.correlation_id, metadata.causation_id) == (key, "trip 7", "click")


async def test_correlation_by_default(shop: Shop) -> None:
    """The correlation id is the request id if it is not given."""
    key = request_id()
    created = await shop.send(create(), request_id=key)
    assert created.result.events[0].metadata.correlation_id == key


async def test_trace_context(shop: Shop) -> None:
    """The W3C trace context of the call is copied into the events."""
    created = await shop.send(create(), metadata=[("traceparent", PARENT), ("tracestate", "a=1")])
    metadata = created.result.events[0].metadata
    assert (metadata.traceparent, metadata.tracestate) == (PARENT, "a=1")


# The reply


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ("REPLY_UNSPECIFIED", "the result with its events, and the aggregate"),
        ("REPLY_FULL", "the result with its events, and the aggregate"),
        ("REPLY_EVENTS", "the result with its events"),
        ("REPLY_RESULT", "the result without its events"),
    ],
)
async def test_reply(shop: Shop, reply: str, says: str) -> None:
    """With {reply} a command answers {says}."""
    created = await shop.send(create(), reply=Reply.Value(reply))
    assert created.result.version == 1
    assert bool(created.result.events) == (reply != "REPLY_RESULT")
    assert created.HasField("order") == (reply in ("REPLY_UNSPECIFIED", "REPLY_FULL"))


async def test_result(shop: Shop) -> None:
    """A result has the log, the stream, its version, the position of its last event, and the recorded events."""
    order_id = await shop.order()
    result = (await shop.send(AddItem(order_id=order_id, line=line("milk")))).result
    stored = await shop.events(f"order-{order_id}", from_version=3)
    head = await shop.head()
    assert (result.log_id, result.stream) == (head.log_id, f"order-{order_id}")
    assert (result.version, result.position) == (3, stored[0].position)
    assert list(result.events) == stored
    assert [(one.stream, one.version) for one in result.streams] == [(f"order-{order_id}", 3)]


async def test_result_of_nothing(shop: Shop) -> None:
    """Where there was nothing to do, the result has no events, and the stream's version and position."""
    order_id = await shop.order("SUBMITTED")
    result = (await shop.send(SubmitOrder(order_id=order_id))).result
    [last] = await shop.events(f"order-{order_id}", from_version=3)
    assert not result.events
    assert (result.version, result.position) == (3, last.position)


async def test_result_where_nothing_is(shop: Shop) -> None:
    """Where no stream exists, version and position are 0."""
    release = ReleaseStock(order_id="o", product_ids=[fresh("p")])
    result = (await shop.send(release)).result
    assert (result.version, result.position) == (0, 0)


async def test_result_token(shop: Shop) -> None:
    """A result carries its position as a token, and one for each event; a replayed result carries the same."""
    key = request_id()
    made = create()
    first = (await shop.send(made, request_id=key)).result
    again = (await shop.send(made, request_id=key)).result
    assert again.replayed
    assert (first.token, list(first.event_tokens)) == (again.token, list(again.event_tokens))
    assert (first.token, len(first.event_tokens)) == (first.event_tokens[-1], len(first.events))


async def test_session_token(shop: Shop) -> None:
    """A command is carried out whatever session token it carries; the result says if that is of another history."""
    seen = (await shop.send(create())).result.token
    for token, is_replaced in ((seen, False), (of_another_history(seen), True)):
        result = (await shop.send(create(), session_token=token)).result
        assert (result.session_replaced, len(result.events)) == (is_replaced, 1)


async def test_durable_when_answered(shop: Shop) -> None:
    """What was answered is in the log: its events are read back at once."""
    for _ in range(20):
        product = await shop.product()
        received = await shop.send(ReceiveStock(product_id=product, quantity=1))
        assert await shop.events(f"stock-{product}", from_version=2) == list(received.result.events)


# What became of it


async def test_outcome(shop: Shop) -> None:
    """GetOutcome gives what a command did, by its request id alone, as a repeat of it would be answered."""
    order_id, key = await shop.order(), request_id()
    add = AddItem(order_id=order_id, line=line("milk"))
    await shop.send(add, request_id=key)
    await shop.send(AddItem(order_id=order_id, line=line("sugar")))
    found = await shop.ask(GetOutcomeRequest(request_id=key))
    assert found.result == (await shop.send(add, request_id=key)).result
    assert found.result.replayed
    assert found.result.version == 3


async def test_outcome_of_nothing(shop: Shop) -> None:
    """GetOutcome gives the result of a command that found nothing to do: no events."""
    order_id, key = await shop.order("SUBMITTED"), request_id()
    await shop.send(SubmitOrder(order_id=order_id), request_id=key)
    found = (await shop.ask(GetOutcomeRequest(request_id=key.upper()))).result
    assert (found.stream, list(found.events)) == (f"order-{order_id}", [])


async def test_outcome_of_what_was_not_carried_out(shop: Shop) -> None:
    """Of a request id that was not used, refused or only validated, GetOutcome is NOT_FOUND (REQUEST_NOT_FOUND)."""
    unused, of_refused, of_validated = request_id(), request_id(), request_id()
    await refused(shop.send(SubmitOrder(order_id=fresh()), request_id=of_refused))
    await shop.send(create(), request_id=of_validated, validate_only=True)
    for key in (unused, of_refused, of_validated):
        found = await refused(shop.ask(GetOutcomeRequest(request_id=key)))
        assert (found.code, found.reason) == (StatusCode.NOT_FOUND, "REQUEST_NOT_FOUND")
        assert found.metadata["request_id"] == key


async def test_outcome_asked_while_it_is_carried_out(shop: Shop) -> None:
    """GetOutcome, asked again and again while a command comes, gives nothing or what the command is answered."""
    for _ in range(20):
        key = request_id()
        command = asyncio.ensure_future(shop.send(create(), request_id=key))
        found: list[Any] = []
        while not found:
            was_answered = command.done()
            asked = await asyncio.gather(shop.ask(GetOutcomeRequest(request_id=key)), return_exceptions=True)
            if isinstance(asked[0], grpc.RpcError):
                assert asked[0].code() == StatusCode.NOT_FOUND
                assert not was_answered
            else:
                found.append(asked[0])
        answered = (await command).result
        answered.replayed = True
        assert found[0].result == answered


# The order of the checks


async def test_fields_first(shop: Shop) -> None:
    """Fields are checked before the request id."""
    key = request_id()
    await shop.send(create(), request_id=key)
    assert (await refused(shop.send(create(currency_code=""), request_id=key))).reason == "INVALID_FIELDS"


async def test_request_id_second(shop: Shop) -> None:
    """The request id is checked before the expected version."""
    key, order_id = request_id(), await shop.order()
    await shop.send(create(), request_id=key)
    add = AddItem(order_id=order_id, line=line())
    assert (await refused(shop.send(add, request_id=key, expected_version=9))).reason == "REQUEST_ID_REUSED"


async def test_expected_version_third(shop: Shop) -> None:
    """The expected version is checked before existence."""
    submit = SubmitOrder(order_id=fresh("o"))
    assert (await refused(shop.send(submit, expected_version=9))).reason == "VERSION_CONFLICT"


async def test_expected_version_of_another_history(shop: Shop) -> None:
    """A version that was read in another history is not the one expected: FAILED_PRECONDITION (LOG_REPLACED)."""
    order_id = await shop.order()
    add = AddItem(order_id=order_id, line=line("milk"))
    token = (await shop.head()).token
    stale = of_another_history(token)
    refusal = await refused(shop.send(add, expected_version=2, expected_version_token=stale))
    assert (refusal.code, refusal.reason) == (StatusCode.FAILED_PRECONDITION, "LOG_REPLACED")
    added = await shop.send(add, expected_version=2, expected_version_token=token)
    assert added.result.version == 3


async def test_existence_before_rules(shop: Shop) -> None:
    """Existence is checked before the rules."""
    remove = RemoveItem(order_id=fresh("o"), line_id="tea")
    assert (await refused(shop.send(remove))).reason == "ORDER_NOT_FOUND"


@pytest.mark.parametrize("package", ["foldlog.orders.v1", "foldlog.inventory.v1"])
async def test_execute(shop: Shop, package: str) -> None:
    """{package}.CommandService.Execute is not offered yet: UNIMPLEMENTED (NOT_IMPLEMENTED)."""
    method = METHODS[f"Execute@{package}"]
    open_stream: Any = shop.channel.stream_stream(f"/{package}.CommandService/{method.name}")
    refusal = await refused(anext(aiter(open_stream(iter([b""])))))
    assert (refusal.code, refusal.reason) == (StatusCode.UNIMPLEMENTED, "NOT_IMPLEMENTED")
