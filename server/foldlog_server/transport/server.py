"""The gRPC server: one port, services by their descriptors, a stop that tells everyone why."""

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
    # By default a second server binds the same port without a word and takes half of the connections.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 4 * _MIB),
    # Of more calls than 1,000 that come at once, gRPC would cut some off by chance, as CANCELLED and without
    # a word. Here they wait their turn.
    ("grpc.server.max_pending_requests", 20_000),
    ("grpc.server.max_pending_requests_hard_limit", 60_000),
    # Clients that ping more often than every 5 minutes would be cut off as abusive; 10 s is what many do,
    # and three pings that a busy network brought a little closer together would count as abuse.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # Finds readers that vanished without a word.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
]


def _most_connections() -> list[tuple[str, Any]]:
    """Who comes beyond that is cut off at once: without a descriptor left, he would wait for an answer."""
    most = most_connections()
    return [("grpc.max_allowed_incoming_connections", most)] if most else []


class AddressInUse(Exception):
    """The address cannot be listened on."""


VIEWS = "foldlog.views"
"""The name under which health checks ask for all views; with a dot and its name, for one."""


def _why_not(address: str) -> str:
    """What stands in the way of listening, which gRPC does not tell: it is tried without it."""
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
    """An address that is had, and nothing served on it yet: who connects waits for what is to come."""

    def __init__(self, address: str) -> None:
        """Raises `AddressInUse`."""
        self.server = grpc.aio.server(options=[*_OPTIONS, *_most_connections()])
        self.number = 0
        """The port, chosen by the system for port 0; 0 for a Unix socket."""
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
        """Where clients find it."""

    async def release(self) -> None:
        """Let go of an address on which nothing was served."""
        # A server that was never started keeps its socket, even when it is stopped (grpcio 1.80).
        await self.server.start()
        await self.stop(0)

    async def stop(self, grace: float) -> None:
        """Let calls finish for `grace` seconds, then let go of the address."""
        await self.server.stop(grace)
        if self._file is not None:
            self._file.remove()


class _Methods(grpc.GenericRpcHandler):
    """The methods of all services in one map: with a handler for each service, gRPC asks one after the other
    at every call."""

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
        """`services` are handlers by method name, by service name."""
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
        """Serve."""
        await self._port.server.start()
        self._health.set_serving(True)

    def set_serving(self, serving: bool) -> None:
        """What health checks are told from now on."""
        self._health.set_serving(serving)

    def set_well(self, view: str, well: bool) -> None:
        """What health checks of a view, and of all of them, are told from now on."""
        self._well[view] = well
        self._health.set_part(f"{VIEWS}.{view}", well)
        self._health.set_part(VIEWS, all(self._well.values()))

    async def stop(self, grace: float) -> None:
        """Take no more calls, end streams with the reason, let unary calls finish for `grace` seconds."""
        self._health.close()
        self._calls.drain()
        await self._port.stop(grace)
        self._calls.end()
