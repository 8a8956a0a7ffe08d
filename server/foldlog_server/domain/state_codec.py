"""Encodes states as bytes, and hashes the shape of their types, on which the meaning of the bytes depends.

msgspec writes named tuples as JSON arrays, enums as their values, and numbers of any size in full.
"""

import hashlib
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec.json
from msgspec import inspect

State = TypeVar("State")


def encode(state: object) -> bytes:
    """Encode a state of named tuples, enums, mappings, sequences, text and numbers."""
    return msgspec.json.encode(state, enc_hook=_as_dict)


def decode(encoded: bytes, type_: type[State]) -> State:
    """Decode a state. Raises `msgspec.DecodeError` for bytes that are no state of the type."""
    return msgspec.json.decode(encoded, type=type_)


def shape_of(state: object) -> str:
    """The shape of a state's type; raises `TypeError` for one that a snapshot cannot hold."""
    state_type: Any = type(state)
    return shape(state_type)


@cache
def shape(type_: Hashable) -> str:
    """Sixteen hexadecimal digits that change with the names or types of fields, or the members of an enum."""
    described = msgspec.json.encode(_described(inspect.type_info(type_)))
    return hashlib.sha256(described).hexdigest()[:16]


def _described(type_: inspect.Type) -> object:
    match type_:
        case inspect.NamedTupleType(cls, fields):
            return [cls.__name__, [[field.name, _field(cls, field)] for field in fields]]
        case inspect.EnumType(cls):
            return [cls.__name__, [[member.name, member.value] for member in cls]]
        case inspect.DictType(key_type=key, value_type=value):
            return ["mapping", _described(key), _described(value)]
        case inspect.VarTupleType(item_type=item):
            return ["sequence", _described(item)]
        case inspect.UnionType(types):
            return ["union", [_described(one) for one in types]]
        case inspect.IntType() | inspect.StrType() | inspect.BoolType() | inspect.NoneType():
            return type(type_).__name__
        case _:
            raise TypeError(f"A state holds a {_name_of(type_)}, which snapshots cannot keep. {_ADVICE}")


_ADVICE = (
    "Use text, whole numbers, bools, enums, named tuples, tuple[X, ...], Mapping[str, X], and None where a "
    "value may be missing."
)


def _field(cls: type, field: inspect.Field) -> object:
    """The description of a field; what is wrong with its type names the field."""
    try:
        return _described(field.type)
    except TypeError as error:
        found = str(error).removeprefix("A state holds ")
        if found == str(error):
            raise
        raise TypeError(f"{cls.__name__}.{field.name} is {found}") from None


def _name_of(type_: inspect.Type) -> str:
    """A type as people write it, such as frozenset or Decimal."""
    if isinstance(type_, inspect.CustomType):
        cls: type = type_.cls
        return cls.__name__
    name = type(type_).__name__.removesuffix("Type").lower()
    return "value of any type" if name == "any" else name


def _as_dict(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"A state holds a {type(value).__name__}, which snapshots cannot keep.")
