"""Finds which file defines a symbol or an extension, and which files it needs: pure, from descriptors."""

from collections.abc import Iterable, Iterator

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)


class Unknown(Exception):
    """The requested file, symbol or extension does not exist."""


class Index:
    """Indexes files by their names, and by the full names of everything that they define.

    protobuf's own pool does not find methods and enum values by their names (6.33), and cannot list its
    files.
    """

    def __init__(self, files: Iterable[FileDescriptorProto]) -> None:
        """The files that `files` import are indexed too."""
        self._files: dict[str, bytes] = {}
        self._imports: dict[str, list[str]] = {}
        self._symbols: dict[str, str] = {}
        self._extensions: dict[str, dict[int, str]] = {}
        for file in files:
            self._add(file)

    def __contains__(self, symbol: str) -> bool:
        return symbol.removeprefix(".") in self._symbols

    def file(self, name: str) -> list[bytes]:
        """Return the file, followed by the files it needs, each once; raises `Unknown`."""
        if name not in self._files:
            raise Unknown(f"file {name}")
        return [self._files[needed] for needed in self._needed(name)]

    def file_of_symbol(self, name: str) -> list[bytes]:
        """Like `file`, by the full name of anything that a file defines: see `symbols`. Raises `Unknown`."""
        if name not in self:
            raise Unknown(f"symbol {name}")
        return self.file(self._symbols[name.removeprefix(".")])

    def file_of_extension(self, message: str, number: int) -> list[bytes]:
        """Like `file`, by the extended message and the field's number; raises `Unknown`."""
        found = self._extensions.get(message.removeprefix("."), {}).get(number)
        if found is None:
            raise Unknown(f"extension {number} of {message}")
        return self.file(found)

    def extension_numbers(self, message: str) -> list[int]:
        """Return the numbers of all fields that extend a message, in order; raises `Unknown` if the message
        does not exist."""
        numbers = self._extensions.get(message.removeprefix("."))
        if numbers is None:
            raise Unknown(f"message {message}")
        return sorted(numbers)

    def _add(self, file: FileDescriptorProto) -> None:
        self._files[file.name] = file.SerializeToString()
        self._imports[file.name] = [*file.dependency]
        for symbol in symbols(file):
            self._symbols[symbol] = file.name
        for message, _ in _messages(file):
            self._extensions.setdefault(message, {})
        for extension in _extensions(file):
            of_message = self._extensions.setdefault(extension.extendee.removeprefix("."), {})
            of_message[extension.number] = file.name

    def _needed(self, name: str) -> list[str]:
        needed = [name]
        for one in needed:
            needed += [found for found in self._imports[one] if found not in needed]
        return needed


def with_imports(files: Iterable[FileDescriptor]) -> list[FileDescriptorProto]:
    """Return the files and all that they import, each once."""
    found: dict[str, FileDescriptor] = {}
    waiting = [*files]
    while waiting:
        file = waiting.pop()
        if file.name not in found:
            found[file.name] = file
            waiting += file.dependencies
    return [FileDescriptorProto.FromString(file.serialized_pb) for file in found.values()]


def with_json_names(file: FileDescriptorProto) -> FileDescriptorProto:
    """Return the file with the JSON names of its fields, as protoc passes them to its plugins.

    Python's generated code omits them, and grpcurl would print the proto names instead.
    """
    made = FileDescriptorProto.FromString(file.SerializeToString())
    for _, message in _messages(made):
        for field in message.field:
            if not field.json_name:
                first, *others = field.name.split("_")
                field.json_name = first + "".join(other[:1].upper() + other[1:] for other in others)
    return made


def renamed(file: FileDescriptorProto, name: str, package: str) -> FileDescriptorProto:
    """Return the same file under another name and in another package, with its types moved to that
    package."""
    former = f".{file.package}."
    made = FileDescriptorProto.FromString(file.SerializeToString())
    made.name, made.package = name, package
    fields = [field for message in made.message_type for field in message.field]
    for typed in (field for field in fields if field.type_name.startswith(former)):
        typed.type_name = f".{package}.{typed.type_name.removeprefix(former)}"
    for method in (method for service in made.service for method in service.method):
        method.input_type = f".{package}.{method.input_type.removeprefix(former)}"
        method.output_type = f".{package}.{method.output_type.removeprefix(former)}"
    return made


def symbols(file: FileDescriptorProto) -> Iterator[str]:
    """Return the full names of everything a file defines: messages, enums, services, and what is inside them.

    An enum value is listed beside its enum, as the language defines it, and inside it, as grpcurl prints it.
    """
    scope = f"{file.package}." if file.package else ""
    for name, message in _messages(file):
        yield name
        for field in (*message.field, *message.extension):
            yield f"{name}.{field.name}"
        for oneof in message.oneof_decl:
            yield f"{name}.{oneof.name}"
        yield from _of_enums(message.enum_type, f"{name}.")
    yield from _of_enums(file.enum_type, scope)
    for extension in file.extension:
        yield scope + extension.name
    for service in file.service:
        yield scope + service.name
        for method in service.method:
            yield f"{scope}{service.name}.{method.name}"


def _of_enums(enums: Iterable[EnumDescriptorProto], scope: str) -> Iterator[str]:
    for enum in enums:
        yield scope + enum.name
        for value in enum.value:
            yield scope + value.name
            yield f"{scope}{enum.name}.{value.name}"


def _messages(file: FileDescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
    """Return all messages, also nested ones, by their full names."""
    scope = f"{file.package}." if file.package else ""
    found = [(scope + message.name, message) for message in file.message_type]
    for name, message in found:
        yield name, message
        found += [(f"{name}.{nested.name}", nested) for nested in message.nested_type]


def _extensions(file: FileDescriptorProto) -> Iterator[FieldDescriptorProto]:
    yield from file.extension
    for _, message in _messages(file):
        yield from message.extension
