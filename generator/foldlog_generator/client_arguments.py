"""Turns the fields of messages into the arguments of methods."""

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

from foldlog.v1.options_pb2 import rules
from foldlog_generator.client_source import Parameter

F = FieldDescriptorProto
SCALARS = {
    F.TYPE_STRING: ("str", '""'),
    F.TYPE_BYTES: ("bytes", 'b""'),
    F.TYPE_BOOL: ("bool", "False"),
    F.TYPE_DOUBLE: ("float", "0.0"),
    F.TYPE_FLOAT: ("float", "0.0"),
}
TIMES = {
    ".google.protobuf.Timestamp": ("datetime.datetime", "as_timestamp"),
    ".google.protobuf.Duration": ("datetime.timedelta", "as_duration"),
}

BUILTIN_TYPES = frozenset({"bool", "bytes", "float", "int", "str"})
"""Types that the annotations of generated methods name."""


class Unsupported(Exception):
    """The protos contain something that cannot become an argument of a method."""


@dataclass(frozen=True, slots=True)
class Protos:
    """All messages, enums and comments of a request, by full name with a leading dot."""

    files: dict[str, FileDescriptorProto] = field(default_factory=dict)
    messages: dict[str, DescriptorProto] = field(default_factory=dict)
    enums: dict[str, EnumDescriptorProto] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    around: dict[str, str] = field(default_factory=dict)
    """The message in which a nested message or enum is declared."""

    def add(self, file: FileDescriptorProto) -> None:
        written = {tuple(at.path): at.leading_comments for at in file.source_code_info.location}
        package = f".{file.package}" if file.package else ""
        for index, message in enumerate(file.message_type):
            self._add_message(file, f"{package}.{message.name}", message, (4, index), written)
        for enum in file.enum_type:
            self._add_enum(file, f"{package}.{enum.name}", enum)
        for index, service in enumerate(file.service):
            name = f"{package}.{service.name}"
            self.comments[name] = one_line(written.get((6, index), ""))
            for place, method in enumerate(service.method):
                self.comments[f"{name}.{method.name}"] = one_line(written.get((6, index, 2, place), ""))

    def _add_message(
        self,
        file: FileDescriptorProto,
        name: str,
        message: DescriptorProto,
        path: tuple[int, ...],
        written: Mapping[tuple[int, ...], str],
    ) -> None:
        self.files[name], self.messages[name] = file, message
        for place, member in enumerate(message.field):
            self.comments[f"{name}.{member.name}"] = one_line(written.get((*path, 2, place), ""))
        for index, nested in enumerate(message.nested_type):
            self.around[f"{name}.{nested.name}"] = name
            self._add_message(file, f"{name}.{nested.name}", nested, (*path, 3, index), written)
        for enum in message.enum_type:
            self.around[f"{name}.{enum.name}"] = name
            self._add_enum(file, f"{name}.{enum.name}", enum)

    def _add_enum(self, file: FileDescriptorProto, name: str, enum: EnumDescriptorProto) -> None:
        self.files[name], self.enums[name] = file, enum


@dataclass(slots=True)
class Names:
    """The names that one generated module imports from the modules that protoc writes."""

    protos: Protos
    taken: set[str]
    local: dict[str, str] = field(default_factory=dict)

    def of(self, full_name: str) -> str:
        """Return the local name of a message or enum; of two with the same name, the second has its
        package in it."""
        around = self.protos.around.get(full_name)
        if around is not None:
            return f"{self.of(around)}.{full_name.rpartition('.')[2]}"
        if full_name not in self.local:
            short = full_name.rpartition(".")[2]
            self.local[full_name] = short if short not in self.taken else full_name[1:].replace(".", "_")
            self.taken.add(self.local[full_name])
        return self.local[full_name]

    def imports(self) -> Iterator[str]:
        by_module: dict[str, list[str]] = {}
        for full_name, local in self.local.items():
            short = full_name.rpartition(".")[2]
            imported = short if short == local else f"{short} as {local}"
            by_module.setdefault(module_of(self.protos.files[full_name].name), []).append(imported)
        for module, names in sorted(by_module.items()):
            yield f"from {module} import (\n" + "".join(f"    {name},\n" for name in sorted(names)) + ")"


