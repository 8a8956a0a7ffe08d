"""Chooses the error to raise for a call's status: by the catalogue's reason, else by the code."""

from collections.abc import Iterable, Iterator
from typing import Any, TypedDict, cast

import grpc
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import (
    BadRequest,
    ErrorInfo,
    PreconditionFailure,
    ResourceInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status

from foldlog.v1.reasons import Reason
from foldlog_client import errors
from foldlog_client.errors import FoldlogError, Resource, Violation

_DETAILS = "grpc-status-details-bin"
_PUSHBACK = "grpc-retry-pushback-ms"
_CORE = "foldlog.v1"

_BY_REASON: dict[str, type[FoldlogError]] = {
    Reason.REQUEST_ID_REUSED: errors.RequestIdReused,
    Reason.PAGE_TOKEN_INVALID: errors.PageTokenInvalid,
    Reason.RESUME_TOKEN_INVALID: errors.ResumeTokenInvalid,
    Reason.LOG_REPLACED: errors.LogReplaced,
    Reason.VERSION_CONFLICT: errors.VersionConflict,
    Reason.CONTENDED: errors.Contended,
    Reason.VIEW_BEHIND: errors.ViewBehind,
}
_BY_CODE: dict[grpc.StatusCode, type[FoldlogError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidRequest,
    grpc.StatusCode.FAILED_PRECONDITION: errors.Rejected,
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.ALREADY_EXISTS: errors.AlreadyExists,
    grpc.StatusCode.OUT_OF_RANGE: errors.BeyondHead,
    grpc.StatusCode.ABORTED: errors.Aborted,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.Exhausted,
    grpc.StatusCode.UNAVAILABLE: errors.Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.TimedOut,
    grpc.StatusCode.CANCELLED: errors.Cancelled,
    grpc.StatusCode.UNAUTHENTICATED: errors.NotAuthenticated,
    grpc.StatusCode.PERMISSION_DENIED: errors.NotAllowed,
    grpc.StatusCode.UNIMPLEMENTED: errors.NotOffered,
    grpc.StatusCode.DATA_LOSS: errors.DataDamaged,
    grpc.StatusCode.INTERNAL: errors.ServerFault,
    grpc.StatusCode.UNKNOWN: errors.ServerFault,
}


class _Details(TypedDict, total=False):
    reason: str
    domain: str
    metadata: dict[str, str]
    violations: list[Violation]
    resource: Resource
    retry_after: float


def decoded(error: grpc.RpcError) -> FoldlogError:
    """Return the typed error of a failed call. Raise it `from` the one given."""
    metadata = cast(Any, error).trailing_metadata()  # pairs, whose type depends on the kind of channel
    trailers = [(str(key), value) for key, value in metadata or ()]
    details = _details(_packed(trailers))
    pushback = _pushback(trailers)
    if pushback is not None and pushback >= 0:
        details["retry_after"] = max(pushback, details.get("retry_after", 0.0))
    kind = _kind(error.code(), details)
    forbidden = pushback is not None and pushback < 0
    return kind(error.details() or "", code=error.code(), retry_forbidden=forbidden, **details)


def _kind(code: grpc.StatusCode, details: _Details) -> type[FoldlogError]:
    by_code = _BY_CODE.get(code, FoldlogError)
    if details.get("domain") != _CORE:
        return by_code
    return _BY_REASON.get(details.get("reason", ""), by_code)


def _packed(trailers: Iterable[tuple[str, str | bytes]]) -> list[Packed]:
    """Return the details of the status; none if gRPC itself made it or the bytes cannot be parsed."""
    for key, value in trailers:
        if key == _DETAILS and isinstance(value, bytes):
            try:
                return list(Status.FromString(value).details)
            except DecodeError:
                return []
    return []


def _details(packed: Iterable[Packed]) -> _Details:
    found: _Details = {}
    for detail in packed:
        name = detail.TypeName()
        if name == "google.rpc.ErrorInfo":
            about = ErrorInfo.FromString(detail.value)
            found |= {"reason": about.reason, "domain": about.domain, "metadata": dict(about.metadata)}
        elif name == "google.rpc.ResourceInfo":
            resource = ResourceInfo.FromString(detail.value)
            found["resource"] = Resource(resource.resource_type, resource.resource_name)
        elif name == "google.rpc.RetryInfo":
            delay = RetryInfo.FromString(detail.value).retry_delay
            found["retry_after"] = delay.seconds + delay.nanos / 1e9
        else:
            found["violations"] = [*found.get("violations", ()), *_violations(detail)]
    return found


def _violations(detail: Packed) -> Iterator[Violation]:
    if detail.TypeName() == "google.rpc.BadRequest":
        for one in BadRequest.FromString(detail.value).field_violations:
            yield Violation(one.field, one.reason, one.description)
    elif detail.TypeName() == "google.rpc.PreconditionFailure":
        for one in PreconditionFailure.FromString(detail.value).violations:
            yield Violation(one.subject, one.type, one.description)


def _pushback(trailers: Iterable[tuple[str, str | bytes]]) -> float | None:
    """Return the seconds to wait; negative, or not a number = do not retry (gRFC A6)."""
    for key, value in trailers:
        if key == _PUSHBACK:
            text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
            return int(text) / 1000 if text.isascii() and text.isdigit() else -1.0
    return None
