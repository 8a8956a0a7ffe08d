"""Page tokens: one text for one place, and nothing else is a token."""

import base64
import hashlib

import pytest

from foldlog.orders.v1.queries_pb2 import ListCurrentOrdersRequest
from foldlog_server.core.errors import InvalidRequest
from foldlog_server.core.paging import Cursor, make_token, read_token

REQUEST = ListCurrentOrdersRequest()
SCOPE = "the orders of a test"
CURSOR = Cursor(7, "1001")
TOKEN = make_token(CURSOR, REQUEST, SCOPE)


def refuse(token: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        read_token(token, REQUEST, SCOPE)
    assert raised.value.reason.name == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize("cursor", [CURSOR, Cursor(2**63 - 1, ""), Cursor(1, "ä" * 32)])
def test_a_token_says_where_to_go_on(cursor: Cursor) -> None:
    assert read_token(make_token(cursor, REQUEST, SCOPE), REQUEST, SCOPE) == cursor


def test_no_token_begins_at_the_beginning() -> None:
    assert read_token("", REQUEST, SCOPE) is None


@pytest.mark.parametrize("junk", ["!", " ", "\n", "%", "=", "====", "!!!!", "é", "\x00"])
@pytest.mark.parametrize("at", [0, 5, len(TOKEN)])
def test_junk_in_a_token_is_not_passed_over(junk: str, at: int) -> None:
    refuse(TOKEN[:at] + junk + TOKEN[at:])


def test_bits_that_say_nothing_are_not_passed_over() -> None:
    # 28 bytes are 37 characters and two bits of a 38th, whose other four are idle.
    assert len(TOKEN) == 38
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [TOKEN[:-1] + one for one in last if one != TOKEN[-1]]
    idle = [one for one in others if base64.urlsafe_b64decode(one + "==") == decoded(TOKEN)]
    assert len(idle) == 15
    for token in idle:
        refuse(token)


def test_the_other_alphabet_of_base64_is_none_of_a_token() -> None:
    cursor, token = next(
        (cursor, token)
        for cursor, token in ((one, make_token(one, REQUEST, SCOPE)) for one in cursors())
        if "-" in token and "_" in token
    )
    assert read_token(token, REQUEST, SCOPE) == cursor
    refuse(token.replace("-", "+").replace("_", "/"))


@pytest.mark.parametrize("body", [b"", bytes(7), bytes(8) + b"\xff", b"\xff" * 9])
def test_a_forged_token_that_names_no_row_is_refused(body: bytes) -> None:
    head = f"{REQUEST.DESCRIPTOR.full_name}\n{SCOPE}\n".encode()
    digest = hashlib.sha256(head + body).digest()[:16]
    refuse(base64.urlsafe_b64encode(digest + body).decode().rstrip("="))


def decoded(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def cursors() -> list[Cursor]:
    return [Cursor(number, "1001") for number in range(1000)]
