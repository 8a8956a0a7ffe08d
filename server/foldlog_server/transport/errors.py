"""One place where an error becomes a status: code, details, and trailers of at most 4 KiB."""

import logging
import uuid
from bisect import bisect
from collections.abc import Sequence
from typing import Any, NoReturn, TypeAlias

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo, RetryInfo
from google.rpc.status_pb2 import Status

from foldlog.v1.errors_pb2 import ErrorReason
from foldlog_server.core.errors import FoldlogError, Violation, catalogue

logger = logging.getLogger("foldlog.calls")

# gRPC's C core drops trailing metadata above 8 KiB at random, and above 16 KiB always.
MAX_STATUS_BYTES = 4096
_MAX_TEXT = 500

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_INTERNAL = catalogue(ErrorReason)[ErrorReason.ERROR_REASON_INTERNAL]
_NAMED = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.ABORTED)

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


def status_of(error: FoldlogError) -> Status:
    """The error as a google.rpc.Status of at most 4 KiB: violations that do not fit are counted."""
    violations = error.violations
    status = _status(error, violations)
    if status.ByteSize() <= MAX_STATUS_BYTES:
        return status
    too_many = bisect(range(len(violations)), MAX_STATUS_BYTES, key=lambda count: _size(error, count))
    return _status(error, violations[: max(0, too_many - 1)])


def _size(error: FoldlogError, count: int) -> int:
    return int(_status(error, error.violations[:count]).ByteSize())


def unforeseen(exception: BaseException) -> FoldlogError:
    """What a client is told of a defect: an id under which the server's log tells the rest."""
    error_id = uuid.uuid4().hex
    logger.error("error %s", error_id, exc_info=exception)
    return FoldlogError(
        _INTERNAL,
        f"An unforeseen error; the server's log tells more under {error_id}.",
        {"error_id": error_id},
    )


async def abort(context: Context, error: FoldlogError) -> NoReturn:
    """End the call with the error's status."""
    status = status_of(error)
    trailers: list[tuple[str, str | bytes]] = [("grpc-status-details-bin", status.SerializeToString())]
    if error.retry_after is not None:
        trailers.append(("grpc-retry-pushback-ms", str(int(error.retry_after * 1000))))
    await context.abort(_CODES[status.code], status.message, tuple(trailers))
    raise AssertionError("abort raises")


def _status(error: FoldlogError, violations: Sequence[Violation]) -> Status:
    code = _CODES[error.reason.code]
    details: list[Message] = [
        ErrorInfo(
            reason=error.reason.name,
            domain=error.reason.domain,
            metadata={key: _cut(value) for key, value in error.metadata.items()},
        )
    ]
    details += _violations(code, error, violations)
    if code in _NAMED and error.metadata:
        kind, name = error.about
        details.append(ResourceInfo(resource_type=kind, resource_name=_cut(name)))
    if error.retry_after is not None:
        delay = Duration()
        delay.FromNanoseconds(int(error.retry_after * 1e9))
        details.append(RetryInfo(retry_delay=delay))
    status = Status(code=error.reason.code, message=_cut(error.message))
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _violations(
    code: grpc.StatusCode, error: FoldlogError, violations: Sequence[Violation]
) -> Sequence[Message]:
    left_out = len(error.violations) - len(violations)
    listed = [*violations]
    if left_out:
        listed.append(Violation("", "more", f"{left_out} more violations are not listed"))
    if code is grpc.StatusCode.INVALID_ARGUMENT and listed:
        request = BadRequest()
        for violation in listed:
            request.field_violations.add(
                field=_cut(violation.subject), reason=violation.rule, description=_cut(violation.description)
            )
        return [request]
    if code is grpc.StatusCode.FAILED_PRECONDITION:
        failure = PreconditionFailure()
        for violation in listed or [_whole(error)]:
            failure.violations.add(
                type=violation.rule, subject=_cut(violation.subject), description=_cut(violation.description)
            )
        return [failure]
    return []


def _whole(error: FoldlogError) -> Violation:
    """A refusal by one rule, as a violation of it."""
    return Violation(error.about[1], error.reason.name, error.message)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"
