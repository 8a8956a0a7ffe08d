"""What a connection is made with."""

import importlib.metadata
from collections.abc import Sequence

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


def channel_options(more: Sequence[tuple[str, str | int]]) -> list[tuple[str, str | int]]:
    """The client's own gRPC channel options, with others in addition to or instead of them."""
    return list({**dict(_OPTIONS), "grpc.primary_user_agent": _user_agent(), **dict(more)}.items())


def _user_agent() -> str:
    try:
        return f"foldlog-python/{importlib.metadata.version('foldlog')}"
    except importlib.metadata.PackageNotFoundError:
        return "foldlog-python"
