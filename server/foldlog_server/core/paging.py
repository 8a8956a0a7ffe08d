"""Page tokens: where to go on, bound to the request, the documents as they are, and the log."""

import base64
import hashlib
from typing import Any, NamedTuple

from google.protobuf.message import Message

from foldlog_server.core.errors import InvalidRequest

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000

_DIGEST_BYTES = 16
_NOT_BOUND = ("page_size", "page_token", "options")


class Cursor(NamedTuple):
    """The last row of a page."""

    made: int
    """The row's place in the order of creation; what SQLite keeps as an integer, also in a forged token."""
    id: str


def page_size(asked: int) -> int:
    """The rows of a page: the default for 0, the maximum for anything larger."""
    return min(asked or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def make_token(cursor: Cursor, request: Message, scope: str) -> str:
    """A token that goes on after the cursor; `scope` names what the pages are pages of."""
    body = cursor.made.to_bytes(8, "big", signed=True) + cursor.id.encode()
    return base64.urlsafe_b64encode(_digest(body, request, scope) + body).decode().rstrip("=")


def read_token(token: str, request: Message, scope: str) -> Cursor | None:
    """The cursor of a token, None for an empty one; raises `InvalidRequest` for one from elsewhere."""
    if not token:
        return None
    try:
        cursor = _cursor(token)
    except ValueError:
        raise InvalidRequest.page_token() from None
    # Made again and compared as text: the decoder passes over junk, padding and idle bits.
    if make_token(cursor, request, scope) != token:
        raise InvalidRequest.page_token()
    return cursor


def _cursor(token: str) -> Cursor:
    body = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[_DIGEST_BYTES:]
    return Cursor(int.from_bytes(body[:8], "big", signed=True), body[8:].decode())


def _digest(body: bytes, request: Message, scope: str) -> bytes:
    bound: Any = type(request)()
    bound.CopyFrom(request)
    for name in _NOT_BOUND:
        bound.ClearField(name)
    head = f"{request.DESCRIPTOR.full_name}\n{scope}\n".encode()
    return hashlib.sha256(head + bound.SerializeToString(deterministic=True) + body).digest()[:_DIGEST_BYTES]
