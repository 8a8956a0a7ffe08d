"""`foldlog_client.testing`: the real client, answered as a test says."""

import inspect
import subprocess
import sys
import threading
from collections.abc import Iterator

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest

import foldlog_client
from foldlog.orders.v1.command_service_pb2 import CreateOrderRequest, CreateOrderResponse, SubmitOrderRequest
from foldlog.orders.v1.events_pb2 import OrderCreated, OrderSubmitted
from foldlog.orders.v1.queries_pb2 import (
    GetOrderRequest,
    GetOrderResponse,
    ListCurrentOrdersResponse,
    WatchOrderRequest,
    WatchOrderResponse,
)
from foldlog.orders.v1.types_pb2 import Order
from foldlog.v1.commands_pb2 import CommandResult
from foldlog.v1.event_service_pb2 import ReadStreamRequest, ReadStreamResponse, SubscribeRequest
from foldlog.v1.request_service_pb2 import GetOutcomeRequest
from foldlog_client import Retry, sync, testing
from foldlog_client.testing import Fake, Refusal, recorded, subscribed

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
CREATED = CreateOrderResponse(
    result=CommandResult(log_id="log", position=7, token="7.t"), order=Order(order_id="1001")
)
FIRST = recorded(OrderCreated(customer_id="ada"), 1, stream="order-1", version=1)
SECOND = recorded(OrderSubmitted(), 2, stream="order-1", version=2)


@pytest.fixture
def fake() -> Iterator[Fake]:
    with Fake() as fake:
        yield fake


def create(fake: Fake, **options: str) -> CreateOrderResponse:
    return fake.client.orders.create_order(customer_id="ada", currency_code="GBP", **options)  # type: ignore[arg-type]


# Answers


def test_a_call_is_answered_and_its_request_is_kept(fake: Fake) -> None:
    fake.answer(CREATED)
    assert create(fake, request_id="mine") == CREATED
    [request] = fake.requests_of(CreateOrderRequest)
    assert fake.requests == [request]
    assert (request.command.customer_id, request.options.request_id) == ("ada", "mine")


def test_answers_of_a_method_are_given_in_order_and_each_method_has_its_own(fake: Fake) -> None:
    fake.answer(CREATED, CreateOrderResponse())
    fake.answer(GetOrderResponse(order=Order(order_id="1")))
    assert fake.client.orders.get_order(order_id="1").order.order_id == "1"
    assert create(fake) == CREATED
    assert create(fake) == CreateOrderResponse()
    assert [type(one) for one in fake.requests] == [GetOrderRequest, CreateOrderRequest, CreateOrderRequest]


def test_what_is_answered_is_a_message_of_its_own(fake: Fake) -> None:
    response = CreateOrderResponse(order=Order(order_id="1"))
    fake.answer(response)
    response.order.order_id = "changed"
    assert create(fake).order.order_id == "1"


def test_every_call_can_be_answered_by_a_function(fake: Fake) -> None:
    def found(request: GetOrderRequest) -> GetOrderResponse:
        if request.order_id == "9":
            raise Refusal("ORDER_NOT_FOUND", {"order_id": "9"})
        return GetOrderResponse(order=Order(order_id=request.order_id))

    fake.always(GetOrderRequest, found)
    assert [fake.client.orders.get_order(order_id=id).order.order_id for id in "12"] == ["1", "2"]
    with pytest.raises(foldlog_client.NotFound):
        fake.client.orders.get_order(order_id="9")


def test_pages_are_asked_for_one_after_the_other(fake: Fake) -> None:
    fake.answer(ListCurrentOrdersResponse(next_page_token="more"), ListCurrentOrdersResponse())
    assert list(fake.client.orders.iterate_current_orders()) == []
    assert len(fake.requests) == 2


def test_the_session_is_kept(fake: Fake) -> None:
    fake.answer(CREATED)
    fake.answer(GetOrderResponse())
    create(fake)
    fake.client.orders.get_order(order_id="1001")
    [asked] = fake.requests_of(GetOrderRequest)
    assert (asked.options.min_position, asked.options.log_id) == (7, "log")


# Refusals


def test_a_refusal_is_the_typed_error_with_all_that_the_catalogue_says(fake: Fake) -> None:
    fake.refuse(CreateOrderRequest, "ORDER_EXISTS", {"order_id": "1001"})
    with pytest.raises(foldlog_client.AlreadyExists) as raised:
        create(fake, request_id="mine")
    error = raised.value
    assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ORDER_EXISTS")
    assert (error.domain, error.metadata) == ("foldlog.orders.v1", {"order_id": "1001"})
    assert error.request_id == "mine"
    assert error.message == "There is an order with this id already."


def test_a_reason_of_the_common_catalogue_has_its_domain(fake: Fake) -> None:
    fake.refuse(SubmitOrderRequest, "VERSION_CONFLICT", {"expected_version": "1", "actual_version": "2"})
    with pytest.raises(foldlog_client.VersionConflict) as raised:
        fake.client.orders.submit_order(order_id="1", expected_version=1)
    assert (raised.value.domain, raised.value.actual) == ("foldlog.v1", 2)


