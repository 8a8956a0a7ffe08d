"""Finds rules of requests' fields that cannot be checked: when a server starts, not at the first request."""

import re
from collections.abc import Iterable, Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from foldlog.v1.options_pb2 import FORMAT_ID, FieldRules, Format, names_new, rules

_WHOLE_NUMBERS = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
    FieldDescriptor.CPPTYPE_DOUBLE,
    FieldDescriptor.CPPTYPE_FLOAT,
}
_AMOUNTS = {"foldlog.v1.Money", "google.protobuf.Duration", "google.protobuf.Timestamp"}
"""Messages that have a number of whole units, and of billionths of one."""


def problems(requests: Iterable[Descriptor]) -> Iterator[str]:
    """What is wrong with the rules of the requests' fields, and of all messages inside them."""
    ahead, seen = list(requests), set[str]()
    while ahead:
        message = ahead.pop(0)
        if message.full_name in seen:
            continue
        seen.add(message.full_name)
        for field in message.fields:
            if field.message_type is not None:
                ahead.append(field.message_type)
            if field.GetOptions().HasExtension(rules):
                yield from _field(field)


def name_problems(events: Iterable[Descriptor]) -> Iterator[str]:
    """What is wrong with the fields that say what is new with an event."""
    for event in events:
        for field in event.fields:
            if field.GetOptions().Extensions[names_new] and not _may_name(field):
                yield (
                    f"{field.full_name} has foldlog.v1.names_new, and holds no name. Give it to a string, or "
                    "to a message with a field of FORMAT_ID."
                )


def _may_name(field: FieldDescriptor) -> bool:
    inner = field.message_type
    if inner is None:
        return field.type == FieldDescriptor.TYPE_STRING
    return not inner.GetOptions().map_entry and any(
        one.GetOptions().Extensions[rules].format == FORMAT_ID for one in inner.fields
    )


def _field(field: FieldDescriptor) -> Iterator[str]:
    rule, value = field.GetOptions().Extensions[rules], _value_of(field)
    is_text = value.type == FieldDescriptor.TYPE_STRING
    for name, is_said in _of_texts(rule).items():
        if is_said and not is_text:
            yield f"{field.full_name} has the rule `{name}`, which is of strings. Remove it there."
    if rule.format and rule.format not in Format.values():
        yield f"{field.full_name} has a `format` {rule.format}, which this release does not know."
    if rule.max_items and not field.is_repeated:
        yield f"{field.full_name} has the rule `max_items`, which is of lists. Remove it there."
    yield from _pattern(field, rule)
    yield from _range(field, value, rule)


def _of_texts(rule: FieldRules) -> dict[str, bool]:
    return {"format": bool(rule.format), "pattern": bool(rule.pattern), "max_bytes": bool(rule.max_bytes)}


def _pattern(field: FieldDescriptor, rule: FieldRules) -> Iterator[str]:
    try:
        re.compile(rule.pattern)
    except re.error as error:
        yield f"{field.full_name} has the pattern {rule.pattern}, which is no regular expression: {error}."


def _range(field: FieldDescriptor, value: FieldDescriptor, rule: FieldRules) -> Iterator[str]:
    if not (rule.HasField("min") or rule.HasField("max")):
        return
    is_amount = value.message_type is not None and value.message_type.full_name in _AMOUNTS
    if not is_amount and (value.cpp_type not in _WHOLE_NUMBERS or value.enum_type is not None):
        yield (
            f"{field.full_name} has the rule `min` or `max`, which is of numbers, of Money and of times. "
            "Remove it there."
        )
    if rule.HasField("min") and rule.HasField("max") and rule.min > rule.max:
        yield f"{field.full_name} has a `min` {rule.min} above its `max` {rule.max}. Exchange them."


def _value_of(field: FieldDescriptor) -> FieldDescriptor:
    """The field that holds the values: of a map, its value field, to which the rules apply."""
    message = field.message_type
    return (
        message.fields_by_name["value"] if message is not None and message.GetOptions().map_entry else field
    )
