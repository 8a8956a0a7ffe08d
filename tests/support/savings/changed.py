"""The proto of savings, changed here and there, in a pool of its own."""

from types import ModuleType
from typing import Any

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from foldlog.v1.options_pb2 import CommandRoute, FieldRules, QueryRoute
from foldlog.v1.options_pb2 import command as command_option
from foldlog.v1.options_pb2 import query as query_option
from foldlog.v1.options_pb2 import rules as rules_option
from tests.support import savings


class Changed:
    """The file, to be changed until it is asked for."""

    def __init__(self) -> None:
        self.proto = FileDescriptorProto()
        savings.imported().savings_pb2.DESCRIPTOR.CopyToProto(self.proto)

    def message(self, name: str) -> Any:
        return next(one for one in self.proto.message_type if one.name == name)

    def field(self, message: str, name: str) -> Any:
        return next(one for one in self.message(message).field if one.name == name)

    def method(self, name: str) -> Any:
        methods = [one for service in self.proto.service for one in service.method]
        return next(one for one in methods if one.name == name)

    def command(self, method: str) -> CommandRoute:
        route: CommandRoute = self.method(method).options.Extensions[command_option]
        return route

    def query(self, method: str) -> QueryRoute:
        route: QueryRoute = self.method(method).options.Extensions[query_option]
        return route

    def rules(self, message: str, field: str) -> FieldRules:
        rules: FieldRules = self.field(message, field).options.Extensions[rules_option]
        return rules

    def add(self, message: str, name: str, type_name: str = "", number: int = 99, **more: Any) -> Any:
        """A field more: a string, or a message of the type."""
        kind = FieldDescriptorProto.TYPE_MESSAGE if type_name else FieldDescriptorProto.TYPE_STRING
        field = {"name": name, "number": number, "label": 1, "type": kind} | more
        return self.message(message).field.add(**field, **({"type_name": type_name} if type_name else {}))

    def remove(self, message: str, field: str) -> None:
        self.message(message).field.remove(self.field(message, field))

    def built(self) -> FileDescriptor:
        pool = DescriptorPool()
        for needed in savings.imported().savings_pb2.DESCRIPTOR.dependencies:
            _add(pool, needed)
        pool.Add(self.proto)
        return pool.FindFileByName(self.proto.name)

    def module(self) -> ModuleType:
        """As generated code has it."""
        module: Any = ModuleType("savings_pb2")
        module.DESCRIPTOR = self.built()
        return module  # type: ignore[no-any-return]


def message(module: Any, name: str) -> type[Message]:
    """The class of a message in such a module."""
    return GetMessageClass(module.DESCRIPTOR.message_types_by_name[name])


def _add(pool: DescriptorPool, file: Any) -> None:
    for needed in file.dependencies:
        _add(pool, needed)
    copy = FileDescriptorProto()
    file.CopyToProto(copy)
    pool.Add(copy)
