"""What a connection is made with."""

import importlib.metadata
import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import quote

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


# A target, whatever scheme gRPC is to resolve it by: a host, with a port or without; or a Unix socket.
_TARGET = re.compile(
    r"(dns:(//[^/]*/)?|ipv[46]:)?(\[(?P<bracketed>[^]]*)\](:\w+)?|(?P<bare>[^:]*)(:\w+)?|(?P<ipv6>.*))",
    re.IGNORECASE | re.DOTALL,
)
_UNIX = re.compile(r"unix(-abstract)?:.*", re.IGNORECASE | re.DOTALL)


def grpc_target(target: str) -> str:
    """The target as gRPC takes it: a Unix socket's name with blanks and letters beyond ASCII encoded."""
    scheme, colon, name = target.partition(":")
    return scheme + colon + quote(name, safe="/%") if scheme in ("unix", "unix-abstract") else target


def channel_options(target: str, more: Sequence[tuple[str, str | int]]) -> list[tuple[str, str | int]]:
    """The client's own gRPC channel options for a target, with others in addition to or instead of them."""
    options = {**dict(_OPTIONS), "grpc.primary_user_agent": _user_agent()}
    if _is_loopback(target):
        # A proxy (http_proxy, https_proxy, grpc_proxy) has a loopback of its own, and not this server.
        options["grpc.enable_http_proxy"] = 0
    return list({**options, **dict(more)}.items())


def _is_loopback(target: str) -> bool:
    """Whether a target is this machine itself: 127.0.0.0/8, also as an IPv6 address, ::1, localhost, a
    socket."""
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
