"""Turns an error into a status: code, details, and trailers of at most 4 KiB on the wire."""

import logging
import re
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
from foldlog_server.error_catalogue import catalogue
from foldlog_server.errors import FoldlogError, Violation

logger = logging.getLogger("foldlog.calls")

# gRPC's C core drops trailing metadata above 8 KiB at random, and above 16 KiB always. Other peers allow
# less. What counts is the size on the wire: details in base64, and the message again, percent-encoded.
MAX_STATUS_BYTES = 4096
_OTHER_FIELDS = 400
"""Room for the names, the other fields, and the 32 bytes that HTTP/2 counts for each (RFC 9113, 6.5.2)."""

# Each part of a status has a share, so that all parts fit, and that no valid id or name is cut.
_MAX_MESSAGE = 700
_MAX_DESCRIPTION = 300
_MAX_NAME = 200
_MAX_METADATA = 600

_ENCODED = re.compile(rb"[^ -$&-~]")
"""The characters of a message that gRPC sends as three bytes."""

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_INTERNAL = catalogue(ErrorReason)[ErrorReason.ERROR_REASON_INTERNAL]
_NAMED = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.ABORTED)

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


def status_of(error: FoldlogError) -> Status:
    """Return the error as a google.rpc.Status of at most 4 KiB on the wire: violations beyond that are
    counted."""
    violations = error.violations
    status = _status(error, violations)
    if wire_bytes(status) <= MAX_STATUS_BYTES:
        return status
    too_many = bisect(range(len(violations)), MAX_STATUS_BYTES, key=lambda count: _size(error, count))
    return _status(error, violations[: max(0, too_many - 1)])


def _size(error: FoldlogError, count: int) -> int:
    return wire_bytes(_status(error, error.violations[:count]))


def wire_bytes(status: Status) -> int:
    """Return the most bytes that the trailers of a status can take, before compression."""
    in_base64 = -(-int(status.ByteSize()) * 4 // 3)
    return _OTHER_FIELDS + _message_bytes(status.message) + in_base64


def _message_bytes(message: str) -> int:
    encoded = message.encode()
    return len(encoded) + 2 * len(_ENCODED.findall(encoded))


def unforeseen(exception: BaseException) -> FoldlogError:
    """Log a defect under an error id, and return the error for the client, which contains only the id."""
    error_id = uuid.uuid4().hex
    logger.error("error %s", error_id, exc_info=exception)
    return FoldlogError(
        _INTERNAL,
        f"An unforeseen error; the server's log has the details under {error_id}.",
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
        ErrorInfo(reason=error.reason.name, domain=error.reason.domain, metadata=_metadata(error))
    ]
    details += _violations(code, error, violations)
    if code in _NAMED and error.metadata:
        kind, name = error.about
        details.append(ResourceInfo(resource_type=kind, resource_name=_cut(name, _MAX_NAME)))
    if error.retry_after is not None:
        delay = Duration()
        delay.FromNanoseconds(int(error.retry_after * 1e9))
        details.append(RetryInfo(retry_delay=delay))
    status = Status(code=error.reason.code, message=_message(error.message))
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
                field=_cut(violation.subject, _MAX_NAME),
                reason=violation.rule,
                description=_cut(violation.description, _MAX_DESCRIPTION),
            )
        return [request]
    if code is grpc.StatusCode.FAILED_PRECONDITION:
        failure = PreconditionFailure()
        for violation in listed or [_whole(error)]:
            failure.violations.add(
                type=violation.rule,
                subject=_cut(violation.subject, _MAX_NAME),
                description=_cut(violation.description, _MAX_DESCRIPTION),
            )
        return [failure]
    return []


def _whole(error: FoldlogError) -> Violation:
    """Return a refusal by one rule as a violation of it."""
    return Violation(error.about[1], error.reason.name, error.message)


def _metadata(error: FoldlogError) -> dict[str, str]:
    share = _MAX_METADATA // max(1, len(error.metadata))
    return {key: _cut(value, share) for key, value in error.metadata.items()}


def _message(text: str) -> str:
    return text if _message_bytes(text) <= _MAX_MESSAGE else _cut(text, _MAX_MESSAGE // 3)


def _cut(text: str, most: int) -> str:
    """Return as much of the text as fits into so many bytes."""
    encoded = text.encode()
    if len(encoded) <= most:
        return text
    ellipsis = "…"
    return encoded[: most - len(ellipsis.encode())].decode(errors="ignore") + ellipsis
