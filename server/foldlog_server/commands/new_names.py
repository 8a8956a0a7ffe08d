"""A new name cannot be mistaken for another: what looks like nothing, or like something else, is refused.

Only where a thing is named for the first time. What was taken before can be asked for and acted upon.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from foldlog.v1.options_pb2 import FORMAT_ID, names_new, rules
from foldlog_server.errors import Violation

_Names = Callable[[Message], Iterable[str]]

# Unicode's Default_Ignorable_Code_Point, and two more that are shown as nothing: the marks of interlinear
# annotations, and the empty pattern of Braille. All of these are classes of regular expressions.
_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_BIDIRECTIONAL = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SEPARATOR = re.compile("[\u2028\u2029]")
_NONCHARACTER = re.compile(
    "[\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)
_BLANK = re.compile("[\u00a0\u2000-\u200a\u202f\u205f]")
"""Blanks that look like a space; the ideographic one and that of Ogham are characters of their scripts."""

# Persian and Indic scripts need joiners, Mongolian and Chinese variation selectors, emoji both, and tags:
# behind a character that is seen, and a joiner before one, too. Latin, Greek, Cyrillic and Armenian have no
# use for them. Elsewhere they are shown as nothing.
_SEEN = f"[^\x00-\u058f{_UNSEEN}]"
_MARKS = "[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef]"
_IN_PLACE = re.compile(f"({_SEEN}){_MARKS}*(?:[\u200c\u200d](?={_SEEN}))?")
_INVISIBLE = re.compile(f"[{_UNSEEN}]")

_CLEAR = re.compile(r"[ -~]*")
"""What almost every name is."""

_FORBIDDEN = (
    (_BIDIRECTIONAL, "bidirectional control characters"),
    (_SEPARATOR, "line or paragraph separators"),
    (_NONCHARACTER, "noncharacters"),
    (_BLANK, "blanks other than the space"),
)


def unclear(name: str) -> str:
    """Why a name can be taken for another, to follow on "a new name"; empty if it cannot."""
    if _CLEAR.fullmatch(name):
        return ""
    for characters, kind in _FORBIDDEN:
        if found := characters.search(name):
            return _must_not_hold(kind, found[0])
    if found := _INVISIBLE.search(_IN_PLACE.sub(r"\1", name)):
        return _must_not_hold("invisible characters", found[0])
    if not unicodedata.is_normalized("NFC", name):
        return "must be in Unicode's normalization form C (NFC)"
    return ""


def _must_not_hold(kind: str, character: str) -> str:
    return f"must not hold {kind}, such as U+{ord(character):04X}"


def named_by(events: Iterable[Message]) -> Iterator[str]:
    """The names of what is new with events, as `foldlog.v1.names_new` says it of their fields."""
    for event in events:
        for names in _new_in(event.DESCRIPTOR):
            yield from names(event)


def violations(command: Message, new: Iterable[str], prefix: str) -> list[Violation]:
    """The fields in which a command gave a new name that is unclear.

    A name that the command did not give, such as one put together of older names, is passed over. `prefix`
    is what stands before a field's path in the request.
    """
    why = {name: reason for name in new if (reason := unclear(name))}
    if not why:
        return []
    return [
        Violation(f"{prefix}{path}", "new_name", f"names something new, and such a name {why[name]}")
        for path, name in _ids(command)
        if name in why
    ]


def _ids(message: Message, path: str = "") -> Iterator[tuple[str, str]]:
    """Every identifier in a message, with its path."""
    for field, value in message.ListFields():
        for place, one in _values(field, value):
            if isinstance(one, Message):
                yield from _ids(one, f"{path}{field.name}{place}.")
            elif _is_id(field):
                yield f"{path}{field.name}{place}", one


def _values(field: FieldDescriptor, value: Any) -> Iterable[tuple[str, Any]]:
    if not field.is_repeated:
        return [("", value)]
    return [(f"[{index}]", one) for index, one in enumerate(value)]


@cache
def _new_in(event: Descriptor) -> Sequence[_Names]:
    return [_names_in(field) for field in event.fields if field.GetOptions().Extensions[names_new]]


def _names_in(field: FieldDescriptor) -> _Names:
    """Gives the names in a field of a message."""
    name = field.name
    if field.message_type is None:
        if field.is_repeated:
            return lambda message: tuple(getattr(message, name))
        return lambda message: (getattr(message, name),)
    inner = [_names_in(one) for one in field.message_type.fields if _is_id(one)]

    def of_one(message: Message) -> Iterator[str]:
        for names in inner:
            yield from names(message)

    if field.is_repeated:
        return lambda message: (name for one in getattr(message, field.name) for name in of_one(one))
    return lambda message: of_one(getattr(message, name))


def _is_id(field: FieldDescriptor) -> bool:
    return bool(field.GetOptions().Extensions[rules].format == FORMAT_ID)
