"""Bad input over a real channel: all of it is named, none of it leaves a trace, nothing tells of the insides."""

import logging
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode

from foldlog.inventory.v1.commands_pb2 import ReceiveStock, ReservationLine, ReserveStock
from foldlog.inventory.v1.queries_pb2 import GetStockRequest
from foldlog.orders.v1.commands_pb2 import AddItem, CreateOrder
from foldlog.orders.v1.queries_pb2 import (
    GetCustomerOrdersRequest,
    GetOrderHistoryRequest,
    GetOrderRequest,
    ListCurrentOrdersRequest,
)
from foldlog.orders.v1.types_pb2 import OrderLine
from foldlog.v1.event_service_pb2 import ReadStreamRequest
from foldlog.v1.money_pb2 import Money
from foldlog.v1.options_pb2 import FORMAT_ID, FORMAT_POSITION_TOKEN, FORMAT_UUID, FieldRules, Format, rules
from foldlog_server.domains.inventory.stock import STOCK
from foldlog_server.domains.orders.order_rules import ORDER
from tests.support.order_stories import line, money
from tests.support.server import Server
from tests.support.wire import METHODS, SECONDS, Refusal, refused, refused_stream

OFFERED = [method for method in METHODS.values() if method.name != "Execute"]


async def refusal(server: Server, method: MethodDescriptor, data: bytes) -> Refusal:
    call = server.call(method, data)
    return await (refused_stream(call) if method.server_streaming else refused(call))


# Every rule of every field: the violations are made from the descriptors, so that a new field is tested as
# soon as it exists.

Change = tuple[tuple[str | int, ...], Any]
"""A path into a message, and what is to be put there."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request that is right but for one thing."""

    kind: str
    """The name of the rule as the options call it."""
    request: Message
    violation: tuple[str, str]
    """The path and rule that must be told."""


def rule_of(field: FieldDescriptor) -> FieldRules:
    return field.GetOptions().Extensions[rules]


def is_ours(message: Descriptor | None) -> TypeGuard[Descriptor]:
    return message is not None and message.file.package.startswith("foldlog.")


def good_scalar(field: FieldDescriptor, rule: FieldRules) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        if rule.format == FORMAT_UUID:
            return "01938f3e-7c5a-7000-8000-3f2a1b0c9d8e"
        if rule.format == FORMAT_POSITION_TOKEN:
            return "A" * 32 + ".0"
        return next(text for text in ("x", "GBP") if re.fullmatch(rule.pattern or ".*", text))
    return max(1, rule.min)


def good(message: Descriptor) -> Any:
    """A message that keeps all rules: every field of ours is set, so that each can be broken."""
    made = GetMessageClass(message)()
    for field in message.fields:
        if field.containing_oneof is not None and field.containing_oneof.fields[0] is not field:
            continue
        set_good(made, field)
    return made


def set_good(made: Any, field: FieldDescriptor) -> None:
    if is_ours(field.message_type):
        value = good(field.message_type)
        if field.is_repeated:
            getattr(made, field.name).append(value)
        else:
            getattr(made, field.name).CopyFrom(value)
    elif field.message_type is None and field.enum_type is None:
        if field.is_repeated:
            getattr(made, field.name).append(good_scalar(field, rule_of(field)))
        elif rule_of(field).ListFields() or field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            setattr(made, field.name, good_scalar(field, rule_of(field)))


def cases(method: MethodDescriptor) -> Iterator[Case]:
    whole = good(method.input_type)
    for kind, path, value, rule in broken(method.input_type, ()):
        request = type(whole)()
        request.CopyFrom(whole)
        put(request, path, value)
        yield Case(kind, request, (written(path), rule))


Broken = tuple[str, tuple[str | int, ...], Any, str]
"""The kind of rule, the path, what breaks it there, and the rule that is told."""

CLEAR = object()


def put(message: Any, path: tuple[str | int, ...], value: Any) -> None:
    *way, last = path
    at = message
    for step in way:
        at = at[step] if isinstance(step, int) else getattr(at, step)
    if isinstance(last, int):
        at[last] = value
    elif value is CLEAR:
        at.ClearField(last)
    elif isinstance(value, list):
        at.ClearField(last)
        getattr(at, last).extend(value)
    elif isinstance(value, dict):
        getattr(at, last).SetInParent()
        for name, part in value.items():
            setattr(getattr(at, last), name, part)
    else:
        setattr(at, last, value)


