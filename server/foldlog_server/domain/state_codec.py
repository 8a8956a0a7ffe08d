"""States as bytes, and their shape: what their bytes mean is told by their types alone.

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
    """The bytes of a state: named tuples, enums, mappings, sequences, text and numbers."""
    return msgspec.json.encode(state, enc_hook=_as_dict)


def decode(encoded: bytes, type_: type[State]) -> State:
    """The state again. Raises `msgspec.DecodeError` for what is not one."""
    return msgspec.json.decode(encoded, type=type_)


def shape_of(state: object) -> str:
    """The shape of a state's type; raises `TypeError` for one that snapshots cannot keep."""
    state_type: Any = type(state)
    return shape(state_type)


@cache
def shape(type_: Hashable) -> str:
    """Sixteen hexadecimal digits that change when names or types of fields do, or an enum's members."""
    described = msgspec.json.encode(_described(inspect.type_info(type_)))
    return hashlib.sha256(described).hexdigest()[:16]


def _described(type_: inspect.Type) -> object:
    match type_:
        case inspect.NamedTupleType(cls, fields):
            return [cls.__name__, [[field.name, _described(field.type)] for field in fields]]
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
            raise TypeError(f"A state holds a {type_}, which snapshots cannot keep. Make it of named tuples.")


def _as_dict(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"A state holds a {type(value).__name__}, which snapshots cannot keep.")
