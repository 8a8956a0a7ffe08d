"""One logical call: a deadline, a request id, as many attempts as it takes, the session kept.

The attempts are a loop here and not gRPC's own retries, for those know neither the wait that the server
asks for in RetryInfo, nor the reason that tells a lost race (try again) from a version conflict (do not),
nor more than five attempts.
"""

from collections.abc import Callable
from typing import Protocol, Self, TypeVar
from weakref import WeakSet

import grpc.aio
from google.protobuf.message import Message
from uuid_utils import uuid7

from foldlog.v1.async_caller import (
    CommandRequest,
    CommandResponse,
    QueryRequest,
    WatchRequest,
    WatchResponse,
)
from foldlog.v1.commands_pb2 import CommandResult
from foldlog_client.errors import FoldlogError, LogReplaced, ViewBehind
from foldlog_client.retries import Retry, may_repeat
from foldlog_client.session import LogPosition, Session
from foldlog_client.status import decoded
from foldlog_client.watch import Watch


class Encodable(Protocol):
    """A message to send."""

    def SerializeToString(self, *, deterministic: bool = ...) -> bytes: ...


class Decodable(Protocol):
    """A message to receive."""

    @classmethod
    def FromString(cls, s: bytes) -> Self: ...


C = TypeVar("C", bound=CommandResponse)
Q = TypeVar("Q", bound=Message)
D = TypeVar("D", bound=Decodable)
W = TypeVar("W", bound=WatchResponse)


class Closable(Protocol):
    """What is open until it is closed."""

    async def aclose(self) -> None: ...


class Calls:
    """Makes the calls of one client, and knows its streams."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        session: Session,
        retry: Retry,
        *,
        timeout: float,
        read_your_writes: bool,
    ) -> None:
        self._channel = channel
        self._session = session
        self._retry = retry
        self.timeout = timeout
        """Seconds for a call with all its attempts, where the call does not say."""
        self._read_your_writes = read_your_writes
        self._streams: WeakSet[Closable] = WeakSet()

    def opened(self, stream: Closable) -> None:
        """Have a stream end with the client."""
        self._streams.add(stream)

    async def aclose(self) -> None:
        """End every stream that is still open."""
        for stream in list(self._streams):
            await stream.aclose()

    async def command(
        self, path: str, request: CommandRequest, response: type[C], *, within: float | None
    ) -> C:
        """Carry out a command. The request id is the same in all attempts, so that it acts once."""
        request.options.request_id = request.options.request_id or str(uuid7())
        try:
            reply = await self.unary(path, request, response, within=within)
        except FoldlogError as error:
            error.request_id = request.options.request_id
            raise
        self._session.reached(_reached(reply.result))
        return reply

    async def query(
        self,
        path: str,
        request: QueryRequest,
        response: type[Q],
        *,
        own_writes: bool,
        within: float | None,
    ) -> Q:
        """Ask a question. A view that is behind is asked again, unless the caller said how long to wait."""
        token = self._session.token
        same_log = request.options.log_id in ("", token.log_id)
        if own_writes and self._read_your_writes and token.position and same_log:
            request.options.min_position, request.options.log_id = token.position, token.log_id
        patient = not request.options.HasField("max_wait")
        try:
            return await self.unary(
                path,
                request,
                response,
                within=within,
                repeatable=lambda error: may_repeat(error) and (patient or not isinstance(error, ViewBehind)),
            )
        except LogReplaced:
            self._session.forget(LogPosition(request.options.log_id))
            raise

    def watch(self, path: str, request: WatchRequest, response: type[W]) -> Watch[W]:
        """What there is, then every change, from the request's resume token on."""
        stream = self._channel.unary_stream(
            path, request_serializer=_encoded, response_deserializer=response.FromString
        )
        watch: Watch[W] = Watch(stream, request, self._retry)
        self.opened(watch)
        return watch

    async def unary(
        self,
        path: str,
        request: Encodable,
        response: type[D],
        *,
        within: float | None = None,
        repeatable: Callable[[FoldlogError], bool] = may_repeat,
    ) -> D:
        """The answer to a call, within so many seconds in all, or the error of its last attempt."""
        clock = self._retry.clock
        deadline = clock() + (self.timeout if within is None else within)
        failures = 0
        while True:
            try:
                return await self._attempt(path, request, response, deadline - clock())
            except grpc.aio.AioRpcError as failure:
                failures += 1
                error = decoded(failure)
                pause = self._retry.pause(failures, error)
                may_go_on = self._retry.allows(failures) and clock() + pause < deadline
                if not may_go_on or not repeatable(error):
                    raise error from failure
            await self._retry.sleep(pause)

    async def _attempt(self, path: str, request: Encodable, response: type[D], left: float) -> D:
        call = self._channel.unary_unary(
            path, request_serializer=_encoded, response_deserializer=response.FromString
        )
        longest = self._retry.attempt_timeout
        return await call(request, timeout=left if longest is None else min(left, longest))


def _encoded(message: Encodable) -> bytes:
    return message.SerializeToString()


def _reached(result: CommandResult) -> LogPosition:
    return LogPosition(result.log_id, result.position)
