"""What any client says to a server over a real channel, and how it reads what it is told."""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import (
    BadRequest,
    ErrorInfo,
    PreconditionFailure,
    ResourceInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status

from foldlog.inventory.v1 import command_service_pb2 as stock_commands
from foldlog.inventory.v1 import errors_pb2 as stock_errors
from foldlog.inventory.v1 import query_service_pb2 as stock_queries
from foldlog.orders.v1 import command_service_pb2 as order_commands
from foldlog.orders.v1 import errors_pb2 as order_errors
from foldlog.orders.v1 import query_service_pb2 as order_queries
from foldlog.v1 import admin_service_pb2 as admin
from foldlog.v1 import errors_pb2 as errors
from foldlog.v1 import event_service_pb2 as events
from foldlog.v1 import request_service_pb2 as requests
from foldlog.v1.commands_pb2 import CommandOptions
from foldlog.v1.event_service_pb2 import GetHeadRequest, GetHeadResponse
from foldlog.v1.options_pb2 import error as catalogue_entry

SERVICES = [
    service
    for module in (order_commands, order_queries, stock_commands, stock_queries, events, requests, admin)
    for service in module.DESCRIPTOR.services_by_name.values()
]
"""Every service of the contract."""

METHODS = {
    method.name + "@" + service.file.package: method for service in SERVICES for method in service.methods
}
"""Every method of the contract, by its name and package."""

SECONDS = 20.0
"""How long a test waits at most for what must happen."""

_CATALOGUES = {
    module.DESCRIPTOR.package: module.ErrorReason for module in (errors, order_errors, stock_errors)
}
_DETAILS = (BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo, RetryInfo)
MAX_WIRE_BYTES = 4096
"""Of all that a status takes in the trailers."""


class Wire:
    """Calls of any method over one channel."""

    channel: grpc.aio.Channel

    async def send(
        self, command: Message, *, metadata: Sequence[tuple[str, str]] = (), **options: Any
    ) -> Any:
        """Have a command carried out; `options` are those of CommandOptions."""
        path = f"{command.DESCRIPTOR.file.package}.CommandService.{command.DESCRIPTOR.name}"
        method = METHODS[command.DESCRIPTOR.name + "@" + command.DESCRIPTOR.file.package]
        assert method.full_name == path
        request = GetMessageClass(method.input_type)(command=command, options=CommandOptions(**options))
        return await self.ask(request, metadata=metadata)

    def ask(self, request: Message, *, metadata: Sequence[tuple[str, str]] = ()) -> Any:
        """The call of the method that takes this request: to be awaited, or to be iterated."""
        name = request.DESCRIPTOR.name.removesuffix("Request")
        method = METHODS[name + "@" + request.DESCRIPTOR.file.package]
        return self.call(method, request.SerializeToString(), metadata=metadata)

    def call(self, method: Any, data: bytes, *, metadata: Sequence[tuple[str, str]] = ()) -> Any:
        """The call of a method with any bytes."""
        path = f"/{method.containing_service.full_name}/{method.name}"
        opened = self.channel.unary_stream if method.server_streaming else self.channel.unary_unary
        multi: Any = opened(path, response_deserializer=GetMessageClass(method.output_type).FromString)
        return multi(data, metadata=metadata, timeout=SECONDS)

    async def head(self) -> GetHeadResponse:
        response: GetHeadResponse = await self.ask(GetHeadRequest())
        return response


def connected(address: str) -> grpc.aio.Channel:
    """A channel of its own."""
    return grpc.aio.insecure_channel(
        address,
        [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 50)],
    )


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client is told of a call that failed."""

    code: grpc.StatusCode
    reason: str
    domain: str
    message: str
    metadata: dict[str, str]
    violations: list[tuple[str, str]]
    """The subject and the rule of each."""
    resource: tuple[str, str] | None
    """Its type and name."""
    retry_after: float | None
    kinds: tuple[str, ...]
    """The names of its details, in order."""
    trailers: dict[str, str | bytes]
    text: str
    """All of it, to search."""


async def all_of(call: Any) -> None:
    """Read a stream to its end."""
    while await call.read() is not grpc.aio.EOF:
        pass


async def refused(call: Awaitable[object]) -> Refusal:
    """What a call was refused with; whatever it was, it must be of the form that the contract says."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await asyncio.wait_for(call, SECONDS)
    return refusal_of(raised.value)


async def refused_stream(call: Any) -> Refusal:
    """What a stream that gives nothing was refused with."""
    return await refused(anext(aiter(call)))


def refusal_of(error: grpc.aio.AioRpcError) -> Refusal:
    trailers = {str(key): value for key, value in error.trailing_metadata() or ()}
    encoded = trailers.get("grpc-status-details-bin")
    assert isinstance(encoded, bytes), f"{error.code()} has no details: {error.details()}"
    assert wire_bytes(error.code(), error.details(), trailers.items()) <= MAX_WIRE_BYTES
    status = Status.FromString(encoded)
    found = _unpacked(status)
    [info] = found[ErrorInfo]
    _check_catalogued(error, status, info)
    resource = next(iter(found[ResourceInfo]), None)
    retry = next(iter(found[RetryInfo]), None)
    return Refusal(
        code=error.code(),
        reason=info.reason,
        domain=info.domain,
        message=status.message,
        metadata=dict(info.metadata),
        violations=_violations(found),
        resource=(resource.resource_type, resource.resource_name) if resource else None,
        retry_after=retry.retry_delay.ToNanoseconds() / 1e9 if retry else None,
        kinds=tuple(detail.TypeName().removeprefix("google.rpc.") for detail in status.details),
        trailers=trailers,
        text=f"{error.details()} {status} {trailers}",
    )


def wire_bytes(
    code: grpc.StatusCode, message: str | None, trailers: Iterable[tuple[str, str | bytes]] | None
) -> int:
    """What a status is on the wire, before it is compressed, as HTTP/2 counts a list of fields."""
    fields = [("grpc-status", str(code.value[0])), ("grpc-message", _quoted(message or ""))]
    for name, value in trailers or ():
        text = b64encode(value).rstrip(b"=").decode() if isinstance(value, bytes) else value
        fields.append((str(name), text))
    return sum(len(name) + len(value) + 32 for name, value in fields)


def _quoted(message: str) -> str:
    """A message percent-encoded, as gRPC sends it."""
    kept = set(range(0x20, 0x7F)) - {ord("%")}
    return "".join(chr(byte) if byte in kept else f"%{byte:02X}" for byte in message.encode())


def _unpacked(status: Status) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {kind: [] for kind in _DETAILS}
    for detail in status.details:
        kind = next(kind for kind in _DETAILS if detail.Is(kind.DESCRIPTOR))
        found[kind].append(kind.FromString(detail.value))
    return found


def _check_catalogued(error: grpc.aio.AioRpcError, status: Status, info: ErrorInfo) -> None:
    """The status, its details and the entry of the error catalogue say the same."""
    value = _CATALOGUES[info.domain].DESCRIPTOR.values_by_name[f"ERROR_REASON_{info.reason}"]
    entry = value.GetOptions().Extensions[catalogue_entry]
    assert (error.code().value[0], status.code) == (entry.code, entry.code), info.reason
    assert status.message == error.details()


def _violations(found: dict[Any, list[Any]]) -> list[tuple[str, str]]:
    fields = [(one.field, one.reason) for detail in found[BadRequest] for one in detail.field_violations]
    rules = [(one.subject, one.type) for detail in found[PreconditionFailure] for one in detail.violations]
    return fields + rules
