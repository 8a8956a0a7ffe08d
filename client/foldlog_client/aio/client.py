"""Connects to a server, and has everything that can be done over the connection."""

from collections.abc import Sequence
from typing import Self

import grpc.aio

from foldlog.async_domains import Domains
from foldlog.v1.async_caller import Caller
from foldlog.v1.commands_pb2 import CommandResult
from foldlog.v1.request_service_pb2 import GetOutcomeRequest, GetOutcomeResponse
from foldlog_client.aio.calls import Calls
from foldlog_client.aio.events import Events
from foldlog_client.call_policy import CallPolicy
from foldlog_client.channel import channel_options, grpc_target
from foldlog_client.retry import Retry
from foldlog_client.session import LogPosition, Session


class Client(Domains):
    """One connection to a Foldlog server, with an attribute for each domain, and `events`.

    Use it in `async with`. Commands and queries raise FoldlogError.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        read_your_writes: bool = True,
        session: LogPosition | None = None,
        timeout: float = 10.0,
        retry: Retry | None = None,
    ) -> None:
        """The client takes over the channel, and `close` closes it. `connect` explains the other
        arguments."""
        self._channel = channel
        self.session = Session(session)
        policy = CallPolicy(
            self.session, retry or Retry(), timeout=timeout, read_your_writes=read_your_writes
        )
        self._calls = Calls(channel, policy)
        self.events = Events(channel, self._calls)
        super().__init__(self._calls)

    @classmethod
    def connect(
        cls,
        target: str = "127.0.0.1:50051",
        *,
        credentials: grpc.ChannelCredentials | None = None,
        interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
        options: Sequence[tuple[str, str | int]] = (),
        read_your_writes: bool = True,
        session: LogPosition | None = None,
        timeout: float = 10.0,
        retry: Retry | None = None,
    ) -> Self:
        """A client of the server at `target`; it connects with its first call. Call it in a running
        event loop.

        Args:
            target: Host and port, `unix:` and the path of a socket, or any name that gRPC resolves.
            credentials: TLS, and the identity of the caller; plain text if None.
            interceptors: gRPC interceptors, such as those of OpenTelemetry.
            options: gRPC channel options, in addition to or instead of the client's own.
            read_your_writes: Queries see what the commands of this client did, unless a query sets its own
                `min_position`.
            session: The `session.token` of another client: queries also see what that client did.
            timeout: Seconds for a call with all its attempts, unless the call sets its own.
            retry: How often and how fast calls are retried; if None, as long as the timeout allows.
        """
        settings = channel_options(target, options)
        if credentials is None:
            channel = grpc.aio.insecure_channel(grpc_target(target), settings, interceptors=interceptors)
        else:
            channel = grpc.aio.secure_channel(
                grpc_target(target), credentials, settings, interceptors=interceptors
            )
        return cls(channel, read_your_writes=read_your_writes, session=session, timeout=timeout, retry=retry)

    @property
    def caller(self) -> Caller:
        """Makes the calls of generated methods: `Bank(client.caller)` is the client of a domain."""
        return self._calls

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def outcome(
        self,
        request_id: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 a gRPC deadline
    ) -> CommandResult:
        """Return the outcome of the command that was sent with this request id, without sending it again.

        It is the answer that a repeated command would get, and later queries of this client see what the
        command did. Raises NotFound if no command is recorded under the id: none has arrived, it was refused,
        or the server no longer remembers it.
        """
        path, request = "/foldlog.v1.RequestService/GetOutcome", GetOutcomeRequest(request_id=request_id)
        reply = await self._calls.unary(path, request, GetOutcomeResponse, within=timeout)
        self.session.reached(LogPosition(reply.result.log_id, reply.result.position, reply.result.token))
        return reply.result

    async def close(self) -> None:
        """End all subscriptions, watches and reads, then the connection."""
        await self._calls.aclose()
        await self._channel.close()


connect = Client.connect
