"""What a failed call raises."""

import grpc
import pytest
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import (
    BadRequest,
    ErrorInfo,
    PreconditionFailure,
    ResourceInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status
from grpc.aio import AioRpcError, Metadata

from foldlog.v1.errors_pb2 import ErrorReason
from foldlog.v1.options_pb2 import error as catalogue_entry
from foldlog_client import Resource, Violation, errors
from foldlog_client.status import decoded

CODES = {code.value[0]: code for code in grpc.StatusCode}


def failed(
    code: grpc.StatusCode, *details: object, trailers: tuple[tuple[str, str], ...] = ()
) -> AioRpcError:
    boxes = []
    for detail in details:
        boxes.append(Packed())
        boxes[-1].Pack(detail)  # type: ignore[arg-type]
    status = ("grpc-status-details-bin", Status(details=boxes).SerializeToString())
    return AioRpcError(code, Metadata(), Metadata(status, *trailers), details="It went wrong.")


def test_a_refusal_says_everything_that_the_server_said() -> None:
    error = decoded(
        failed(
            grpc.StatusCode.FAILED_PRECONDITION,
            ErrorInfo(
                reason="INSUFFICIENT_STOCK", domain="foldlog.inventory.v1", metadata={"available": "2"}
            ),
            PreconditionFailure(
                violations=[
                    PreconditionFailure.Violation(
                        type="INSUFFICIENT_STOCK", subject="p-1", description="2 left"
                    )
                ]
            ),
            ResourceInfo(resource_type="stock", resource_name="stock-p-1"),
            RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)),
        )
    )
    assert type(error) is errors.Rejected
    assert error.code is grpc.StatusCode.FAILED_PRECONDITION
    assert (error.domain, error.reason) == ("foldlog.inventory.v1", "INSUFFICIENT_STOCK")
    assert str(error) == "INSUFFICIENT_STOCK: It went wrong."
    assert error.metadata == {"available": "2"}
    assert error.violations == (Violation("p-1", "INSUFFICIENT_STOCK", "2 left"),)
    assert error.resource == Resource("stock", "stock-p-1")
    assert error.retry_after == 1.5


def test_every_invalid_field_is_told() -> None:
    fields = [
        BadRequest.FieldViolation(field="command.order_id", reason="required", description="is empty"),
        BadRequest.FieldViolation(field="command.line", reason="required", description="is not set"),
    ]
    error = decoded(failed(grpc.StatusCode.INVALID_ARGUMENT, BadRequest(field_violations=fields)))
    assert type(error) is errors.InvalidRequest
    assert error.violations == (
        Violation("command.order_id", "required", "is empty"),
        Violation("command.line", "required", "is not set"),
    )


def test_a_version_conflict_has_its_numbers() -> None:
    about = ErrorInfo(
        reason="VERSION_CONFLICT",
        domain="foldlog.v1",
        metadata={"expected_version": "3", "actual_version": "5"},
    )
    error = decoded(failed(grpc.StatusCode.ABORTED, about))
    assert isinstance(error, errors.VersionConflict)
    assert (error.expected, error.actual) == (3, 5)


def test_a_reason_of_another_catalogue_is_not_taken_for_ours() -> None:
    about = ErrorInfo(reason="LOG_REPLACED", domain="foldlog.orders.v1")
    assert type(decoded(failed(grpc.StatusCode.FAILED_PRECONDITION, about))) is errors.Rejected


@pytest.mark.parametrize("entry", [one for one in ErrorReason.DESCRIPTOR.values if one.number])
def test_every_entry_of_the_core_catalogue_has_an_error_of_its_own_kind(entry) -> None:  # type: ignore[no-untyped-def]
    reason = entry.name.removeprefix("ERROR_REASON_")
    code = CODES[entry.GetOptions().Extensions[catalogue_entry].code]
    error = decoded(failed(code, ErrorInfo(reason=reason, domain="foldlog.v1")))
    assert error.reason == reason
    assert type(error) is not errors.FoldlogError
    assert (type(error) is errors.Rejected) is (
        code is grpc.StatusCode.FAILED_PRECONDITION and "LOG" not in reason
    )


def test_an_error_that_grpc_itself_made_has_no_reason() -> None:
    error = decoded(AioRpcError(grpc.StatusCode.UNAVAILABLE, Metadata(), Metadata(), details="no connection"))
    assert type(error) is errors.Unavailable
    assert (error.reason, error.domain, error.retry_after) == ("", "", None)
    assert str(error) == "UNAVAILABLE: no connection"


def test_details_that_make_no_sense_are_left_out() -> None:
    nonsense = Metadata(("grpc-status-details-bin", b"\xff\xff"))
    error = decoded(AioRpcError(grpc.StatusCode.NOT_FOUND, Metadata(), nonsense, details="gone"))
    assert type(error) is errors.NotFound
    assert error.reason == ""


@pytest.mark.parametrize(
    ("pushback", "after", "forbidden"), [("250", 0.25, False), ("-1", None, True), ("soon", None, True)]
)
def test_a_pushback_is_understood(pushback: str, after: float | None, forbidden: bool) -> None:
    error = decoded(failed(grpc.StatusCode.UNAVAILABLE, trailers=(("grpc-retry-pushback-ms", pushback),)))
    assert (error.retry_after, error.retry_forbidden) == (after, forbidden)


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    lines = [line for line in (errors.__doc__ or "").splitlines() if "─ " in line]
    drawn = {line.split("─ ")[1].split()[0]: line.index("─ ") // 4 for line in lines}
    depth = {
        name: len(kind.mro()) - len(errors.FoldlogError.mro()) - 1
        for name, kind in vars(errors).items()
        if isinstance(kind, type)
        and issubclass(kind, errors.FoldlogError)
        and kind is not errors.FoldlogError
    }
    assert drawn == depth
