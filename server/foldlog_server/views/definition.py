"""Derives from a view's definition what its files need: the indexed columns, and the generation's name."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeAlias, cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from foldlog.v1.options_pb2 import indexed
from foldlog_server.domain.view import AnyView
from foldlog_server.log.codec import Codec

ColumnValue: TypeAlias = str | int | None
"""A text, a number, nanoseconds since the epoch, or None if the field is not set."""


@dataclass(frozen=True, slots=True)
class IndexedColumn:
    """A field that documents can be filtered by."""

    name: str
    is_text: bool
    value: Callable[[Message], ColumnValue]


_LEAST, _MOST = -(2**63), 2**63 - 1

_NUMBERS = {
    FieldDescriptor.CPPTYPE_BOOL,
    FieldDescriptor.CPPTYPE_ENUM,
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
}


def nanoseconds(timestamp: Timestamp) -> int:
    """Nanoseconds since the epoch; before 1677 and after 2262 the nearest number that 64 bits hold."""
    return max(_LEAST, min(_MOST, timestamp.seconds * 1_000_000_000 + timestamp.nanos))


def indexed_columns(document: type[Message]) -> tuple[IndexedColumn, ...]:
    """A column for each field with the option `indexed`, in the order of the message.

    Raises `TypeError` for a field that no column can hold.
    """
    fields = cast(Descriptor, document.DESCRIPTOR).fields
    return tuple(_column(field) for field in fields if field.GetOptions().Extensions[indexed])


def _column(field: FieldDescriptor) -> IndexedColumn:
    is_text = field.type == FieldDescriptor.TYPE_STRING
    read: Callable[[Message], ColumnValue] = attrgetter(field.name)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:  # stored as a number
        read = _number_of(field.name)
    if _is_timestamp(field):
        read = _nanoseconds_of(field.name)
    elif field.is_repeated or not (is_text or field.cpp_type in _NUMBERS):
        raise TypeError(
            f"{field.full_name} cannot be indexed: expected one string, enum, bool, Timestamp "
            "or number of at most 63 bits."
        )
    return IndexedColumn(field.name, is_text, _if_set(field.name, read) if field.has_presence else read)


def _is_timestamp(field: FieldDescriptor) -> bool:
    message_type = field.message_type
    return message_type is not None and not field.is_repeated and message_type.full_name == _TIMESTAMP


_TIMESTAMP = Timestamp.DESCRIPTOR.full_name


def _nanoseconds_of(name: str) -> Callable[[Message], int]:
    return lambda message: nanoseconds(getattr(message, name))


def _number_of(name: str) -> Callable[[Message], int]:
    return lambda message: int(getattr(message, name))


def _if_set(name: str, read: Callable[[Message], ColumnValue]) -> Callable[[Message], ColumnValue]:
    return lambda message: read(message) if message.HasField(name) else None


FORMAT = 2
"""Version of the format in which a view is stored; 2 has checksums."""


def generation(view: AnyView) -> str:
    """Returns a short name of the definition. It changes with the view's revision, with the events that the
    view handles, with the shape of a document, with the further definition, and with the format."""
    digest = hashlib.sha256(f"{FORMAT}\n{view.name}\n{view.revision}\n".encode())
    digest.update("".join(f"{stored}\n" for stored in sorted(codec_of(view).stored)).encode())
    for collection, document in sorted(view.collections.items()):
        columns = ",".join(column.name for column in indexed_columns(document))
        digest.update(f"{collection}\n{columns}\n".encode())
        for shape in _shapes(cast(Descriptor, document.DESCRIPTOR)):
            digest.update(shape)
    digest.update(view.further_definition.encode())
    return digest.hexdigest()[:16]


def _shapes(document: Descriptor) -> Iterator[bytes]:
    """The definitions of a message and of all messages and enums inside it, in the order of their names."""
    found: dict[str, bytes] = {}
    ahead: list[Descriptor | EnumDescriptor] = [document]
    while ahead:
        descriptor = ahead.pop()
        if descriptor.full_name not in found:
            found[descriptor.full_name] = _definition(descriptor)
            if isinstance(descriptor, Descriptor):
                ahead += [t for field in descriptor.fields if (t := field.message_type or field.enum_type)]
    return (found[name] for name in sorted(found))


def _definition(descriptor: Descriptor | EnumDescriptor) -> bytes:
    if isinstance(descriptor, Descriptor):
        message = DescriptorProto()
        descriptor.CopyToProto(message)
        return message.SerializeToString(deterministic=True)
    enum = EnumDescriptorProto()
    descriptor.CopyToProto(enum)
    return enum.SerializeToString(deterministic=True)


def codec_of(*views: AnyView) -> Codec:
    """A codec that decodes the events of the views."""
    upcasters = dict.fromkeys(upcaster for view in views for upcaster in view.upcasters)
    return Codec((event for view in views for event in view.events), upcasters)
