"""One logical call, made in the caller's thread: as `foldlog_client.aio.calls`."""

import threading
from typing import Protocol
from weakref import WeakSet

import grpc

from foldlog.v1.calling import C, CommandRequest, Q, QueryRequest, R, Request, W, WatchRequest
from foldlog_client.call_policy import Conduct, encoded
from foldlog_client.retry import Repeatable, may_repeat
from foldlog_client.sync.watch import Watch


class Closable(Protocol):
    """What is open until it is closed."""

    def close(self) -> None: ...


class Calls:
    """Makes the calls of one client, from any thread, and knows its streams."""

    def __init__(self, channel: grpc.Channel, conduct: Conduct) -> None:
        self.conduct = conduct
        self._channel = channel
        self._closing = threading.Event()
        self._streams: WeakSet[Closable] = WeakSet()
        self._lock = threading.Lock()

    def opened(self, stream: Closable) -> None:
        """Have a stream end with the client."""
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
        """Carry out a command. The request id is the same in all attempts, so that it acts once."""
        with self.conduct.commanding(request):
            reply = self.unary(path, request, response, within=within)
        self.conduct.done(request, reply)
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
        """Ask a question. A view that is behind is asked again, unless the caller said how long to wait."""
        with self.conduct.asking(request, own_writes=own_writes) as repeatable:
            return self.unary(path, request, response, within=within, repeatable=repeatable)

    def watch(self, path: str, request: WatchRequest, response: type[W]) -> Watch[W]:
        """What there is, then every change, from the request's resume token on."""
        stream = self._channel.unary_stream(
            path, request_serializer=encoded, response_deserializer=response.FromString
        )
        watch: Watch[W] = Watch(stream, request, self.conduct.retry)
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
        """The answer to a call, within so many seconds in all, or the error of its last attempt."""
        call = self._channel.unary_unary(
            path, request_serializer=encoded, response_deserializer=response.FromString
        )
        attempts = self.conduct.attempts(within, repeatable)
        while True:
            try:
                return call(request, timeout=attempts.timeout)
            except grpc.RpcError as failure:
                pause = attempts.failed(failure)
            self.conduct.retry.wait(self._closing, pause)