def test_more_details_come_along(fake: Fake) -> None:
    field = BadRequest.FieldViolation(field="command.order_id", reason="required")
    fake.refuse(
        CreateOrderRequest, "INVALID_FIELDS", details=[BadRequest(field_violations=[field])], message="No."
    )
    with pytest.raises(foldlog_client.InvalidRequest, match=r"No\.") as raised:
        create(fake)
    assert [one.subject for one in raised.value.violations] == ["command.order_id"]


def test_what_becomes_of_a_request_can_be_refused(fake: Fake) -> None:
    fake.refuse(GetOutcomeRequest, "REQUEST_NOT_FOUND")
    with pytest.raises(foldlog_client.NotFound):
        fake.client.outcome("0197a5c0-0000-7000-8000-000000001001")


# Retries


def test_a_lost_call_is_made_again_with_its_request_id(fake: Fake) -> None:
    fake.refuse(CreateOrderRequest, UNAVAILABLE)
    fake.answer(CREATED)
    assert create(fake) == CREATED
    first, second = fake.requests_of(CreateOrderRequest)
    assert first.options.request_id == second.options.request_id != ""


def test_the_wait_that_a_server_asks_for_takes_no_time(fake: Fake) -> None:
    fake.refuse(CreateOrderRequest, "DRAINING", retry_after=9)
    fake.answer(CREATED)
    assert create(fake) == CREATED


def test_a_wait_beyond_the_timeout_is_not_waited(fake: Fake) -> None:
    fake.refuse(CreateOrderRequest, "DRAINING", retry_after=10.5)
    with pytest.raises(foldlog_client.Unavailable) as raised:
        create(fake)
    assert raised.value.retry_after == 10.5


def test_a_call_that_is_never_answered_ends_with_its_timeout(fake: Fake) -> None:
    def lost(request: CreateOrderRequest) -> CreateOrderResponse:
        raise Refusal(UNAVAILABLE)

    fake.always(CreateOrderRequest, lost)
    with pytest.raises(foldlog_client.Unavailable):
        create(fake)
    # Pauses of 0.1, 0.2, … 1.6, and then 2 seconds, within 10.
    assert len(fake.requests) == 9


def test_how_often_a_call_is_made_can_be_said() -> None:
    with Fake(retry=Retry(attempts=1)) as fake:
        fake.refuse(CreateOrderRequest, UNAVAILABLE)
        with pytest.raises(foldlog_client.Unavailable):
            create(fake)


# Streams


def test_a_subscription_brings_its_events_and_is_taken_up_again(fake: Fake) -> None:
    fake.stream(SubscribeRequest, *subscribed(FIRST), then=Refusal(UNAVAILABLE))
    fake.stream(SubscribeRequest, *subscribed(SECOND, after=1))
    with fake.client.events.subscribe(categories=["order"]) as events:
        assert [sync.unpack(next(events)) for _ in range(2)] == [
            OrderCreated(customer_id="ada"),
            OrderSubmitted(),
        ]
    begun, resumed = fake.requests_of(SubscribeRequest)
    assert (begun.after_position, resumed.after_position, resumed.log_id) == (0, 1, "log")


def test_a_subscription_that_cannot_be_mended_ends_with_its_error(fake: Fake) -> None:
    fake.stream(SubscribeRequest, *subscribed(FIRST), then=Refusal("LOG_REPLACED"))
    with fake.client.events.subscribe() as events:
        assert next(events) == FIRST
        with pytest.raises(foldlog_client.LogReplaced):
            next(events)


def test_a_watch_is_resumed_by_its_token(fake: Fake) -> None:
    fake.stream(WatchOrderRequest, WatchOrderResponse(position=1, resume_token="here"))
    fake.stream(WatchOrderRequest, WatchOrderResponse(position=2, resume_token="there"))
    with fake.client.orders.watch_order(order_id="1") as changes:
        assert [next(changes).position for _ in range(2)] == [1, 2]
    assert [one.resume_token for one in fake.requests_of(WatchOrderRequest)] == ["", "here"]


def test_a_read_ends_where_its_stream_ends(fake: Fake) -> None:
    fake.stream(ReadStreamRequest, ReadStreamResponse(events=[FIRST, SECOND]))
    assert list(fake.client.events.read_stream("order-1")) == [FIRST, SECOND]


def test_a_stream_that_stays_open_waits_until_it_is_closed(fake: Fake) -> None:
    fake.stream(SubscribeRequest, *subscribed(FIRST), stays_open=True)
    subscription = fake.client.events.subscribe()
    got: list[int] = []
    has_one = threading.Event()

    def read() -> None:
        for event in subscription:
            got.append(event.position)
            has_one.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert has_one.wait(20)
    fake.close()
    reader.join(20)
    assert (got, reader.is_alive()) == ([1], False)


# What nobody scripted


