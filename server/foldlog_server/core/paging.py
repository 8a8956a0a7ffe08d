"""Page tokens: where to go on, bound to the request, the documents as they are, and the log."""

import base64
import binascii
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
    """The row's place in the order of creation."""
    id: str


def page_size(asked: int) -> int:
    """The rows of a page: the default for 0, the maximum for anything larger."""
    return min(asked or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def make_token(cursor: Cursor, request: Message, scope: str) -> str:
    """A token that goes on after the cursor; `scope` names what the pages are pages of."""
    body = cursor.made.to_bytes(8, "big") + cursor.id.encode()
    return base64.urlsafe_b64encode(_digest(body, request, scope) + body).decode().rstrip("=")


def read_token(token: str, request: Message, scope: str) -> Cursor | None:
    """The cursor of a token, None for an empty one; raises `InvalidRequest` for one from elsewhere."""
    if not token:
        return None
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise InvalidRequest.page_token() from None
    digest, body = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
    if len(body) < 8 or digest != _digest(body, request, scope):
        raise InvalidRequest.page_token()
    return Cursor(int.from_bytes(body[:8], "big"), body[8:].decode())


def _digest(body: bytes, request: Message, scope: str) -> bytes:
    bound: Any = type(request)()
    bound.CopyFrom(request)
    for name in _NOT_BOUND:
        bound.ClearField(name)
    head = f"{request.DESCRIPTOR.full_name}\n{scope}\n".encode()
    return hashlib.sha256(head + bound.SerializeToString(deterministic=True) + body).digest()[:_DIGEST_BYTES]
