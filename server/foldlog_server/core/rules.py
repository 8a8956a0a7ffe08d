"""The rules that protos state for their fields, checked by one walk over a message's descriptor.

Beside the rules of `foldlog/v1/options.proto`, what the well-known types demand is checked: the value of an
enum must be known, the parts of a Money and of a Duration agree in sign, times are within their range.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from foldlog.v1.options_pb2 import FORMAT_ID, FORMAT_UUID, FieldRules, Format, rules
from foldlog_server.core.errors import Violation

Report = Callable[[str, str, str], None]
"""Takes the path of a field, the rule, and the description of a violation."""

Check = Callable[[Any, str, Report], None]
"""Checks a value at a path."""

_NANOS = 999_999_999
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # the years 1 to 9999
_LONGEST_SECONDS = 315_576_000_000  # 10,000 years, as google.protobuf.Duration says

# Control characters are those of Unicode's category Cc; blanks are what Unicode calls white space.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MAX_ID_BYTES = 64


def violations(message: Message) -> list[Violation]:
    """Every rule that the message breaks, in the order of its fields."""
    found: list[Violation] = []

    def report(path: str, rule: str, description: str) -> None:
        found.append(Violation(path, rule, description))

    _check_message(message, "", report)
    return found


def _check_message(message: Message, path: str, report: Report) -> None:
    prefix = f"{path}." if path else ""
    for name, check in _field_checks(message.DESCRIPTOR):
        check(message, prefix + name, report)
    special = _SPECIAL.get(message.DESCRIPTOR.full_name)
    if special is not None:
        special(message, path, report)


@cache
def _field_checks(descriptor: Descriptor) -> Sequence[tuple[str, Check]]:
    """What is to be checked of each field that has anything to check."""
    return [(field.name, check) for field in descriptor.fields if (check := _field_check(field)) is not None]


def _field_check(field: FieldDescriptor) -> Check | None:
    rule = field.GetOptions().Extensions[rules]
    value_checks = _value_checks(field, rule)
    if field.is_repeated:
        return _list_check(field.name, rule, value_checks)
    if field.message_type is None and not value_checks and not rule.required:
        return None
    if field.message_type is not None:
        return _message_field_check(field.name, rule, value_checks)
    return _scalar_field_check(field.name, rule, value_checks)


def _scalar_field_check(name: str, rule: FieldRules, checks: Sequence[Check]) -> Check:
    required = rule.required

    def check(message: Message, path: str, report: Report) -> None:
        value = getattr(message, name)
        if value:
            for value_check in checks:
                value_check(value, path, report)
        elif required:
            report(path, "required", "must be set")

    return check


def _message_field_check(name: str, rule: FieldRules, checks: Sequence[Check]) -> Check:
    required = rule.required

    def check(message: Message, path: str, report: Report) -> None:
        if message.HasField(name):
            value = getattr(message, name)
            for value_check in checks:
                value_check(value, path, report)
        elif required:
            report(path, "required", "must be set")

    return check


def _list_check(name: str, rule: FieldRules, checks: Sequence[Check]) -> Check:
    required, most = rule.required, rule.max_items

    def check(message: Message, path: str, report: Report) -> None:
        values = getattr(message, name)
        if required and not values:
            report(path, "required", "must have at least one element")
        if most and len(values) > most:
            report(path, "max_items", f"has {len(values):,} elements, and may have at most {most:,}")
            return
        for index, value in enumerate(values):
            for value_check in checks:
                value_check(value, f"{path}[{index}]", report)

    return check


def _value_checks(field: FieldDescriptor, rule: FieldRules) -> list[Check]:
    checks: list[Check] = []
    if field.message_type is not None:
        checks.append(_check_message)
        if rule.HasField("min") or rule.HasField("max"):
            checks.append(_amount_range(rule))
        return checks
    if field.enum_type is not None:
        checks.append(_known_value(field))
    if rule.max_bytes:
        checks.append(_max_bytes(rule.max_bytes))
    if rule.pattern:
        checks.append(_pattern(rule.pattern))
    if rule.format:
        checks.append(_FORMATS[rule.format])
    if rule.HasField("min") or rule.HasField("max"):
        checks.append(_range(rule))
    return checks


def _known_value(field: FieldDescriptor) -> Check:
    assert field.enum_type is not None
    names = {value.number: value.name for value in field.enum_type.values}

    def check(value: int, path: str, report: Report) -> None:
        if value not in names:
            report(path, "enum", f"is {value}, and must be one of {', '.join(names.values())}")

    return check


def _max_bytes(most: int) -> Check:
    def check(value: str, path: str, report: Report) -> None:
        # A character has at most four bytes, so most values need not be encoded to be measured.
        if len(value) * 4 > most and (size := len(value.encode())) > most:
            report(path, "max_bytes", f"has {size:,} bytes, and may have at most {most:,}")

    return check


def _pattern(pattern: str) -> Check:
    compiled = re.compile(pattern)

    def check(value: str, path: str, report: Report) -> None:
        if compiled.fullmatch(value) is None:
            report(path, "pattern", f"must match {pattern}")

    return check


def _range(rule: FieldRules) -> Check:
    least, most = _bounds(rule)

    def check(value: int, path: str, report: Report) -> None:
        if not (least is None or value >= least) or not (most is None or value <= most):
            report(path, "range", f"is {value:,}, and must be {_between(least, most)}")

    return check


def _amount_range(rule: FieldRules) -> Check:
    """A range of a message that counts units or seconds, and billionths of them."""
    least, most = _bounds(rule)

    def check(value: Message, path: str, report: Report) -> None:
        whole, nanos = _parts(value)
        if (least is not None and (whole, nanos) < (least, 0)) or (
            most is not None and (whole, nanos) > (most, 0)
        ):
            report(path, "range", f"must be {_between(least, most)}")

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


def _check_id(value: str, path: str, report: Report) -> None:
    if len(value) * 4 > _MAX_ID_BYTES and (size := len(value.encode())) > _MAX_ID_BYTES:
        report(path, "id", f"has {size:,} bytes, and may have at most {_MAX_ID_BYTES}")
    if value[:1].isspace() or value[-1:].isspace():
        report(path, "id", "must not begin or end with a blank")
    if _CONTROL.search(value):
        report(path, "id", "must not hold control characters")


def _check_uuid(value: str, path: str, report: Report) -> None:
    if _UUID.fullmatch(value) is None:
        report(path, "uuid", "must be a UUID, such as 01938f3e-7c5a-7000-8000-3f2a1b0c9d8e")


_FORMATS: dict[Format.ValueType, Check] = {FORMAT_ID: _check_id, FORMAT_UUID: _check_uuid}


def _check_signs(value: Any, path: str, report: Report) -> None:
    whole, nanos = _parts(value)
    if whole * nanos < 0:
        report(f"{path}.nanos" if path else "nanos", "sign", "must have the sign of the whole part")


def _check_duration(value: Any, path: str, report: Report) -> None:
    if abs(value.seconds) > _LONGEST_SECONDS or abs(value.nanos) > _NANOS:
        report(path, "range", "must be a valid duration of at most 10,000 years")
    _check_signs(value, path, report)


def _check_timestamp(value: Any, path: str, report: Report) -> None:
    if not _FIRST_SECOND <= value.seconds <= _LAST_SECOND or not 0 <= value.nanos <= _NANOS:
        report(path, "range", "must be a valid time of the years 1 to 9999")


_SPECIAL: dict[str, Check] = {
    "foldlog.v1.Money": _check_signs,
    "google.protobuf.Duration": _check_duration,
    "google.protobuf.Timestamp": _check_timestamp,
}
