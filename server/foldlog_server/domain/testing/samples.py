"""Makes sample messages from their protos alone: a minimal one that keeps the rules of its fields, and
one with every field set."""

from typing import Any, TypeVar, cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from foldlog.v1.options_pb2 import FORMAT_UUID, FieldRules, rules

Made = TypeVar("Made", bound=Message)

_UUID = "01938f3e-7c5a-7000-8000-3f2a1b0c9d8e"
_DEEPEST = 4
"""Messages within messages that are filled: a message may hold itself."""
_AMOUNTS = ("foldlog.v1.Money", "google.protobuf.Duration")


def least(message: type[Made]) -> Made:
    """A message that has only the fields that its rules require."""
    made = message()
    _fill(made, least_only=True, depth=0)
    return made


def filled(message: type[Made]) -> Made:
    """A message with every field set, of a `oneof` the last, each list with one element."""
    made = message()
    _fill(made, least_only=False, depth=0)
    return made


def _fill(message: Message, *, least_only: bool, depth: int) -> None:
    for field in cast(Descriptor, message.DESCRIPTOR).fields:
        rule = field.GetOptions().Extensions[rules]
        if least_only and not (rule.required or (rule.HasField("min") and rule.min > 0)):
            continue
        if depth < _DEEPEST:
            _set(message, field, rule, least_only=least_only, depth=depth)


def _set(message: Message, field: FieldDescriptor, rule: FieldRules, *, least_only: bool, depth: int) -> None:
    inner = field.message_type
    if inner is None:
        value = _value(field, rule)
        if field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
        return
    if inner.GetOptions().map_entry:
        _set_entry(getattr(message, field.name), inner, least_only=least_only, depth=depth)
        return
    made = GetMessageClass(inner)()
    _fill(made, least_only=least_only, depth=depth + 1)
    if rule.HasField("min") and rule.min > 0 and inner.full_name in _AMOUNTS:
        setattr(made, "units" if inner.full_name == _AMOUNTS[0] else "seconds", rule.min)
    if field.is_repeated:
        getattr(message, field.name).append(made)
    else:
        getattr(message, field.name).CopyFrom(made)


def _set_entry(entries: Any, entry: Descriptor, *, least_only: bool, depth: int) -> None:
    nothing = FieldRules()
    key, value = (entry.fields_by_name[name] for name in ("key", "value"))
    if value.message_type is None:
        entries[_value(key, nothing)] = _value(value, nothing)
    else:
        _fill(entries[_value(key, nothing)], least_only=least_only, depth=depth + 1)


def _value(field: FieldDescriptor, rule: FieldRules) -> object:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            return b"1"
        case FieldDescriptor.CPPTYPE_STRING:
            return _UUID if rule.format == FORMAT_UUID else "1"
        case FieldDescriptor.CPPTYPE_BOOL:
            return True
        case FieldDescriptor.CPPTYPE_ENUM:
            return cast(EnumDescriptor, field.enum_type).values[-1].number
        case _:
            return max(rule.min, 1)
