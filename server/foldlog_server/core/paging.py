"""Page tokens: where to go on, bound to the request, the documents as they are, and the log."""

from typing import Annotated, NamedTuple

from google.protobuf.message import Message
from msgspec import Meta

from foldlog_server.core import tokens
from foldlog_server.core.errors import InvalidRequest

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000

_NOT_BOUND = ("page_size", "page_token", "options")


class Cursor(NamedTuple):
    """The last row of a page."""

    made: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    """The row's place in the order of creation; what SQLite keeps as an integer, also in a forged token."""
    id: str


def page_size(asked: int) -> int:
    """The rows of a page: the default for 0, the maximum for anything larger."""
    return min(asked or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def make_token(cursor: Cursor, request: Message, scope: str) -> str:
    """A token that goes on after the cursor; `scope` names what the pages are pages of."""
    return tokens.make(_body(cursor), request, scope, apart_from=_NOT_BOUND)


def read_token(token: str, request: Message, scope: str) -> Cursor | None:
    """The cursor of a token, None for an empty one; raises `InvalidRequest` for one from elsewhere."""
    if not token:
        return None
    try:
        body = tokens.read(token, request, scope, apart_from=_NOT_BOUND)
        cursor = Cursor(int.from_bytes(body[:8], "big", signed=True), body[8:].decode())
    except ValueError:
        raise InvalidRequest.page_token() from None
    if _body(cursor) != body:  # forged: too short for a row
        raise InvalidRequest.page_token()
    return cursor


def _body(cursor: Cursor) -> bytes:
    return cursor.made.to_bytes(8, "big", signed=True) + cursor.id.encode()