def test_a_call_without_an_answer_fails_where_it_is_made_and_in_the_end() -> None:
    fake = Fake()
    with pytest.raises(AssertionError, match=r'has no answer .*customer_id: "ada"'):
        create(fake)
    with pytest.raises(AssertionError, match=r'has no answer .*customer_id: "ada"'), fake:
        pass


def test_a_subscription_that_is_taken_up_once_too_often_fails() -> None:
    fake = Fake()
    fake.stream(SubscribeRequest, *subscribed(FIRST))
    with fake.client.events.subscribe() as events:
        next(events)
        with pytest.raises(AssertionError, match="after_position: 1"):
            next(events)


def test_an_answer_that_nobody_asked_for_fails_in_the_end() -> None:
    with (
        pytest.raises(AssertionError, match=r"foldlog\.orders\.v1\.CommandService\.CreateOrder \(2\)"),
        Fake() as fake,
    ):
        fake.answer(CREATED, CREATED)


def test_the_error_of_the_block_is_not_hidden() -> None:
    fake = Fake()
    fake.answer(CREATED)
    with pytest.raises(KeyError), fake:
        raise KeyError


def test_who_asks_for_ever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testing.fake, "MOST_CALLS", 3)
    fake = Fake()
    fake.always(CreateOrderRequest, lambda _: CREATED)
    for _ in range(3):
        create(fake)
    with pytest.raises(AssertionError, match="seems to loop without end"):
        create(fake)


def test_who_has_closed_the_client_can_make_no_more_calls(fake: Fake) -> None:
    fake.answer()
    fake.client.close()
    with pytest.raises(ValueError, match="closed channel"):
        create(fake)


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        (lambda fake: fake.answer(Order()), "is not the response of a method"),
        (lambda fake: fake.answer(CreateOrderResponse), "is not a message, as CreateOrderResponse"),
        (lambda fake: fake.refuse(Order, "ORDER_EXISTS"), "is not the request of a method"),
        (lambda fake: fake.answer(ReadStreamResponse()), r"stream\(ReadStreamRequest"),
        (lambda fake: fake.stream(CreateOrderRequest), r"answer\(CreateOrderResponse"),
        (lambda fake: fake.always(SubscribeRequest, lambda _: CREATED), r"stream\(SubscribeRequest"),
        (
            lambda fake: fake.stream(ReadStreamRequest, CREATED),
            "ReadStreamResponse, not .*CreateOrderResponse",
        ),
        (lambda fake: fake.refuse(CreateOrderRequest, "ORDER_MISLAID"), "'ORDER_MISLAID' is not a reason"),
        (lambda fake: fake.refuse(CreateOrderRequest, UNAVAILABLE, {"a": "b"}), "has no metadata"),
        (lambda fake: fake.refuse(CreateOrderRequest, grpc.StatusCode.OK), "OK is no refusal"),
    ],
)
def test_a_mistake_in_a_script_is_told_at_once(mistake, told: str, fake: Fake) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises((TypeError, ValueError), match=told):
        mistake(fake)


def test_a_function_that_gives_another_response_is_told(fake: Fake) -> None:
    fake.always(GetOrderRequest, lambda _: CREATED)
    with pytest.raises(TypeError, match="GetOrder answers with"):
        fake.client.orders.get_order(order_id="1")


# What stands in


def test_a_function_that_forgets_to_answer_is_told(fake: Fake) -> None:
    fake.always(GetOrderRequest, lambda _: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError, match="GetOrderResponse, not None"):
        fake.client.orders.get_order(order_id="1")


def test_what_was_asked_is_kept_as_it_was_asked(fake: Fake) -> None:
    def answer(request: GetOrderRequest) -> GetOrderResponse:
        request.order_id = "another"
        return GetOrderResponse()

    fake.always(GetOrderRequest, answer)
    fake.client.orders.get_order(order_id="1")
    assert [request.order_id for request in fake.requests_of(GetOrderRequest)] == ["1"]


def test_it_stands_in_for_connect(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "connect", fake.connect)
    fake.answer(CREATED)
    with sync.connect("shop.example:443", credentials=grpc.ssl_channel_credentials(), timeout=1) as client:
        assert client.orders.create_order(customer_id="ada", currency_code="GBP") == CREATED


def test_it_is_connected_as_a_server_is() -> None:
    assert (
        inspect.signature(Fake.connect).parameters.keys() - {"self"}
        == inspect.signature(sync.connect).parameters.keys()
    )


def test_many_threads_are_answered(fake: Fake) -> None:
    fake.always(
        CreateOrderRequest,
        lambda request: CreateOrderResponse(order=Order(order_id=request.command.order_id)),
    )
    wrong: list[str] = []

    def ask(name: str) -> None:
        for number in range(50):
            if create(fake, order_id=f"{name}-{number}").order.order_id != f"{name}-{number}":
                wrong.append(f"{name}-{number}")

    threads = [threading.Thread(target=ask, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (wrong, len(fake.requests)) == ([], 400)


def test_without_grpcio_testing_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['grpc_testing'] = None; import foldlog_client.testing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].endswith(
        "Run: pip install 'foldlog[testing]' (from a checkout of it: pip install '.[testing]')"
    )