def written(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]


def broken(message: Descriptor, path: tuple[str | int, ...]) -> Iterator[Broken]:
    for field in message.fields:
        here = (*path, field.name)
        yield from broken_as_a_whole(field, here)
        if field.is_repeated:
            here = (*here, 0)
        if is_ours(field.message_type):
            yield from broken(field.message_type, here)
        yield from broken_value(field, here)


def broken_as_a_whole(field: FieldDescriptor, path: tuple[str | int, ...]) -> Iterator[Broken]:
    rule = rule_of(field)
    if rule.required:
        yield "required", path, CLEAR, "required"
    if rule.max_items:
        one = good(field.message_type) if field.message_type else good_scalar(field, rule)
        yield "max_items", path, [one] * (rule.max_items + 1), "max_items"


def broken_value(field: FieldDescriptor, path: tuple[str | int, ...]) -> Iterator[Broken]:
    rule = rule_of(field)
    if field.enum_type is not None:
        yield "enum", path, 99, "enum"
    elif field.message_type is not None:
        yield from broken_amount(field.message_type, rule, path)
    else:
        yield from broken_scalar(rule, path)


def broken_amount(message: Descriptor, rule: FieldRules, path: tuple[str | int, ...]) -> Iterator[Broken]:
    name = message.full_name
    whole = "units" if name == "foldlog.v1.Money" else "seconds"
    if rule.HasField("min"):
        yield "min", path, {whole: rule.min - 1, "nanos": 0}, "range"
        if not rule.min:
            yield "min", path, {whole: 0, "nanos": -1}, "range"
    if rule.HasField("max"):
        yield "max", path, {whole: rule.max + 1, "nanos": 0}, "range"
        yield "max", path, {whole: rule.max, "nanos": 1}, "range"
    if name == "foldlog.v1.Money" and not rule.HasField("min"):
        yield "sign", (*path, "nanos"), -1, "sign"
    if name == "google.protobuf.Timestamp":
        for parts in ({"seconds": 253_402_300_800}, {"seconds": -62_135_596_801}, {"nanos": -1}):
            yield "time", path, parts, "range"


