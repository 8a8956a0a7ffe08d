"""Page tokens: where the next page starts, bound to the request, the edition of the documents, and the
log."""

from typing import NamedTuple

from google.protobuf.message import Message

from foldlog_server.errors import InvalidRequest, Violation
from foldlog_server.log.lineage import NO_RUN, RUN_BYTES, Place
from foldlog_server.queries import tokens
from foldlog_server.views.read_model import Cursor

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000

_FORM = "2"
"""The form of a token's body; tokens of other forms are refused."""

_NOT_BOUND = ("page_size", "page_token", "options")


class PageEnd(NamedTuple):
    """Where a page ended, and in which history of the log it was read."""

    cursor: Cursor
    read_at: Place = Place(0, NO_RUN)


def page_size(asked: int) -> int:
    """Return the number of rows of a page: the default for 0, at most the maximum.

    Raises `InvalidRequest` for less than 0, which a domain's proto need not have a rule against.
    """
    if asked < 0:
        raise InvalidRequest.fields(
            [Violation("page_size", "range", f"is {asked:,}, and must be at least 0")]
        )
    return min(asked or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def make_token(end: PageEnd, request: Message, scope: str) -> str:
    """Return a token for the page after this end; `scope` names what the pages belong to."""
    return tokens.make(_body(end), request, f"{_FORM}\n{scope}", apart_from=_NOT_BOUND)


def read_token(token: str, request: Message, scope: str) -> PageEnd | None:
    """Return the end that a token holds, None for an empty one; raises `InvalidRequest` for one of
    another list."""
    if not token:
        return None
    try:
        body = tokens.read(token, request, f"{_FORM}\n{scope}", apart_from=_NOT_BOUND)
        made, position, run, id = body[:8], body[8:16], body[16:24], body[24:]
        cursor = Cursor(int.from_bytes(made, "big", signed=True), id.decode())
    except ValueError:
        raise InvalidRequest.page_token() from None
    end = PageEnd(cursor, Place(int.from_bytes(position, "big"), run))
    if len(run) < RUN_BYTES or _body(end) != body:  # forged: too short for a row
        raise InvalidRequest.page_token()
    return end


def _body(end: PageEnd) -> bytes:
    (made, id), (position, run) = end
    return made.to_bytes(8, "big", signed=True) + position.to_bytes(8, "big") + run + id.encode()
