"""A real server in the loop of its test, and what a test says to it over a real channel."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
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

import foldlog_client
from foldlog.inventory.v1 import command_service_pb2 as stock_commands
from foldlog.inventory.v1 import errors_pb2 as stock_errors
from foldlog.inventory.v1 import query_service_pb2 as stock_queries
from foldlog.orders.v1 import command_service_pb2 as order_commands
from foldlog.orders.v1 import errors_pb2 as order_errors
from foldlog.orders.v1 import query_service_pb2 as order_queries
from foldlog.v1 import errors_pb2 as errors
from foldlog.v1 import event_service_pb2 as events
from foldlog.v1.commands_pb2 import CommandOptions
from foldlog.v1.event_service_pb2 import GetHeadRequest, GetHeadResponse
from foldlog.v1.options_pb2 import error as catalogue_entry
from foldlog_server.app import App
from foldlog_server.core.event_store import Append, Appended, RecordedRequest, RequestKey
from foldlog_server.settings import Settings

SERVICES = [
    service
    for module in (order_commands, order_queries, stock_commands, stock_queries, events)
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
_MAX_STATUS_BYTES = 4096


class Server:
    """A server on a port and directory that stay the same when it is started again."""

    def __init__(self, data: Path, **settings: Any) -> None:
        self.data = data
        self.settings = settings
        self.port = 0
        self.app: App
        self.channel: grpc.aio.Channel

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        self.app = await App.start(Settings(f"127.0.0.1:{self.port}", self.data, **self.settings))
        self.port = self.app.port
        self.channel = connected(self.address)

    async def stop(self, grace: float = 0) -> None:
        await self.channel.close()
        await self.app.stop(grace)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    # What a test says

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

    # What a test does behind the server's back

    def projector(self, collection: str) -> Any:
        """What keeps a collection up to date."""
        return self.app._projectors.of(collection)

    @property
    def views(self) -> Any:
        """What lets all views go on; stopped, they lag."""
        return self.app._projectors._cohorts

    async def recorded_request(self, request_id: str) -> RecordedRequest | None:
        return await self.app._store.find_request(RequestKey("", request_id))

    def hold_appends(self) -> "HeldAppends":
        return HeldAppends(self.app)


class HeldAppends:
    """Appends that are kept from the store for as long as a test wants."""

    def __init__(self, app: Any) -> None:
        self._store = app._store
        self._append = self._store.append
        self._held: list[tuple[Append, asyncio.Future[Appended]]] = []
        self.came = asyncio.Event()
        """Set when there is one."""
        self._store.append = self._hold

    def __len__(self) -> int:
        return len(self._held)

    def _hold(self, append: Append) -> "asyncio.Future[Appended]":
        future: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self._held.append((append, future))
        self.came.set()
        return future

    def release(self) -> None:
        """Let them be stored, and hold no more."""
        self._store.append = self._append
        for append, future in self._held:
            self._append(append).add_done_callback(partial(_pass_on, future))


def _pass_on(future: "asyncio.Future[Appended]", stored: "asyncio.Future[Appended]") -> None:
    error = stored.exception()
    if error is None:
        future.set_result(stored.result())
    else:
        future.set_exception(error)


def connected(address: str) -> grpc.aio.Channel:
    """A channel of its own."""
    return grpc.aio.insecure_channel(
        address,
        [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 50)],
    )


@asynccontextmanager
async def serving(data: Path, **settings: Any) -> AsyncIterator[Server]:
    server = Server(data, **settings)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def client_of(server: Server, **options: Any) -> AsyncIterator[foldlog_client.Client]:
    async with foldlog_client.connect(server.address, **options) as client:
        yield client


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
    trailers: dict[str, str | bytes]
    text: str
    """All of it, to search."""


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
    assert len(encoded) <= _MAX_STATUS_BYTES
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
        trailers=trailers,
        text=f"{error.details()} {status} {trailers}",
    )


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


async def until(condition: Callable[[], object]) -> None:
    """Let others go on until something is so."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110  nobody here sets an event
            await asyncio.sleep(0.001)
