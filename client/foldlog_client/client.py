"""The way in: a connection, and what can be done over it."""

import importlib.metadata
from collections.abc import Sequence
from typing import Self

import grpc.aio

from foldlog.async_domains import Domains
from foldlog_client.calls import Calls
from foldlog_client.events import Events
from foldlog_client.retries import Retry
from foldlog_client.session import LogPosition, Session

_MIB = 1024 * 1024
_OPTIONS: tuple[tuple[str, str | int], ...] = (
    # A dead connection is noticed while a call or subscription waits on it.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # An order with 2,000 lines comes with its events; gRPC's own limit is 4 MiB.
    ("grpc.max_receive_message_length", 32 * _MIB),
    ("grpc.max_send_message_length", 32 * _MIB),
    # gRPC would wait up to two minutes before it connects to a server that is back again.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    # A client's connection is its own, and so are the failures it has seen.
    ("grpc.use_local_subchannel_pool", 1),
)


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
        """The channel becomes the client's own: `close` closes it. What the rest means, `connect` says."""
        retry = retry or Retry()
        self._channel = channel
        self.session = Session(session)
        self._calls = Calls(channel, self.session, retry, timeout=timeout, read_your_writes=read_your_writes)
        self.events = Events(channel, self._calls, retry)
        super().__init__(self._calls)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End all subscriptions, watches and reads, then the connection."""
        await self._calls.aclose()
        await self._channel.close()


def connect(
    target: str = "127.0.0.1:50051",
    *,
    credentials: grpc.ChannelCredentials | None = None,
    interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
    options: Sequence[tuple[str, str | int]] = (),
    read_your_writes: bool = True,
    session: LogPosition | None = None,
    timeout: float = 10.0,
    retry: Retry | None = None,
) -> Client:
    """A client of the server at `target`; it connects with its first call. Call it in a running event loop.

    Args:
        target: Host and port, or any name that gRPC resolves.
        credentials: TLS and, with it, who is calling; plain text if None.
        interceptors: gRPC interceptors, such as those of OpenTelemetry.
        options: gRPC channel options, in addition to or instead of the client's own.
        read_your_writes: Queries see what the commands of this client have done; a query can say otherwise
            with its `min_position`.
        session: What another client has done so far, its `session.token`.
        timeout: Seconds for a call with all its attempts, where the call does not say.
        retry: How often and how fast calls are made again; as often as the timeout has time for if None.
    """
    merged = {**dict(_OPTIONS), "grpc.primary_user_agent": _user_agent(), **dict(options)}
    settings = list(merged.items())
    if credentials is None:
        channel = grpc.aio.insecure_channel(target, settings, interceptors=interceptors)
    else:
        channel = grpc.aio.secure_channel(target, credentials, settings, interceptors=interceptors)
    return Client(channel, read_your_writes=read_your_writes, session=session, timeout=timeout, retry=retry)


def _user_agent() -> str:
    try:
        return f"foldlog-python/{importlib.metadata.version('foldlog')}"
    except importlib.metadata.PackageNotFoundError:
        return "foldlog-python"
