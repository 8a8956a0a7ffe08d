"""A document and what belongs to it are answered together, at one position, a page of it at a time."""

from collections.abc import Iterator
from typing import Any

import pytest

import foldlog_client
from foldlog.v1.reads_pb2 import Freshness
from foldlog_server.queries.owned_list import compile_owned_list
from foldlog_server.views.read_model import Found, Page
from tests.support.savings.served import account, connected
from tests.support.savings.unfit import ours

pb: Any = ours.savings_pb2


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


class Moving:
    """Documents of a view that moves on between the owner and the list, once."""

    def __init__(self) -> None:
        self.positions = iter([1, 2])
        self.asked: list[int] = []

    def scope(self, collection: str) -> str:
        return collection

    def page_after(self, token: str, request: Any, scope: str) -> None:
        return None

    async def wait(self, collection: str, options: Any) -> None:
        pass

    def get(self, collection: str, id: str) -> Found:
        position = next(self.positions)
        self.asked.append(position)
        return Found(pb.Owner(name=id, accounts=position).SerializeToString(), position)

    async def page(self, collection: str, filters: Any, **_: Any) -> Page:
        return Page((), 2)

    async def freshness_of(self, collection: str, *answers: Found | Page) -> Freshness:
        assert {answer.position for answer in answers} == {2}
        return Freshness(position=2)


async def test_an_owner_and_what_belongs_to_it_are_of_one_position() -> None:
    reads: Any = Moving()
    service = pb.DESCRIPTOR.services_by_name["Reports"]
    answer = compile_owned_list(service.methods_by_name["GetOwner"], reads)
    reply = pb.GetOwnerReply.FromString(await answer(pb.GetOwnerRequest(name="Ada")))
    assert (reply.owner.accounts, reply.freshness.position) == (2, 2)
    assert reads.asked == [1, 2]
