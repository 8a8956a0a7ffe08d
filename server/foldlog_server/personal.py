"""Keeps personal data out of the server's log at its usual level."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from foldlog.v1.options_pb2 import personal
from foldlog_server.errors import FoldlogError, StoreError

_WITH_TEXTS_OF_THEIR_OWN = ("aiosqlite", "foldlog_server", "grpc", "sqlite3")


def values(message: Message) -> Iterator[str]:
    """The values of a message's fields that are marked `foldlog.v1.personal`, as text."""
    for field, value in message.ListFields():
        for one in _elements(field, value):
            if field.GetOptions().Extensions[personal]:
                yield from _texts(one)
            elif isinstance(one, Message):
                yield from values(one)


def _texts(value: Any) -> Iterator[str]:
    if not isinstance(value, Message):
        yield str(value)
        return
    for field, inner in value.ListFields():
        for one in _elements(field, inner):
            yield from _texts(one)


def _elements(field: FieldDescriptor, value: Any) -> Iterable[Any]:
    """The values of a field; of a map, its keys and its values."""
    if not field.is_repeated:
        return (value,)
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    return chain(value, value.values()) if is_map else value


def described(error: BaseException) -> str:
    """An error for the log: its class, and its text unless that may quote what somebody has stored.

    The texts of errors of the system, the database and this program are logged; a KeyError of a domain would
    quote the key, and a refusal the id that was asked for.
    """
    return type(error).__name__ + (f": {error}" if _may_be_logged(error) and str(error) else "")


def _may_be_logged(error: BaseException) -> bool:
    if isinstance(error, FoldlogError):
        return isinstance(error, StoreError)
    origin = type(error).__module__.partition(".")[0]
    return isinstance(error, OSError) or origin in _WITH_TEXTS_OF_THEIR_OWN
