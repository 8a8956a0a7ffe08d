"""What a client is told of an error: what it is about, and as many violations as fit."""

import pytest
from google.rpc.error_details_pb2 import BadRequest, PreconditionFailure, ResourceInfo
from google.rpc.status_pb2 import Status

from foldlog.orders.v1.commands_pb2 import CreateOrder, RecordPayment, RemoveItem
from foldlog_server.domains.inventory import refusals as stock_refusals
from foldlog_server.domains.orders import refusals as order_refusals
from foldlog_server.errors import (
    Contended,
    FoldlogError,
    InvalidRequest,
    ReadRefused,
    Violation,
    WrongExpectedVersion,
)
from foldlog_server.transport.status import MAX_STATUS_BYTES, status_of, wire_bytes

REMOVE = RemoveItem(order_id="o1", line_id="tea")
CREATE = CreateOrder(order_id="o1")


def resource_of(error: FoldlogError) -> tuple[str, str]:
    resource = ResourceInfo()
    [found] = [detail for detail in status_of(error).details if detail.Is(ResourceInfo.DESCRIPTOR)]
    found.Unpack(resource)
    return resource.resource_type, resource.resource_name


@pytest.mark.parametrize(
    ("error", "resource"),
    [
        (order_refusals.order_not_found(REMOVE), ("order", "o1")),
        (order_refusals.order_exists(CREATE, "DRAFT"), ("order", "o1")),
        (order_refusals.line_not_found(REMOVE, "tea"), ("line", "tea")),
        (stock_refusals.product_not_found("tea"), ("product", "tea")),
        (ReadRefused.stream_not_found("order-o1"), ("stream", "order-o1")),
        (WrongExpectedVersion("order-o1", 1, 2), ("stream", "order-o1")),
        (Contended("order-o1", 10), ("stream", "order-o1")),
    ],
    ids=lambda value: value.reason.name if isinstance(value, FoldlogError) else "",
)
def test_the_resource_is_what_was_looked_for(error: FoldlogError, resource: tuple[str, str]) -> None:
    assert resource_of(error) == resource


@pytest.mark.parametrize(
    ("error", "subject"),
    [
        (order_refusals.line_differs(REMOVE, "tea", "p1", 1), "tea"),
        (order_refusals.already_paid(RecordPayment(order_id="o1"), "payment 1"), "o1"),
        (order_refusals.currency_mismatch(CREATE, "tea", "GBP", "EUR"), "tea"),
        (order_refusals.currency_mismatch(RecordPayment(order_id="o1"), "", "GBP", "EUR"), "o1"),
        (stock_refusals.insufficient_stock("tea", "o1", 2, 1), "tea"),
    ],
    ids=lambda value: value.reason.name if isinstance(value, FoldlogError) else value,
)
def test_a_refusal_by_one_rule_is_a_violation_by_what_it_is_about(error: FoldlogError, subject: str) -> None:
    failure = PreconditionFailure()
    [found] = [detail for detail in status_of(error).details if detail.Is(failure.DESCRIPTOR)]
    found.Unpack(failure)
    assert [(one.type, one.subject) for one in failure.violations] == [(error.reason.name, subject)]


@pytest.mark.parametrize("length", [3, 30, 300])
def test_as_many_violations_are_listed_as_fit_and_the_rest_is_counted(length: int) -> None:
    violations = [Violation(f"f[{number}]", "id", "x" * length) for number in range(6000)]
    status = status_of(InvalidRequest.fields(violations))
    *listed, rest = bad_fields(status).field_violations
    assert [one.field for one in listed] == [one.subject for one in violations[: len(listed)]]
    assert (rest.reason, rest.description) == ("more", f"{6000 - len(listed)} more violations are not listed")
    assert MAX_STATUS_BYTES - (length + 40) * 4 / 3 < wire_bytes(status) <= MAX_STATUS_BYTES


def test_what_fits_is_listed_whole() -> None:
    violations = [Violation(f"f[{number}]", "id", "wrong") for number in range(50)]
    listed = bad_fields(status_of(InvalidRequest.fields(violations))).field_violations
    assert [one.field for one in listed] == [one.subject for one in violations]


def bad_fields(status: Status) -> BadRequest:
    request = BadRequest()
    [found] = [detail for detail in status.details if detail.Is(request.DESCRIPTOR)]
    found.Unpack(request)
    return request
