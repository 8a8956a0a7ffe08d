"""Makes one logical call in the caller's thread; otherwise the same as `foldlog_client.aio.calls`."""

import threading
from typing import Protocol
from weakref import WeakSet

import grpc

from foldlog.v1.calling import C, CommandRequest, Q, QueryRequest, R, Request, W, WatchRequest
from foldlog_client.call_policy import CallPolicy, encoded
from foldlog_client.retry import Repeatable, may_repeat
from foldlog_client.sync.watch import Watch


class Closable(Protocol):
    """Something that stays open until it is closed."""

    def close(self) -> None: ...


class Calls:
    """Makes the calls of one client, from any thread, and keeps track of its open streams."""

    def __init__(self, channel: grpc.Channel, policy: CallPolicy) -> None:
        self.policy = policy
        self._channel = channel
        self._closing = threading.Event()
        self._streams: WeakSet[Closable] = WeakSet()
        self._lock = threading.Lock()

    def opened(self, stream: Closable) -> None:
        """Register a stream, so that closing the client closes it."""
        with self._lock:
            self._streams.add(stream)

    def close(self) -> None:
        """End every stream that is still open."""
        self._closing.set()
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            stream.close()

    def command(self, path: str, request: CommandRequest, response: type[C], *, within: float | None) -> C:
        """Send a command. All attempts have the same request id, so that it acts once."""
        with self.policy.around_command(request):
            reply = self.unary(path, request, response, within=within)
        self.policy.answered(request, reply)
        return reply

    def query(
        self,
        path: str,
        request: QueryRequest,
        response: type[Q],
        *,
        own_writes: bool,
        within: float | None,
    ) -> Q:
        """Send a query; if its view is behind, retry it, unless the caller set how long to wait."""
        with self.policy.around_query(request, own_writes=own_writes) as repeatable:
            return self.unary(path, request, response, within=within, repeatable=repeatable)

    def watch(self, path: str, request: WatchRequest, response: type[W]) -> Watch[W]:
        """Watch a query from the request's resume token on: the matching documents, then every change."""
        stream = self._channel.unary_stream(
            path, request_serializer=encoded, response_deserializer=response.FromString
        )
        watch: Watch[W] = Watch(stream, request, self.policy.retry)
        self.opened(watch)
        return watch

    def unary(
        self,
        path: str,
        request: Request,
        response: type[R],
        *,
        within: float | None = None,
        repeatable: Repeatable = may_repeat,
    ) -> R:
        """Return the response within so many seconds in all, or raise the error of the last attempt."""
        call = self._channel.unary_unary(
            path, request_serializer=encoded, response_deserializer=response.FromString
        )
        attempts = self.policy.attempts(within, repeatable)
        while True:
            try:
                return call(request, timeout=attempts.timeout)
            except grpc.RpcError as failure:
                pause = attempts.failed(failure)
            self.policy.retry.wait(self._closing, pause)