def one_line(comment: str) -> str:
    return " ".join(comment.split()).replace("\\", "\\\\").replace('"""', "'''")


def module_of(file_name: str) -> str:
    return file_name.removesuffix(".proto").replace("/", ".") + "_pb2"


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def parameter(owner: str, member: FieldDescriptorProto, names: Names, *, of_command: bool) -> Parameter:
    """Return the argument that fills one field."""
    if member.HasField("oneof_index") and not member.proto3_optional:
        raise Unsupported(
            f"{owner[1:]}.{member.name} is one of a oneof; give the oneof a message of its own."
        )
    name = member.name
    if keyword.iskeyword(name) or name == "self":
        raise Unsupported(f"{owner[1:]}.{name} is a reserved word in Python; rename the field.")
    annotation, default, value = argument(member, name, names)
    number = annotation in ("int", "float")
    # A command's number has no default: nobody sends 0 by mistake.
    required = member.options.Extensions[rules].required or (of_command and number)
    return Parameter(
        name,
        annotation,
        None if required else default,
        value,
        names.protos.comments[f"{owner}.{member.name}"],
    )


def argument(member: FieldDescriptorProto, name: str, names: Names) -> tuple[str, str, str]:
    """Return the type of a field's argument, its default, and the expression that fills the message."""
    entry = names.protos.messages.get(member.type_name)
    if entry is not None and entry.options.map_entry:
        (of_key, _, _), (of_value, _, given) = (single(one, name, names) for one in entry.field)
        if given != name:
            raise Unsupported(f"{name} is a map of times; give each a message of your own around it.")
        return f"Mapping[{of_key}, {of_value}] | None", "None", name
    one, default, value = single(member, name, names)
    if member.label == F.LABEL_REPEATED:
        if value != name:
            raise Unsupported(f"{name} repeats times; give each a message of your own around it.")
        return f"Iterable[{one}]", "()", name
    if member.proto3_optional:
        return f"{one} | None", "None", value
    if member.type == F.TYPE_MESSAGE:
        required = member.options.Extensions[rules].required
        return (one if required else f"{one} | None"), "None", value
    return one, default, value


def single(member: FieldDescriptorProto, name: str, names: Names) -> tuple[str, str, str]:
    if member.type_name in TIMES:
        native, conversion = TIMES[member.type_name]
        return f"{native} | {names.of(member.type_name)}", "None", f"{conversion}({name})"
    if member.type == F.TYPE_MESSAGE:
        return names.of(member.type_name), "None", name
    if member.type == F.TYPE_ENUM:
        local = names.of(member.type_name)
        zero = names.protos.enums[member.type_name].value[0].name
        return f"{local}.ValueType", f"{local}.{zero}", name
    annotation, default = SCALARS.get(member.type, ("int", "0"))
    return annotation, default, name


def parameters(message: str, names: Names, *, of_command: bool = False) -> list[Parameter]:
    """Return the arguments for all fields of a message except `options`, in the order of the fields."""
    fields = names.protos.messages[message].field
    return [parameter(message, one, names, of_command=of_command) for one in fields if one.name != "options"]


LEFT_TO_THE_CLIENT = ("session_token",)
"""Options that the client fills in, and callers do not pass."""


def option_parameters(message: str, names: Names) -> list[Parameter]:
    """Return the arguments for a request's options, each documented by the first sentence of its field."""
    found = [one for one in parameters(message, names) if one.name not in LEFT_TO_THE_CLIENT]
    return [filled_by_client(replace(one, comment=re.split(r"(?<=\.) ", one.comment)[0])) for one in found]


def filled_by_client(one: Parameter) -> Parameter:
    """Return an argument; if the client fills in its option, the comment says so."""
    if one.name == "request_id":
        return replace(one, comment=f"{one.comment} If empty, the client makes one.")
    if one.name == "min_position":
        comment = f"{one.comment} If None: what the session did before."
        return replace(
            one, annotation="int | None", default="None", value="min_position or 0", comment=comment
        )
    return one


def type_of(message: DescriptorProto, name: str) -> str | None:
    return next((member.type_name for member in message.field if member.name == name), None)
