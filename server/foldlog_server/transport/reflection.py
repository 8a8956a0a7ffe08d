"""Serves gRPC reflection under its current name, v1, and its former one, which has the same messages.

The servicer of grpcio-reflection (1.80) does not find methods, enum values, or the current name of the
service, so this is our own; its messages are the package's.
"""

import asyncio
import pkgutil
from collections.abc import AsyncGenerator, AsyncIterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from importlib import import_module
from typing import Any

import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import Default
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection_pb2

import foldlog
from foldlog_server.errors import Draining, InvalidRequest
from foldlog_server.transport.calls import Calls, checked
from foldlog_server.transport.descriptors import Index, Unknown, renamed, with_imports, with_json_names
from foldlog_server.transport.status import abort, unforeseen

SERVICES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")

_MAX_NAME = 200


def generic_handlers(services: Sequence[str], calls: Calls) -> list[grpc.GenericRpcHandler]:
    """Return the handlers that describe the named services, to be added to a server."""
    reflection = Reflection([*services, *SERVICES])

    async def describe(requests: Any, context: Any) -> AsyncGenerator[Any]:
        try:
            with calls.opened():
                async for request in _parsed(requests):
                    yield reflection.answer(request)
        except InvalidRequest as error:
            await abort(context, error)
        except asyncio.CancelledError:
            if not calls.draining:
                raise
            await abort(context, Draining())
        except Exception as error:
            await abort(context, unforeseen(error))

    handler: Any = grpc.stream_stream_rpc_method_handler(
        describe,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return [
        grpc.method_handlers_generic_handler(service, {"ServerReflectionInfo": handler})
        for service in SERVICES
    ]


class Reflection:
    """Describes services, and everything that events and refusals can contain."""

    def __init__(self, services: Sequence[str]) -> None:
        """`services` are the ones that are listed."""
        self._services = sorted(services)

    def answer(self, request: Any) -> Any:
        """Return the response to one request; "not found" is a response, too."""
        response = reflection_pb2.ServerReflectionResponse(valid_host=request.host, original_request=request)
        try:
            self._fill(response, request)
        except Unknown as unknown:
            _fail(
                response,
                grpc.StatusCode.NOT_FOUND,
                f"This server has no {_cut(str(unknown))}; list_services lists what it serves.",
            )
        return response

    def _fill(self, response: Any, request: Any) -> None:
        files = response.file_descriptor_response.file_descriptor_proto
        match request.WhichOneof("message_request"):
            case "file_by_filename":
                files.extend(self._index.file(request.file_by_filename))
            case "file_containing_symbol":
                symbol = request.file_containing_symbol
                files.extend(self._that_has(symbol).file_of_symbol(symbol))
            case "file_containing_extension":
                extension = request.file_containing_extension
                files.extend(
                    self._index.file_of_extension(extension.containing_type, extension.extension_number)
                )
            case "all_extension_numbers_of_type":
                message = request.all_extension_numbers_of_type
                response.all_extension_numbers_response.extension_number.extend(
                    self._that_has(message).extension_numbers(message)
                )
                response.all_extension_numbers_response.base_type_name = message.removeprefix(".")
            case "list_services":
                for name in self._services:
                    response.list_services_response.service.add(name=name)
            case _:
                _fail(
                    response,
                    grpc.StatusCode.INVALID_ARGUMENT,
                    "The request asks for none of these: list_services, file_containing_symbol, "
                    "file_by_filename, file_containing_extension or all_extension_numbers_of_type.",
                )

    def _that_has(self, symbol: str) -> Index:
        """Return the index that has a symbol. Events of another domain may be in none of its services'
        files."""
        if symbol not in self._index:
            with suppress(KeyError):
                file = Default().FindFileContainingSymbol(symbol.removeprefix("."))
                return Index(map(with_json_names, with_imports([file])))
        return self._index

    @cached_property
    def _index(self) -> Index:
        """Build the index when it is first needed: most servers never need it."""
        former = FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
        today = renamed(former, "grpc/reflection/v1/reflection.proto", "grpc.reflection.v1")
        listed = [Default().FindFileContainingSymbol(name) for name in self._services if name != SERVICES[0]]
        files = with_imports([*listed, *_contract(), status_pb2.DESCRIPTOR, error_details_pb2.DESCRIPTOR])
        return Index(map(with_json_names, [*files, today]))


def _contract() -> Iterator[FileDescriptor]:
    """Return every file of the contract, also of events that no service imports."""
    for module in pkgutil.walk_packages(foldlog.__path__, f"{foldlog.__name__}."):
        if module.name.endswith("_pb2"):
            yield import_module(module.name).DESCRIPTOR


def _fail(response: Any, code: grpc.StatusCode, message: str) -> None:
    response.error_response.error_code = code.value[0]
    response.error_response.error_message = message


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_NAME else f"{text[:_MAX_NAME]}…"


async def _parsed(requests: AsyncIterable[bytes]) -> AsyncGenerator[Any]:
    async for data in requests:
        yield checked(reflection_pb2.ServerReflectionRequest, data)
