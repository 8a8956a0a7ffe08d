"""Whatever a tool may ask of reflection has its answer, by what the descriptors themselves say there is."""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import Default, DescriptorPool
from google.protobuf.text_format import MessageToString, Parse
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from foldlog_server.transport.reflection import SERVICES, Reflection
from tests.support.old_messages import OrderOpened

PROTOS = Path(__file__).parents[3] / "protos"
CONTRACT = sorted(str(file.relative_to(PROTOS)) for file in PROTOS.rglob("*.proto"))
V1 = "grpc/reflection/v1/reflection.proto"
LISTED = [
    "foldlog.orders.v1.CommandService",
    "foldlog.v1.EventService",
    "grpc.health.v1.Health",
    *SERVICES,
]
REFLECTION = Reflection(LISTED[::-1])


def ask(**asked: Any) -> Any:
    return REFLECTION.answer(reflection_pb2.ServerReflectionRequest(**asked))


def files(response: Any) -> list[FileDescriptorProto]:
    """The files of a response, which is one that others can be built from as it is: nothing is missing or twice."""
    assert response.WhichOneof("message_response") == "file_descriptor_response", response
    found = [
        FileDescriptorProto.FromString(file)
        for file in response.file_descriptor_response.file_descriptor_proto
    ]
    names = [file.name for file in found]
    assert len(set(names)) == len(names)
    assert {name for file in found for name in file.dependency} <= set(names)
    return found


def built(response: Any) -> FileDescriptor:
    """The first file of a response, built from nothing but the response."""
    found = {file.name: file for file in files(response)}
    pool = DescriptorPool()

    def add(name: str) -> None:
        for needed in found[name].dependency:
            if needed in found:
                add(needed)
        proto = found.pop(name)
        pool.AddSerializedFile(proto.SerializeToString())

    [first, *_] = found
    while found:
        add(next(iter(found)))
    return pool.FindFileByName(first)


@cache
def described() -> dict[str, FileDescriptor]:
    """Every file that the server has something of: as Python's own pool has it, but for the one it lacks."""
    for name in CONTRACT:
        import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    modules: list[Any] = [
        descriptor_pb2,
        error_details_pb2,
        status_pb2,
        health_pb2,
        reflection_pb2,
    ]
    names = [*CONTRACT, *(module.DESCRIPTOR.name for module in modules), *well_known()]
    return {name: Default().FindFileByName(name) for name in names} | {V1: today()}


def today() -> FileDescriptor:
    """The file that no package has."""
    former = MessageToString(FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb))
    text = former.replace("grpc_reflection/v1alpha/", "grpc/reflection/v1/").replace(".v1alpha", ".v1")
    pool = DescriptorPool()
    pool.AddSerializedFile(Parse(text, FileDescriptorProto()).SerializeToString())
    return pool.FindFileByName(V1)


def well_known() -> list[str]:
    return [f"google/protobuf/{name}.proto" for name in ("any", "duration", "empty", "timestamp")]


def names(file: FileDescriptor) -> Iterator[str]:
    """All that a file defines."""
    package = f"{file.package}."
    for message in file.message_types_by_name.values():
        yield from of_message(message)
    for enum in file.enum_types_by_name.values():
        yield from of_enum(enum, package)
    for extension in file.extensions_by_name.values():
        yield extension.full_name
    for service in file.services_by_name.values():
        yield service.full_name
        for method in service.methods:
            yield method.full_name


def of_message(message: Descriptor) -> Iterator[str]:
    yield message.full_name
    parts: list[Any] = [*message.fields, *message.oneofs, *message.extensions]
    for part in parts:
        yield f"{message.full_name}.{part.name}"
    for nested in message.nested_types:
        yield from of_message(nested)
    for enum in message.enum_types:
        yield from of_enum(enum, f"{message.full_name}.")


def of_enum(enum: EnumDescriptor, scope: str) -> Iterator[str]:
    yield enum.full_name
    for value in enum.values:
        yield scope + value.name
        yield f"{enum.full_name}.{value.name}"


def nested(file: Any, proto: Any) -> Iterator[tuple[Any, Any]]:
    """The messages of a file, within others too, and what a response says of them."""
    waiting = [(file.message_types_by_name[message.name], message) for message in proto.message_type]
    for message, said in waiting:
        yield message, said
        waiting += [(message.nested_types_by_name[inner.name], inner) for inner in said.nested_type]


EVERY_FILE = sorted(described())


@pytest.mark.parametrize("name", EVERY_FILE)
def test_every_symbol_of_every_file_is_found_in_it(name: str) -> None:
    symbols = [*names(described()[name])]
    assert symbols
    for symbol in symbols:
        for asked in (symbol, f".{symbol}"):
            assert files(ask(file_containing_symbol=asked))[0].name == name, asked


@pytest.mark.parametrize("name", EVERY_FILE)
def test_every_file_is_found_by_its_name_and_complete(name: str) -> None:
    response = ask(file_by_filename=name)
    assert built(response).name == name
    [file, *_] = files(response)
    expected = described()[name]
    generated = FileDescriptorProto.FromString(expected.serialized_pb)
    for message, said in nested(expected, file):
        for field in said.field:
            assert field.json_name == message.fields_by_name[field.name].json_name
    for proto in (file, generated):
        for field in (field for _, message in nested(expected, proto) for field in message.field):
            field.ClearField("json_name")
    assert file == generated


