"""Page tokens: one text for one place, and nothing else is a token."""

import base64
import hashlib

import pytest

from foldlog.orders.v1.queries_pb2 import ListCurrentOrdersRequest
from foldlog_server.errors import InvalidRequest
from foldlog_server.log.lineage import Place
from foldlog_server.queries.paging import PageEnd, make_token, read_token
from foldlog_server.views.read_model import Cursor

REQUEST = ListCurrentOrdersRequest()
SCOPE = "the orders of a test"
CURSOR = Cursor(7, "1001")
READ_AT = Place(12, b"the run!")
TOKEN = make_token(PageEnd(CURSOR, READ_AT), REQUEST, SCOPE)


def refuse(token: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        read_token(token, REQUEST, SCOPE)
    assert raised.value.reason.name == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize("cursor", [CURSOR, Cursor(2**63 - 1, ""), Cursor(1, "ä" * 32)])
def test_a_token_says_where_to_go_on(cursor: Cursor) -> None:
    end = PageEnd(cursor, READ_AT)
    assert read_token(make_token(end, REQUEST, SCOPE), REQUEST, SCOPE) == end


def test_no_token_begins_at_the_beginning() -> None:
    assert read_token("", REQUEST, SCOPE) is None


@pytest.mark.parametrize("junk", ["!", " ", "\n", "%", "=", "====", "!!!!", "é", "\x00"])
@pytest.mark.parametrize("at", [0, 5, len(TOKEN)])
def test_junk_in_a_token_is_not_passed_over(junk: str, at: int) -> None:
    refuse(TOKEN[:at] + junk + TOKEN[at:])


def test_bits_that_say_nothing_are_not_passed_over() -> None:
    # 44 bytes are 58 characters and four bits of a 59th, whose other two are idle.
    assert len(TOKEN) == 59
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [TOKEN[:-1] + one for one in last if one != TOKEN[-1]]
    idle = [one for one in others if base64.urlsafe_b64decode(one + "=") == decoded(TOKEN)]
    assert len(idle) == 3
    for token in idle:
        refuse(token)


def test_the_other_alphabet_of_base64_is_none_of_a_token() -> None:
    end, token = next(
        (end, token)
        for end, token in ((one, make_token(one, REQUEST, SCOPE)) for one in ends())
        if "-" in token and "_" in token
    )
    assert read_token(token, REQUEST, SCOPE) == end
    refuse(token.replace("-", "+").replace("_", "/"))


@pytest.mark.parametrize("body", [b"", bytes(23), bytes(24) + b"\xff", b"\xff" * 25])
def test_a_forged_token_that_names_no_row_is_refused(body: bytes) -> None:
    head = f"{REQUEST.DESCRIPTOR.full_name}\n2\n{SCOPE}\n".encode()
    digest = hashlib.sha256(head + body).digest()[:16]
    refuse(base64.urlsafe_b64encode(digest + body).decode().rstrip("="))


def decoded(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def ends() -> list[PageEnd]:
    return [PageEnd(Cursor(number, "1001"), READ_AT) for number in range(1000)]
