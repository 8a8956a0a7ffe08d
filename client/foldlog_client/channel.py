"""Chooses the options of a gRPC channel, and the spelling of its target."""

import importlib.metadata
import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import quote

_MIB = 1024 * 1024
_OPTIONS: tuple[tuple[str, str | int], ...] = (
    # Detects a dead connection while a call or subscription waits on it.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A reply can hold an order with 2,000 lines and its events; gRPC's own limit is 4 MiB.
    ("grpc.max_receive_message_length", 32 * _MIB),
    ("grpc.max_send_message_length", 32 * _MIB),
    # By default gRPC waits up to two minutes before it reconnects to a restarted server.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    # Channels of a process share a connection and its backoff by default; each client has its own.
    ("grpc.use_local_subchannel_pool", 1),
)


# A target with any scheme that gRPC resolves: a host, with or without a port; or a Unix socket.
_TARGET = re.compile(
    r"(dns:(//[^/]*/)?|ipv[46]:)?(\[(?P<bracketed>[^]]*)\](:\w+)?|(?P<bare>[^:]*)(:\w+)?|(?P<ipv6>.*))",
    re.IGNORECASE | re.DOTALL,
)
_UNIX = re.compile(r"unix(-abstract)?:.*", re.IGNORECASE | re.DOTALL)


def grpc_target(target: str) -> str:
    """Return the target as gRPC needs it: blanks and non-ASCII letters of a Unix socket's name are
    encoded."""
    scheme, colon, name = target.partition(":")
    return scheme + colon + quote(name, safe="/%") if scheme in ("unix", "unix-abstract") else target


def channel_options(target: str, more: Sequence[tuple[str, str | int]]) -> list[tuple[str, str | int]]:
    """Return the client's gRPC channel options for a target; `more` adds to them or replaces them."""
    options = {**dict(_OPTIONS), "grpc.primary_user_agent": _user_agent()}
    if _is_loopback(target):
        # A proxy (http_proxy, https_proxy, grpc_proxy) would connect to its own loopback, not to this server.
        options["grpc.enable_http_proxy"] = 0
    return list({**options, **dict(more)}.items())


def _is_loopback(target: str) -> bool:
    """Whether a target is on this machine: 127.0.0.0/8, also as an IPv6 address, ::1, localhost, a socket."""
    if _UNIX.fullmatch(target):
        return True
    found = _TARGET.fullmatch(target)
    host = (found and (found["bracketed"] or found["bare"] or found["ipv6"])) or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _user_agent() -> str:
    try:
        return f"foldlog-python/{importlib.metadata.version('foldlog')}"
    except importlib.metadata.PackageNotFoundError:
        return "foldlog-python"
