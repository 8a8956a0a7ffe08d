"""Makes a call fail as a server would: with a reason of the error catalogue, or with a bare code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import grpc
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from foldlog_client.testing.contract import catalogued

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Refusal(Exception):
    """A call fails: `Refusal("ORDER_EXISTS", {"order_id": "1001"})`, `Refusal(grpc.StatusCode.UNAVAILABLE)`.

    With a reason, the status and its details are those of the error catalogue; with a code, there are no
    details, as when a connection is lost. A function that answers calls raises it.
    """

    def __init__(
        self,
        reason: str | grpc.StatusCode,
        metadata: Mapping[str, str] | None = None,
        *,
        message: str = "",
        retry_after: float | None = None,
        details: Iterable[Message] = (),
    ) -> None:
        """
        Args:
            reason: A reason of the called method's own package or of foldlog.v1; or a code.
            metadata: The values that come with the reason.
            message: For people; the catalogue's if empty.
            retry_after: The seconds that the server asks to wait; the client's clock is advanced by them
            at once. details: More messages of google.rpc, such as a BadRequest.
        """
        super().__init__(reason)
        if reason is grpc.StatusCode.OK:
            raise ValueError("OK is no refusal.")
        if metadata and isinstance(reason, grpc.StatusCode):
            raise ValueError(
                f"A code such as {reason.name} has no metadata: pass a reason, such as ORDER_EXISTS."
            )
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.message = message
        self.retry_after = retry_after
        self.details = tuple(details)


@dataclass(frozen=True, slots=True)
class Termination:
    """How gRPC ends a call: code, message and trailers."""

    code: grpc.StatusCode = grpc.StatusCode.OK
    message: str = ""
    trailers: tuple[tuple[str, bytes], ...] = ()


OK = Termination()


def termination(refusal: Refusal, package: str) -> Termination:
    """Return how a refused call of a package's method ends. Raises ValueError if it has no such reason."""
    code: grpc.StatusCode
    details = [*refusal.details, *_retry_info(refusal.retry_after)]
    if isinstance(refusal.reason, grpc.StatusCode):
        code, message = refusal.reason, refusal.message
    else:
        domain, entry = catalogued(refusal.reason, package)
        code, message = _CODES[entry.code], refusal.message or entry.cause
        details.insert(0, ErrorInfo(reason=refusal.reason, domain=domain, metadata=refusal.metadata))
    if not details:
        return Termination(code, message)
    status = Status(code=code.value[0], message=message, details=map(_packed, details))
    return Termination(code, message, (("grpc-status-details-bin", status.SerializeToString()),))


def _retry_info(seconds: float | None) -> Iterable[Message]:
    if seconds is not None:
        delay = Duration()
        delay.FromNanoseconds(round(seconds * 1e9))
        yield RetryInfo(retry_delay=delay)


def _packed(detail: Message) -> Packed:
    packed = Packed()
    packed.Pack(detail)
    return packed