def broken_scalar(rule: FieldRules, path: tuple[str | int, ...]) -> Iterator[Broken]:
    if rule.HasField("min"):
        below = rule.min - 1
        yield "min", path, below, "range" if below or not rule.required else "required"
    if rule.HasField("max"):
        yield "max", path, rule.max + 1, "range"
    if rule.max_bytes:
        yield "max_bytes", path, "x" * (rule.max_bytes + 1), "max_bytes"
        yield "max_bytes", path, "☃" * (rule.max_bytes // 3 + 1), "max_bytes"
    if rule.pattern:
        for text in BAD_PATTERNS[rule.pattern]:
            yield "pattern", path, text, "pattern"
    if rule.format:
        in_list = isinstance(path[-1], int)  # where an empty one is not one left out
        for text in (*BAD_FORMS[rule.format], *([""] if in_list else [])):
            yield "format", path, text, Format.Name(rule.format).removeprefix("FORMAT_").lower()


BAD_PATTERNS: dict[str, Sequence[str]] = {
    "[A-Z]{3}": ("gbp", "GBPX", "GB", "GBP\n", "ÄÖÜ"),
    r"[^\x00-\x1f\x7f-\x9f]*": ("order-1\n2026 ERROR all is lost", "\x00", "order-\x1b", "\x7f", "\x85"),
}
BAD_FORMS: dict[int, Sequence[str]] = {
    FORMAT_ID: ("x" * 65, "☃" * 22, " x", "x ", "x\u00a0", "x\x00y", "x\ny", "x\x7fy", "x\x85y"),
    FORMAT_UUID: (
        "x",
        "00000000-0000-0000-0000-000000000000",
        "FFFFFFFF-FFFF-FFFF-ffff-ffffffffffff",
        "01938f3e7c5a700080003f2a1b0c9d8e",
        "01938f3e-7c5a-7000-8000-3f2a1b0c9d8e ",
    ),
    FORMAT_POSITION_TOKEN: ("x", "A" * 32, "A" * 32 + ".01", "A" * 32 + f".{2**63}", "A" * 32 + ".1 "),
}


def test_every_kind_of_rule_and_format_has_its_violations() -> None:
    kinds = {case.kind for method in OFFERED for case in cases(method)}
    assert kinds >= set(FieldRules.DESCRIPTOR.fields_by_name)
    assert set(BAD_FORMS) == set(Format.values()) - {0}


def test_every_field_with_a_rule_is_violated() -> None:
    for method in OFFERED:
        paths = {re.sub(r"\[0\]$", "", case.violation[0]) for case in cases(method)}
        assert {written(path) for path in ruled(method.input_type, ())} <= paths


def ruled(message: Descriptor, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    for field in message.fields:
        here = (*path, field.name)
        if rule_of(field).ListFields():
            yield here
        if is_ours(field.message_type):
            yield from ruled(field.message_type, (*here, 0) if field.is_repeated else here)


@pytest.mark.parametrize("service", sorted({method.containing_service.full_name for method in OFFERED}))
async def test_every_rule_of_every_field_is_enforced_and_leaves_no_trace(
    server: Server, service: str
) -> None:
    methods = [method for method in OFFERED if method.containing_service.full_name == service]
    for method in methods:
        for case in cases(method):
            found = await refusal(server, method, case.request.SerializeToString())
            assert (found.code, found.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS")
            assert case.violation in found.violations, case.request
            # A part that is out of range can put the whole out of range, and a list filled with one value
            # names it again and again; nothing else is told.
            others = [path for path, rule in found.violations if rule != "unique"]
            assert all(case.violation[0].startswith(path) for path in others), case.request
    await check_untouched(server)


async def check_untouched(server: Server) -> None:
    """Nothing was stored, and no request id remembered."""
    assert (await server.head()).position == 0
    assert await server.recorded_request("01938f3e-7c5a-7000-8000-3f2a1b0c9d8e") is None


async def test_what_keeps_every_rule_is_not_refused_for_its_fields(server: Server) -> None:
    for method in OFFERED:
        request = good(method.input_type)
        for token in ("page_token", "resume_token"):
            if hasattr(request, token):
                request.ClearField(token)
        if hasattr(request, "options") and hasattr(request.options, "request_id"):
            request.options.request_id = str(uuid.uuid4())
        assert await code_of(server, method, request) is not StatusCode.INVALID_ARGUMENT


async def code_of(server: Server, method: MethodDescriptor, request: Message) -> StatusCode:
    """The code with which a method answers, or begins to answer."""
    call = server.call(method, request.SerializeToString())
    try:
        await (call.read() if method.server_streaming else call)
    except grpc.aio.AioRpcError as error:
        return error.code()
    call.cancel()
    return StatusCode.OK


async def test_a_command_at_the_edge_of_every_rule_is_accepted(server: Server) -> None:
    price = Money(currency_code="GBP", units=1_000_000)
    edge = OrderLine(
        line_id="☃" * 21 + "x",
        product_id="p" * 64,
        product_name="n" * 200,
        quantity=1_000_000,
        unit_price=price,
    )
    command = CreateOrder(
        order_id="o" * 64,
        customer_id="a b  c",
        customer_name="n" * 200,
        currency_code="GBP",
        lines=[edge],
    )
    reply = await server.send(command, correlation_id="c" * 64, causation_id="é" * 32)
    assert list(reply.order.lines) == [edge]


# Bytes that are nothing

GARBAGE = [
    b"\xff",
    b"\x0a",  # a field that is announced and does not come
    b"\x0a\xff\xff\xff\xff\x0f",
    b"\x0b\x0b\x0b",  # groups that do not end
    b"\x00" * 20,
    bytes(range(256)),
]


async def test_bytes_that_are_no_message_are_refused(server: Server) -> None:
    for method in OFFERED:
        for data in GARBAGE:
            found = await refusal(server, method, data)
            assert (found.code, found.reason) == (StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
            assert method.input_type.full_name in found.message
    await check_untouched(server)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/grpc.health.v1.Health/Check", "grpc.health.v1.HealthCheckRequest"),
        ("/grpc.health.v1.Health/Watch", "grpc.health.v1.HealthCheckRequest"),
        (
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "grpc.reflection.v1alpha.ServerReflectionRequest",
        ),
    ],
)
async def test_services_of_grpcs_own_refuse_bytes_that_are_no_message_and_log_no_trace(
    server: Server, caplog: pytest.LogCaptureFixture, path: str, message: str
) -> None:
    for data in GARBAGE:
        channel: Any = server.channel
        if path.endswith("Info"):
            call = channel.stream_stream(path)(iter([data]), timeout=SECONDS)
        else:
            call = channel.unary_stream(path)(data, timeout=SECONDS)
        found = await refused_stream(call)
        assert (found.code, found.reason) == (StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
        assert message in found.message
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_text_that_is_not_utf_8_is_refused(server: Server) -> None:
    method = METHODS["GetOrder@foldlog.orders.v1"]
    found = await refusal(server, method, b"\x0a\x02\xc3\x28")
    assert found.reason == "MALFORMED_REQUEST"


async def test_the_name_of_a_stream_has_no_control_characters(server: Server) -> None:
    forging = ReadStreamRequest(stream="order-1\n2026 ERROR all is lost")
    found = await refused_stream(server.ask(forging))
    assert (found.code, found.violations) == (StatusCode.INVALID_ARGUMENT, [("stream", "pattern")])


async def test_an_empty_request_is_told_what_it_lacks(server: Server) -> None:
    for method in OFFERED:
        required = [field.name for field in method.input_type.fields if rule_of(field).required]
        if required:
            found = await refusal(server, method, b"")
            assert found.violations == [(name, "required") for name in required]
    await check_untouched(server)


async def test_an_empty_command_is_told_everything_it_lacks(server: Server) -> None:
    for method in OFFERED:
        command = method.input_type.fields_by_name.get("command")
        if command is not None:
            found = await refusal(server, method, b"\x0a\x00")
            assert found.violations == [
                (f"command.{field.name}", "required")
                for field in command.message_type.fields
                if rule_of(field).required
            ]


async def test_all_bad_fields_are_named_at_once_in_their_order(server: Server) -> None:
    command = CreateOrder(
        order_id=" 1",
        customer_name="x" * 201,
        currency_code="pounds",
        lines=[
            OrderLine(product_id="a" * 65, quantity=-1),
            line("tea", 1, money("1")),
            OrderLine(product_id="tea", quantity=5, unit_price=Money(units=-1, nanos=5)),
        ],
    )
    found = await refused(server.send(command, request_id="mine", reply=7, correlation_id="\t"))
    assert found.violations == [
        ("command.order_id", "id"),
        ("command.customer_id", "required"),
        ("command.customer_name", "max_bytes"),
        ("command.currency_code", "pattern"),
        ("command.lines[0].product_id", "id"),
        ("command.lines[0].quantity", "range"),
        ("command.lines[0].unit_price", "required"),
        ("command.lines[2].unit_price.currency_code", "required"),
        ("command.lines[2].unit_price.nanos", "sign"),
        ("command.lines[2].unit_price", "range"),
        ("options.request_id", "uuid"),
        ("options.correlation_id", "id"),
        ("options.correlation_id", "id"),
        ("options.reply", "enum"),
    ]
    assert found.message.startswith("command.order_id: ")


# Large and long


@pytest.mark.parametrize("character", ["x", "☃", "\x01"])
async def test_ten_thousand_bad_lines_make_a_status_of_4_kib_at_most(server: Server, character: str) -> None:
    bad = [ReservationLine(product_id=character * 65, quantity=-n) for n in range(2000)]
    found = await refused(server.send(ReserveStock(order_id=character * 100, lines=bad)))
    assert found.violations[0] == ("command.order_id", "id")
    assert found.violations[-1][1] == "more"
    many = [OrderLine(product_id=character * 65, product_name=character * 67) for _ in range(10_000)]
    found = await refused(server.send(CreateOrder(order_id=character * 100, lines=many)))
    assert ("command.lines", "max_items") in found.violations
    await check_untouched(server)


async def test_two_thousand_refusals_by_a_rule_make_a_status_of_4_kib_at_most(server: Server) -> None:
    lines = [ReservationLine(product_id="☃" * 19 + f"{n:04}", quantity=1) for n in range(2000)]
    found = await refused(server.send(ReserveStock(order_id="☃" * 21, lines=lines)))
    assert (found.code, found.reason) == (StatusCode.FAILED_PRECONDITION, "INSUFFICIENT_STOCK")
    assert found.violations[0] == ("☃" * 19 + "0000", "INSUFFICIENT_STOCK")
    assert found.violations[-1][1] == "more"
    assert "1999 more" in found.message
    await check_untouched(server)


async def test_the_longest_names_make_a_status_of_4_kib_at_most(server: Server) -> None:
    id, stream = "☃" * 21, "☃" * 66
    questions: list[Any] = [
        GetOrderRequest(order_id=id),
        GetOrderHistoryRequest(order_id=id),
        GetCustomerOrdersRequest(customer_id=id),
        GetStockRequest(product_id=id),
    ]
    for question in questions:
        assert (await refused(server.ask(question))).code is StatusCode.NOT_FOUND
    found = await refused_stream(server.ask(ReadStreamRequest(stream=stream)))
    assert found.resource == ("stream", stream)


async def test_a_request_of_5_mebibytes_is_refused_and_others_go_on(server: Server) -> None:
    lines = [line(f"{n}", 1, money("1"), name="x" * 200) for n in range(23_000)]
    command = CreateOrder(customer_id="ada", currency_code="GBP", lines=lines)
    assert command.ByteSize() > 5 * 1024 * 1024
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await server.send(command)
    assert raised.value.code() is StatusCode.RESOURCE_EXHAUSTED
    await check_untouched(server)


async def test_too_many_lines_in_less_than_4_mebibytes_are_refused_by_their_rule(server: Server) -> None:
    lines = [line(f"{n}", 1, money("1")) for n in range(20_000)]
    found = await refused(server.send(CreateOrder(customer_id="ada", currency_code="GBP", lines=lines)))
    assert found.violations == [("command.lines", "max_items")]


async def test_fields_that_nobody_knows_are_ignored(server: Server) -> None:
    method = METHODS["CreateOrder@foldlog.orders.v1"]
    request = GetMessageClass(method.input_type)(
        command=CreateOrder(order_id="1", customer_id="ada", currency_code="GBP")
    )
    unknown = b"\xfa\x3f\x03new"  # field 1023, three bytes
    reply = await server.call(method, request.SerializeToString() + unknown)
    assert reply.result.version == 1


async def test_a_request_id_of_a_bad_request_can_be_used_for_a_good_one(server: Server) -> None:
    request_id = str(uuid.uuid4())
    await refused(server.send(CreateOrder(customer_id="ada"), request_id=request_id))
    good_one = CreateOrder(customer_id="ada", currency_code="GBP")
    assert not (await server.send(good_one, request_id=request_id)).result.replayed


# What nobody foresaw


class Trouble(RuntimeError):
    """What a defect raises; its text belongs to the insides."""


def trouble(*_: object, **__: object) -> Any:
    raise Trouble("the secret of the cellar")


async def check_fault(server: Server, found: Refusal, caplog: pytest.LogCaptureFixture) -> None:
    """The client has an id and no word of the insides; the log has the id and the trace."""
    assert (found.code, found.reason) == (StatusCode.INTERNAL, "INTERNAL")
    error_id = found.metadata["error_id"]
    assert error_id in found.message
    for inside in ("secret", "cellar", "Trouble", "Traceback", ".py", "trouble"):
        assert inside not in found.text
    [record] = [record for record in caplog.records if error_id in record.getMessage()]
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], Trouble)
    assert 'in trouble\n    raise Trouble("the secret of the cellar")' in caplog.text


@pytest.mark.parametrize(
    "request_id", ["", "01938f3e-7c5a-7000-8000-3f2a1b0c9d8e"], ids=["without an id", "with an id"]
)
async def test_a_defect_in_a_command_is_reported_by_its_id_alone(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    request_id: str,
) -> None:
    create = CreateOrder(order_id="1", customer_id="ada", currency_code="GBP")
    with monkeypatch.context() as patch:
        patch.setattr(type(ORDER), "decide", property(lambda _: trouble))
        await check_fault(server, await refused(server.send(create, request_id=request_id)), caplog)
        await check_untouched(server)
    reply = await server.send(create, request_id=request_id)  # and the server goes on
    assert (reply.result.replayed, reply.result.version) == (False, 1)
    assert (await server.send(AddItem(order_id="1", line=line("tea", 1, money("1"))))).result.version == 2


async def test_a_defect_in_one_product_of_several_leaves_the_others_usable(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for product in ("tea", "jam"):
        await server.send(ReceiveStock(product_id=product, quantity=5))
    lines = [ReservationLine(product_id=product, quantity=1) for product in ("tea", "jam")]
    with monkeypatch.context() as patch:
        patch.setattr(type(STOCK), "decide", property(lambda _: trouble))
        found = await refused(server.send(ReserveStock(order_id="1", lines=lines)))
        await check_fault(server, found, caplog)
    reply = await server.send(ReserveStock(order_id="1", lines=lines))
    assert [stock.available for stock in reply.stocks] == [4, 4]


async def test_a_defect_while_an_aggregate_is_loaded_is_told_by_its_id_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await server.send(CreateOrder(order_id="1", customer_id="ada", currency_code="GBP"))
    await server.restart()
    add = AddItem(order_id="1", line=line("tea", 1, money("1")))
    with monkeypatch.context() as patch:
        patch.setattr(type(ORDER), "evolve", property(lambda _: trouble))
        await check_fault(server, await refused(server.send(add)), caplog)
    assert (await server.send(add)).result.version == 2


@pytest.mark.parametrize(
    "request_",
    [
        GetOrderRequest(order_id="1"),
        ListCurrentOrdersRequest(),
        GetCustomerOrdersRequest(customer_id="ada"),
        GetOrderHistoryRequest(order_id="1"),
        GetStockRequest(product_id="1"),
    ],
    ids=lambda request: type(request).__name__,
)
async def test_a_defect_in_a_query_is_told_by_its_id_alone(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    request_: Any,
) -> None:
    with monkeypatch.context() as patch:
        for name in ("asked", "wait", "get"):
            patch.setattr(f"foldlog_server.queries.reads.Reads.{name}", trouble)
        await check_fault(server, await refused(server.ask(request_)), caplog)
    assert (await server.head()).position == 0


async def test_a_defect_in_a_stream_is_told_by_its_id_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server.app.parts.store, "read_stream", trouble)
    found = await refused_stream(server.ask(ReadStreamRequest(stream="order-1")))
    await check_fault(server, found, caplog)


# What is not offered yet


async def test_what_comes_later_says_so(server: Server) -> None:
    for package in ("orders", "inventory"):
        path = f"/foldlog.{package}.v1.CommandService/Execute"
        opened: Any = server.channel.stream_stream(path)
        check_not_offered(await refused_stream(opened(iter([b""]), timeout=SECONDS)))


async def test_a_stream_that_is_not_offered_is_told_so_however_soon_it_writes(server: Server) -> None:
    opened: Any = server.channel.stream_stream("/foldlog.orders.v1.CommandService/Execute")
    for _ in range(200):
        check_not_offered(await refused_stream(opened(iter([b""] * 3), timeout=SECONDS)))


async def test_a_stream_that_is_not_offered_and_says_nothing_is_told_so(server: Server) -> None:
    opened: Any = server.channel.stream_stream("/foldlog.orders.v1.CommandService/Execute")
    ended = opened(iter([]), timeout=SECONDS)
    silent = opened(timeout=SECONDS)
    check_not_offered(await refused_stream(ended))
    check_not_offered(await refused(silent.read()))


def check_not_offered(found: Refusal) -> None:
    assert (found.code, found.reason) == (StatusCode.UNIMPLEMENTED, "NOT_IMPLEMENTED")


def test_all_that_is_offered_is_tested_here() -> None:
    assert {method.name for method in METHODS.values()} - {method.name for method in OFFERED} == {"Execute"}
