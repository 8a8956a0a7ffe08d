"""A document and what belongs to it are answered together, at one position, a page of it at a time."""

from collections.abc import Iterator
from typing import Any

import pytest

import foldlog_client
from tests.support.savings.served import account, connected


@pytest.fixture
def client() -> Iterator[Any]:
    with connected() as client:
        yield client


def ids(reply: Any) -> list[str]:
    return [account.account_id for account in reply.accounts]


def test_the_owner_is_on_every_page_of_what_belongs_to_it(client: Any) -> None:
    mine = ["d", "b", "e", "a", "c"]  # in the order of ids, not in that in which they came to be
    for id in mine:
        client.savings.open(account_id=id, owner="Ada")
    account(client, 0, "Eve")
    for descending in (False, True):
        expected = sorted(mine, reverse=descending)
        found, token, sizes = list[str](), "", list[int]()
        while len(sizes) < 10:  # so that a defect fails and does not hang
            reply = client.savings.get_owner(
                name="Ada", owner="Ada", page_size=2, page_token=token, descending=descending
            )
            assert (reply.owner.name, reply.owner.accounts) == ("Ada", 5)
            assert reply.freshness.position == reply.freshness.head
            found += ids(reply)
            sizes.append(len(ids(reply)))
            token = reply.next_page_token
            if not token:
                break
        assert (found, sizes) == (expected, [2, 2, 1])
    assert ids(client.savings.get_owner(name="Ada", owner="Ada", page_size=5)) == sorted(mine)


def test_tokens_are_of_their_request(client: Any) -> None:
    for _ in range(3):
        account(client, 0, "Ada")
    account(client, 0, "Eve")
    token = client.savings.get_owner(name="Ada", owner="Ada", page_size=1).next_page_token
    for options in (
        {"name": "Eve", "owner": "Ada"},
        {"name": "Ada", "owner": "Eve"},
        {"name": "Ada", "owner": "Ada", "descending": True},
    ):
        with pytest.raises(foldlog_client.InvalidRequest) as refused:
            client.savings.get_owner(page_token=token, **options)
        assert refused.value.reason == "PAGE_TOKEN_INVALID"


def test_nobody_is_not_found_and_nothing_may_belong_to_somebody(client: Any) -> None:
    account(client, 0, "Ada")
    with pytest.raises(foldlog_client.NotFound) as refused:
        client.savings.get_owner(name="Bob")
    assert (refused.value.reason, refused.value.metadata) == ("OWNER_NOT_FOUND", {"name": "Bob"})
    reply = client.savings.get_owner(name="Ada", owner="nobody's")
    assert (reply.owner.accounts, ids(reply), reply.next_page_token) == (1, [], "")
