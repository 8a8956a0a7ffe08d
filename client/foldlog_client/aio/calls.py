"""One logical call: a deadline, a request id, as many attempts as it takes, the session kept.

The attempts are a loop here and not gRPC's own retries, for those know neither the wait that the server
asks for in RetryInfo, nor the reason that tells a lost race (try again) from a version conflict (do not),
nor more than five attempts.
"""

from typing import Protocol
from weakref import WeakSet

import grpc.aio

from foldlog.v1.calling import C, CommandRequest, Q, QueryRequest, R, Request, W, WatchRequest
from foldlog_client.aio.watch import Watch
from foldlog_client.call_policy import Conduct, encoded
from foldlog_client.retry import Repeatable, may_repeat


class Closable(Protocol):
    """What is open until it is closed."""

    async def aclose(self) -> None: ...


class Calls:
    """Makes the calls of one client, and knows its streams."""

    def __init__(self, channel: grpc.aio.Channel, conduct: Conduct) -> None:
        self.conduct = conduct
        self._channel = channel
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
        with self.conduct.commanding(request):
            reply = await self.unary(path, request, response, within=within)
        self.conduct.done(request, reply)
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
        with self.conduct.asking(request, own_writes=own_writes) as repeatable:
            return await self.unary(path, request, response, within=within, repeatable=repeatable)

    def watch(self, path: str, request: WatchRequest, response: type[W]) -> Watch[W]:
        """What there is, then every change, from the request's resume token on."""
        stream = self._channel.unary_stream(
            path, request_serializer=encoded, response_deserializer=response.FromString
        )
        watch: Watch[W] = Watch(stream, request, self.conduct.retry)
        self.opened(watch)
        return watch

    async def unary(
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
                return await call(request, timeout=attempts.timeout)
            except grpc.aio.AioRpcError as failure:
                pause = attempts.failed(failure)
            await self.conduct.retry.sleep(pause)
