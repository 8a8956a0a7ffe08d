"""Runs the gRPC server: one port, services by their descriptors, a stop that gives every client the
reason."""

import errno
import socket
from collections.abc import Mapping
from typing import Any

import grpc

from foldlog_server.transport import health, reflection
from foldlog_server.transport.calls import Calls, RpcMethodHandler
from foldlog_server.transport.connections import most_connections
from foldlog_server.transport.health import Health
from foldlog_server.transport.trace_context import keep_trace
from foldlog_server.transport.unix_socket import SocketFile, SocketUnusable, grpc_address, is_unix, path_of

_MIB = 1024 * 1024

# Each limit with its reason; the values are gRPC's own names.
_OPTIONS: list[tuple[str, Any]] = [
    # By default a second server silently binds the same port and takes half of the connections.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 4 * _MIB),
    # Of more than 1,000 calls that arrive at once, gRPC would cancel some at random, without a message. Here
    # they wait their turn.
    ("grpc.server.max_pending_requests", 20_000),
    ("grpc.server.max_pending_requests_hard_limit", 60_000),
    # By default, clients that ping more often than every 5 minutes are disconnected as abusive; many ping
    # every 10 s, and a busy network may deliver pings closer together than they were sent.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # Detects readers that have vanished without closing their connection.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
]


def _most_connections() -> list[tuple[str, Any]]:
    """Connections beyond the limit are closed at once: without a descriptor left, they would wait for
    ever."""
    most = most_connections()
    return [("grpc.max_allowed_incoming_connections", most)] if most else []


class AddressInUse(Exception):
    """The server cannot listen on the address."""


VIEWS = "foldlog.views"
"""The name that health checks use for all views; with a dot and a view's name, for one."""


def _why_not(address: str) -> str:
    """Return why the server cannot listen, which gRPC does not report: it is tried with a plain socket."""
    taken = "another program does. Stop it, or choose another address with --listen or FOLDLOG_LISTEN."
    if is_unix(address):
        return taken
    host, _, port = address.rpartition(":")
    choose = "hoose another one with --listen or FOLDLOG_LISTEN."
    try:
        [(family, kind, protocol, _, place), *_] = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        with socket.socket(family, kind, protocol) as tried:
            tried.bind(place)
            tried.listen()
    except (socket.gaierror, ValueError):
        return f"there is no such host. C{choose.replace('another one', 'another address')}"
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            return f"the address is not this machine's. C{choose}"
        if error.errno != errno.EADDRINUSE:
            return f"{error.strerror}. C{choose}"
    return taken


class BoundPort:
    """An address that is bound before anything is served on it: connections wait until the server starts."""

    def __init__(self, address: str) -> None:
        """Raises `AddressInUse`."""
        self.server = grpc.aio.server(options=[*_OPTIONS, *_most_connections()])
        self.number = 0
        """The port, chosen by the system if port 0 was asked for; 0 for a Unix socket."""
        self._file: SocketFile | None = None
        path = path_of(address)
        try:
            if path is None:
                number = self.server.add_insecure_port(grpc_address(address))
                self.number = 0 if is_unix(address) else number
            else:
                self._file = SocketFile(path, self.server.add_insecure_port)
        except SocketUnusable as reason:
            raise AddressInUse(f"Cannot listen on {address}: {reason}") from None
        except RuntimeError:
            raise AddressInUse(f"Cannot listen on {address}: {_why_not(address)}") from None
        self.address = f"{address.rpartition(':')[0]}:{self.number}" if self.number else address
        """The address that clients connect to."""

    async def release(self) -> None:
        """Release an address on which nothing was served."""
        # A server that was never started keeps its socket, even when it is stopped (grpcio 1.80).
        await self.server.start()
        await self.stop(0)

    async def stop(self, grace: float) -> None:
        """Let calls finish for `grace` seconds, then release the address."""
        await self.server.stop(grace)
        if self._file is not None:
            self._file.remove()


class _Methods(grpc.GenericRpcHandler):
    """Finds the handler of any method in one map: with one generic handler for each service, gRPC would ask
    one after the other at every call."""

    def __init__(self, services: Mapping[str, Mapping[str, RpcMethodHandler]]) -> None:
        self._handlers = {
            f"/{service}/{method}": handler
            for service, methods in services.items()
            for method, handler in methods.items()
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "RpcMethodHandler | None":
        keep_trace(handler_call_details.invocation_metadata)
        return self._handlers.get(handler_call_details.method)


class GrpcServer:
    """Serves handlers until it is stopped."""

    def __init__(
        self,
        port: BoundPort,
        services: Mapping[str, dict[str, RpcMethodHandler]],
        calls: Calls,
        *,
        with_reflection: bool,
    ) -> None:
        """`services`: for each service's name, the handlers by method name."""
        self._calls = calls
        self._health = Health(list(services))
        self._well: dict[str, bool] = {}
        self._port = port
        handlers: list[grpc.GenericRpcHandler] = [_Methods(services), self._health.generic_handler()]
        if with_reflection:
            handlers += reflection.generic_handlers([*services, health.SERVICE], calls)
        # Generic handlers only: since 1.84, grpcio pays for every registered method at every call.
        port.server.add_generic_rpc_handlers(tuple(handlers))

    async def start(self) -> None:
        """Start serving."""
        await self._port.server.start()
        self._health.set_serving(True)

    def set_serving(self, serving: bool) -> None:
        """Set what health checks report."""
        self._health.set_serving(serving)

    def set_well(self, view: str, well: bool) -> None:
        """Set what health checks report of a view, and so of all views."""
        self._well[view] = well
        self._health.set_part(f"{VIEWS}.{view}", well)
        self._health.set_part(VIEWS, all(self._well.values()))

    async def stop(self, grace: float) -> None:
        """Accept no more calls, end streams with the reason, let unary calls finish for `grace` seconds."""
        self._health.close()
        self._calls.drain()
        await self._port.stop(grace)
        self._calls.end()
