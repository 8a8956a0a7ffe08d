"""A real gRPC server on 127.0.0.1 that says what a test wrote down for it, and keeps what it was asked."""

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc.aio
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from foldlog.orders.v1.command_service_pb2 import SubmitOrderResponse
from foldlog.v1.commands_pb2 import CommandResult

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Failure:
    """The call ends with this status."""

    code: grpc.StatusCode
    message: str = "no"
    details: Sequence[Any] = ()
    trailers: Sequence[tuple[str, str]] = ()

    @property
    def reason(self) -> str:
        """The catalogue's; empty if there is none."""
        return next((detail.reason for detail in self.details if isinstance(detail, ErrorInfo)), "")

    @property
    def metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        if not self.details:
            return tuple(self.trailers)
        status = Status(code=self.code.value[0], message=self.message, details=map(packed, self.details))
        return (("grpc-status-details-bin", status.SerializeToString()), *self.trailers)


class Hang:
    """The call waits until it is cancelled."""


Step = Message | Failure | Hang


def submitted(position: int, log_id: str = "log-a") -> SubmitOrderResponse:
    return SubmitOrderResponse(result=CommandResult(log_id=log_id, position=position))


def packed(detail: Message) -> Packed:
    box = Packed()
    box.Pack(detail)
    return box


def refusal(
    code: grpc.StatusCode,
    reason: str,
    *,
    domain: str = "foldlog.v1",
    retry_after: float | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Failure:
    """A failure as the server's error catalogue makes it."""
    details: list[Any] = [ErrorInfo(reason=reason, domain=domain, metadata=metadata)]
    if retry_after is not None:
        delay = Duration()
        delay.FromNanoseconds(int(retry_after * 1e9))
        details.append(RetryInfo(retry_delay=delay))
    return Failure(code, details=details)


@dataclass
class Call:
    """What the server was asked."""

    path: str
    request: bytes
    seconds_left: float
    metadata: dict[str, str | bytes]

    def as_a(self, kind: type[M]) -> M:
        return kind.FromString(self.request)


@dataclass
class ScriptedServer(grpc.GenericRpcHandler):
    """Each call of a method, named by its last part, gets the next script of that method."""

    calls: list[Call] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    """The methods of streams that the client has given up."""
    port: int = 0

    def __post_init__(self) -> None:
        self._unary: dict[str, deque[Step]] = defaultdict(deque)
        self._streams: dict[str, deque[list[Step]]] = defaultdict(deque)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answers(self, method: str, *steps: Step) -> None:
        """Unary: one step for each call."""
        self._unary[method].extend(steps)

    def streams(self, method: str, *steps: Step) -> None:
        """Streaming: all steps for the next call."""
        self._streams[method].append(list(steps))

    def requests(self, kind: type[M]) -> list[M]:
        """The requests so far, where all are of one kind."""
        return [call.as_a(kind) for call in self.calls]

    async def start(self) -> None:
        self._server = grpc.aio.server(handlers=[self], options=[("grpc.so_reuseport", 0)])
        self.port = self._server.add_insecure_port(self.target)
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        method = details.method.rpartition("/")[2]
        if method in self._streams:
            return grpc.unary_stream_rpc_method_handler(self._stream(details.method, method))
        return grpc.unary_unary_rpc_method_handler(self._answer(details.method, method))

    def _answer(self, path: str, method: str) -> Any:
        async def answer(request: bytes, context: Any) -> bytes:
            self._note(path, request, context)
            return await perform(self._unary[method].popleft(), context)

        return answer

    def _stream(self, path: str, method: str) -> Any:
        async def stream(request: bytes, context: Any) -> AsyncIterator[bytes]:
            self._note(path, request, context)
            try:
                for step in self._streams[method].popleft():
                    yield await perform(step, context)
            except asyncio.CancelledError:
                self.cancelled.append(method)
                raise

        return stream

    def _note(self, path: str, request: bytes, context: Any) -> None:
        metadata = dict(context.invocation_metadata())
        self.calls.append(Call(path, request, context.time_remaining() or 0.0, metadata))


async def perform(step: Step, context: Any) -> bytes:
    match step:
        case Failure():
            await context.abort(step.code, step.message, step.metadata)
            raise AssertionError
        case Hang():
            await asyncio.Event().wait()
            raise AssertionError
        case _:
            return step.SerializeToString()


@dataclass
class Pauses:
    """Stands in for the sleep of a retry: keeps what was asked for and waits next to nothing."""

    taken: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        await asyncio.sleep(0.005)  # lets gRPC connect; no test depends on how long it is

    def wait(self, closing: threading.Event, seconds: float) -> None:
        """The sync client's."""
        self.taken.append(seconds)
        closing.wait(0.005)


def positions(events: Iterable[Any]) -> list[int]:
    return [event.position for event in events]
