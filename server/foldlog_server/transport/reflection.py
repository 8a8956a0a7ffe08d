"""gRPC server reflection, under its name of today and its former one, which has the same messages."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from typing import Any

import grpc
from google.rpc import error_details_pb2  # noqa: F401  (in the pool, so that clients can resolve details)
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha._async import ReflectionServicer

from foldlog_server.core.errors import Draining, InvalidRequest
from foldlog_server.transport.calls import Calls, checked
from foldlog_server.transport.errors import abort

SERVICES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")


def generic_handlers(services: Sequence[str], calls: Calls) -> list[grpc.GenericRpcHandler]:
    """Handlers that describe the named services, to be added to a server."""
    servicer = ReflectionServicer(service_names=[*services, *SERVICES])

    async def describe(requests: Any, context: Any) -> AsyncGenerator[Any]:
        try:
            with calls.opened():
                async for response in servicer.ServerReflectionInfo(_parsed(requests), context):
                    yield response
        except InvalidRequest as error:
            await abort(context, error)
        except asyncio.CancelledError:
            if not calls.draining:
                raise
            await abort(context, Draining())

    handler: Any = grpc.stream_stream_rpc_method_handler(
        describe,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return [
        grpc.method_handlers_generic_handler(service, {"ServerReflectionInfo": handler})
        for service in SERVICES
    ]


async def _parsed(requests: AsyncIterable[bytes]) -> AsyncGenerator[Any]:
    async for data in requests:
        yield checked(reflection_pb2.ServerReflectionRequest, data)
