"""Checks the rules that protos state for their fields, with one walk over a message's descriptor.

It also checks what the types themselves require: the value of an enum is known, the parts of a Money and of a
Duration have the same sign, times are within their range.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from foldlog.v1.options_pb2 import (
    FORMAT_ID,
    FORMAT_POSITION_TOKEN,
    FORMAT_UUID,
    FieldRules,
    Format,
    rules,
)
from foldlog_server.errors import Violation
from foldlog_server.log.lineage import is_token

Broken = tuple[str, str, str]
"""A violation: its path relative to the checked value, the rule, and the description."""

Check = Callable[[Any], Sequence[Broken]]
"""Checks a value. Almost all values break no rule, so paths are only built for violations."""

_NANOS = 999_999_999
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # the years 1 to 9999
_LONGEST_SECONDS = 315_576_000_000  # 10,000 years, as google.protobuf.Duration says

# Control characters are those of Unicode's category Cc; blanks are what Unicode calls white space.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# The UUIDs of a field that was never filled in (RFC 9562, 5.9 and 5.10): different commands would share them.
_NOBODYS_UUIDS = {"-".join(digit * size for size in (8, 4, 4, 4, 12)) for digit in "0f"}
_MAX_ID_BYTES = 64
_PLAIN_ID = re.compile(rf"[!-~]{{1,{_MAX_ID_BYTES}}}")
"""The form of almost every id, ASCII without blanks: it makes the check of each rule unnecessary."""


class _FieldCheck(NamedTuple):
    """The check of a field that is set, and whether it must be set."""

    path: str
    check: Check
    is_required: bool
    place: int
    """In the message."""


class _MessageRules(NamedTuple):
    """The checks of a message."""

    fields: Mapping[FieldDescriptor, _FieldCheck]
    required: int
    """The number of fields that must be set."""
    whole: Check | None


def violations(message: Message) -> list[Violation]:
    """Return every rule that the message violates, in the order of its fields."""
    return [Violation(path.removeprefix("."), rule, text) for path, rule, text in _check_message(message)]


def _check_message(message: Message) -> Sequence[Broken]:
    """Check only the fields that are set: in most messages they are few."""
    fields, missing, whole = _rules_of(message.DESCRIPTOR)
    found: list[tuple[_FieldCheck, Sequence[Broken]]] = []
    for field, value in message.ListFields():
        of_field = fields.get(field)
        if of_field is not None:
            _, check, is_required, _ = of_field
            missing -= is_required
            if broken := check(value):
                found.append((of_field, broken))
    if missing:
        present = [field for field, _ in message.ListFields()]
        found += [
            (of_field, _MISSING_LIST if field.is_repeated else _MISSING)
            for field, of_field in fields.items()
            if of_field.is_required and field not in present
        ]
        found.sort(key=lambda one: one[0].place)
    of_whole = () if whole is None else whole(message)
    if not found and not of_whole:
        return ()
    return [
        *((of_field.path + path, rule, text) for of_field, broken in found for path, rule, text in broken),
        *of_whole,
    ]


@cache
def _rules_of(descriptor: Descriptor) -> _MessageRules:
    fields = {field: check for field in descriptor.fields if (check := _field_check(field)) is not None}
    required = sum(check.is_required for check in fields.values())
    return _MessageRules(fields, required, _SPECIAL.get(descriptor.full_name))


def _field_check(field: FieldDescriptor) -> _FieldCheck | None:
    rule = field.GetOptions().Extensions[rules]
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        check = _map_check(_all_of(_value_checks(field.message_type.fields_by_name["value"], rule)))
    else:
        check = _all_of(_value_checks(field, rule))
        if field.is_repeated:
            check = _list_check(rule, check)
    if check is _nothing and not rule.required:
        return None
    return _FieldCheck(f".{field.name}", check, rule.required, field.index)


def _nothing(_: object) -> Sequence[Broken]:
    return ()


def _all_of(checks: Sequence[Check]) -> Check:
    match checks:
        case []:
            return _nothing
        case [check]:
            return check
        case [first, second]:
            return lambda value: [*first(value), *second(value)]
        case _:
            return lambda value: [broken for check in checks for broken in check(value)]


_MISSING: Sequence[Broken] = [("", "required", "must be set")]
_MISSING_LIST: Sequence[Broken] = [("", "required", "must have at least one element")]


def _list_check(rule: FieldRules, check_value: Check) -> Check:
    most = rule.max_items

    def check(values: Sequence[Any]) -> Sequence[Broken]:
        if most and len(values) > most:
            return [("", "max_items", f"has {len(values):,} elements, and may have at most {most:,}")]
        return [
            (f"[{index}]{path}", rule, text)
            for index, value in enumerate(values)
            for path, rule, text in check_value(value)
        ]

    return check


def _map_check(check_value: Check) -> Check:
    def check(values: Mapping[Any, Any]) -> Sequence[Broken]:
        return [
            (f"[{key}]{path}", rule, text)
            for key, value in sorted(values.items())
            for path, rule, text in check_value(value)
        ]

    return check


def _value_checks(field: FieldDescriptor, rule: FieldRules) -> list[Check]:
    has_range = rule.HasField("min") or rule.HasField("max")
    if field.message_type is not None:
        return [_check_message, _amount_range(rule)] if has_range else [_check_message]
    checks: list[Check] = []
    if field.enum_type is not None:
        checks.append(_known_value(field.enum_type))
    if rule.max_bytes:
        checks.append(_max_bytes(rule.max_bytes))
    if rule.pattern:
        checks.append(_pattern(rule.pattern))
    if rule.format:
        checks.append(_FORMATS[rule.format])
    if has_range:
        checks.append(_range(rule))
    return checks


def _known_value(enum: EnumDescriptor) -> Check:
    names = {value.number: value.name for value in enum.values}

    def check(value: int) -> Sequence[Broken]:
        if value in names:
            return ()
        return [("", "enum", f"is {value}, and must be one of {', '.join(names.values())}")]

    return check


def _max_bytes(most: int) -> Check:
    def check(value: str) -> Sequence[Broken]:
        # A character has at most four bytes, so short texts need not be encoded to be measured.
        if len(value) * 4 <= most or (size := len(value.encode())) <= most:
            return ()
        return [("", "max_bytes", f"has {size:,} bytes, and may have at most {most:,}")]

    return check


def _pattern(pattern: str) -> Check:
    matches = re.compile(pattern).fullmatch

    def check(value: str) -> Sequence[Broken]:
        return () if matches(value) else [("", "pattern", f"must match {pattern}")]

    return check


def _range(rule: FieldRules) -> Check:
    least, most = _bounds(rule)

    def check(value: int) -> Sequence[Broken]:
        if (least is None or value >= least) and (most is None or value <= most):
            return ()
        return [("", "range", f"is {value:,}, and must be {_between(least, most)}")]

    return check


def _amount_range(rule: FieldRules) -> Check:
    """Return the check of a range of a message with units or seconds, and billionths of them."""
    least, most = _bounds(rule)

    def check(value: Message) -> Sequence[Broken]:
        amount = _parts(value)
        if (least is None or amount >= (least, 0)) and (most is None or amount <= (most, 0)):
            return ()
        return [("", "range", f"must be {_between(least, most)}")]

    return check


def _bounds(rule: FieldRules) -> tuple[int | None, int | None]:
    return (
        rule.min if rule.HasField("min") else None,
        rule.max if rule.HasField("max") else None,
    )


def _between(least: int | None, most: int | None) -> str:
    if most is None:
        return f"at least {least:,}"
    if least is None:
        return f"at most {most:,}"
    return f"from {least:,} to {most:,}"


def _parts(value: Any) -> tuple[int, int]:
    whole = value.units if value.DESCRIPTOR.full_name == "foldlog.v1.Money" else value.seconds
    return whole, value.nanos


def _check_id(value: str) -> Sequence[Broken]:
    if _PLAIN_ID.fullmatch(value):
        return ()
    if not value:  # only in a list: a single field that is empty is not checked
        return [("", "id", "must not be empty")]
    broken: list[Broken] = []
    if (size := len(value.encode())) > _MAX_ID_BYTES:
        broken.append(("", "id", f"has {size:,} bytes, and may have at most {_MAX_ID_BYTES}"))
    if value[0].isspace() or value[-1].isspace():
        broken.append(("", "id", "must not begin or end with a blank"))
    if _CONTROL.search(value):
        broken.append(("", "id", "must not hold control characters"))
    return broken


def _check_uuid(value: str) -> Sequence[Broken]:
    if not _UUID.fullmatch(value):
        return [("", "uuid", "must be a UUID, such as 01938f3e-7c5a-7000-8000-3f2a1b0c9d8e")]
    if value.lower() in _NOBODYS_UUIDS:
        return [("", "uuid", "must be a UUID that was made, and not the nil or the max UUID")]
    return ()


def _check_position_token(value: str) -> Sequence[Broken]:
    if is_token(value):
        return ()
    return [("", "position_token", "must be a token of a position as it was given out, unchanged")]


_FORMATS: dict[Format.ValueType, Check] = {
    FORMAT_ID: _check_id,
    FORMAT_UUID: _check_uuid,
    FORMAT_POSITION_TOKEN: _check_position_token,
}


def _check_signs(value: Any) -> Sequence[Broken]:
    whole, nanos = _parts(value)
    if whole * nanos >= 0:
        return ()
    return [(".nanos", "sign", "must have the sign of the whole part")]


def _check_duration(value: Any) -> Sequence[Broken]:
    if abs(value.seconds) > _LONGEST_SECONDS or abs(value.nanos) > _NANOS:
        return [("", "range", "must be a valid duration of at most 10,000 years")]
    return _check_signs(value)


def _check_timestamp(value: Any) -> Sequence[Broken]:
    if _FIRST_SECOND <= value.seconds <= _LAST_SECOND and 0 <= value.nanos <= _NANOS:
        return ()
    return [("", "range", "must be a valid time of the years 1 to 9999")]


_SPECIAL: dict[str, Check] = {
    "foldlog.v1.Money": _check_signs,
    "google.protobuf.Duration": _check_duration,
    "google.protobuf.Timestamp": _check_timestamp,
}
