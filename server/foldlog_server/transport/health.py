"""Serves grpc.health.v1 to any number of watchers: of the server, its services, and its views.

The servicer of grpcio-health-checking (1.85) no longer notifies the other watchers after one has left, so
this is our own; its messages and names are the package's.
"""

import asyncio
from typing import Any

import grpc
from grpc_health.v1 import health_pb2

from foldlog_server.errors import InvalidRequest
from foldlog_server.transport.calls import RpcMethodHandler, checked
from foldlog_server.transport.status import Context, abort

SERVICE = "grpc.health.v1.Health"

_Response = health_pb2.HealthCheckResponse


class Health:
    """Knows which services are serving; "" is the whole server."""

    def __init__(self, services: list[str]) -> None:
        self._services = {"", *services}
        self._serving = False
        self._parts: dict[str, bool] = {}
        """The states of parts by their names, independent of those of the services."""
        self._closed = False
        self._changed = asyncio.Event()

    def set_serving(self, serving: bool) -> None:
        """Change the state of the server and its services, and notify their watchers."""
        self._serving = serving
        self._changed.set()
        self._changed = asyncio.Event()

    def set_part(self, name: str, serving: bool) -> None:
        """Change the state of one name, and notify its watchers."""
        if self._parts.get(name) != serving:
            self._parts[name] = serving
            self._changed.set()
            self._changed = asyncio.Event()

    def close(self) -> None:
        """Report everything as not serving, and end the watches."""
        self._closed = True
        self.set_serving(False)

    def generic_handler(self) -> grpc.GenericRpcHandler:
        """Return the handler of Check and Watch, to be added to a server."""
        encoded = _Response.SerializeToString
        check: RpcMethodHandler = grpc.unary_unary_rpc_method_handler(
            self._check, response_serializer=encoded
        )
        watch: RpcMethodHandler = grpc.unary_stream_rpc_method_handler(
            self._watch, response_serializer=encoded
        )
        return grpc.method_handlers_generic_handler(SERVICE, {"Check": check, "Watch": watch})

    def _status(self, service: str) -> int:
        if service in self._parts:
            serving = self._parts[service] and not self._closed
        elif service in self._services:
            serving = self._serving
        else:
            return int(_Response.SERVICE_UNKNOWN)
        return int(_Response.SERVING if serving else _Response.NOT_SERVING)

    async def _check(self, data: bytes, context: Context) -> Any:
        service = await _service(data, context)
        status = self._status(service)
        if status == _Response.SERVICE_UNKNOWN:
            # Its name is not repeated: no rule bounds its length, and a message travels in the trailers.
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no such service.")
        return _Response(status=status)

    async def _watch(self, data: bytes, context: Context) -> None:
        service, sent = await _service(data, context), None
        while True:
            changed = self._changed
            status = self._status(service)
            if status != sent:
                await context.write(_Response(status=status))
                sent = status
            if self._closed:
                return
            await changed.wait()


async def _service(data: bytes, context: Context) -> str:
    try:
        request = checked(health_pb2.HealthCheckRequest, data)
    except InvalidRequest as error:
        await abort(context, error)
    return str(request.service)