@pytest.mark.parametrize("name", EVERY_FILE)
def test_every_extension_is_found_by_its_number(name: str) -> None:
    extensions: list[Any] = [*described()[name].extensions_by_name.values()]
    for extension in extensions:
        extended = extension.containing_type.full_name
        for asked in (extended, f".{extended}"):
            number = {"containing_type": asked, "extension_number": extension.number}
            assert files(ask(file_containing_extension=number))[0].name == name


@pytest.mark.parametrize(
    ("message", "numbers"),
    [
        ("google.protobuf.FieldOptions", [74391, 74392, 74393, 74394, 74395]),
        (".google.protobuf.MethodOptions", [74401, 74402]),
        ("google.protobuf.EnumValueOptions", [74411]),
        ("google.protobuf.FileOptions", []),
        ("foldlog.v1.Money", []),
    ],
)
def test_the_extensions_of_a_message_are_numbered(message: str, numbers: list[int]) -> None:
    response = ask(all_extension_numbers_of_type=message).all_extension_numbers_response
    assert (response.base_type_name, [*response.extension_number]) == (message.removeprefix("."), numbers)


def test_services_are_listed_in_order_and_each_is_described() -> None:
    listed = [service.name for service in ask(list_services="*").list_services_response.service]
    assert listed == sorted(LISTED)
    for name in listed:
        assert name in [*names(built(ask(file_containing_symbol=name)))]


def test_todays_reflection_is_described_as_the_former_one_but_for_its_name() -> None:
    former, today = described()[reflection_pb2.DESCRIPTOR.name], described()[V1]
    assert today.package == "grpc.reflection.v1"
    assert former.package == "grpc.reflection.v1alpha"
    assert [*names(today)] == [name.replace(".v1alpha.", ".v1.") for name in names(former)]
    method = today.services_by_name["ServerReflection"].methods_by_name["ServerReflectionInfo"]
    assert method.input_type.full_name == "grpc.reflection.v1.ServerReflectionRequest"
    assert method.output_type.full_name == "grpc.reflection.v1.ServerReflectionResponse"
    assert method.client_streaming
    assert method.server_streaming
    field = method.output_type.fields_by_name["original_request"]
    assert field.message_type is method.input_type


def test_an_event_of_no_file_of_the_contract_is_described_when_this_process_knows_it() -> None:
    name = OrderOpened.DESCRIPTOR.full_name
    assert built(ask(file_containing_symbol=name)).message_types_by_name["OrderOpened"].full_name == name


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"file_by_filename": "foldlog/v1/nothing.proto"}, "file foldlog/v1/nothing.proto"),
        ({"file_containing_symbol": "foldlog.v1.Nothing"}, "symbol foldlog.v1.Nothing"),
        ({"file_containing_symbol": "foldlog.v1"}, "symbol foldlog.v1"),
        ({"file_containing_symbol": ""}, "symbol ;"),
        ({"file_containing_symbol": "."}, "symbol .;"),
        ({"file_containing_symbol": "..foldlog.v1.Money"}, "symbol ..foldlog.v1.Money"),
        ({"file_containing_symbol": "foldlog.v1.Money\0"}, "symbol foldlog.v1.Money\0"),
        ({"file_containing_symbol": "foldlog.v1.Money.unit"}, "symbol foldlog.v1.Money.unit"),
        ({"all_extension_numbers_of_type": "foldlog.v1.Nothing"}, "message foldlog.v1.Nothing"),
        ({"all_extension_numbers_of_type": "foldlog.v1.Money.units"}, "message foldlog.v1.Money.units"),
        (
            {"file_containing_extension": {"containing_type": "foldlog.v1.Money", "extension_number": 7}},
            "extension 7 of foldlog.v1.Money",
        ),
        ({"file_containing_symbol": "x" * 100_000}, "symbol " + "x" * 150),
    ],
)
def test_what_is_not_there_is_named(asked: dict[str, Any], named: str) -> None:
    response = ask(host="here", **asked)
    assert response.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    assert f"This server has no {named}" in response.error_response.error_message
    assert len(response.error_response.error_message) < 300
    assert response.original_request == reflection_pb2.ServerReflectionRequest(host="here", **asked)


def test_a_request_for_nothing_is_told_what_can_be_asked_for() -> None:
    error = ask().error_response
    assert error.error_code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    oneof = reflection_pb2.ServerReflectionRequest.DESCRIPTOR.oneofs_by_name["message_request"]
    assert all(field.name in error.error_message for field in oneof.fields)


@pytest.mark.parametrize("asked", [{"list_services": ""}, {"file_containing_symbol": "foldlog.v1.Money"}])
def test_the_host_and_the_request_are_told_back(asked: dict[str, Any]) -> None:
    response = ask(host="shop.example", **asked)
    assert response.valid_host == "shop.example"
    assert response.original_request == reflection_pb2.ServerReflectionRequest(host="shop.example", **asked)
