"""A history is the events of one stream, in pages both ways, as they were stored."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

import foldlog_client
from foldlog.v1.reads_pb2 import WHEN_BEHIND_ANSWER
from tests.support.savings.served import account, connected

MOST = 10
"""Pages, so that a defect fails and does not hang."""


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with connected() as client:
        yield client


def versions(reply: Any) -> list[int]:
    return [entry.event.version for entry in reply.entries]


def pages(client: Any, id: str, **options: Any) -> Sequence[list[int]]:
    found, token = list[list[int]](), ""
    while len(found) < MOST:
        reply = client.savings.get_history(account_id=id, page_token=token, **options)
        found.append(versions(reply))
        token = reply.next_page_token
        if not token:
            break
    return found


def test_a_history_has_every_event_in_order_as_it_was_stored(client: Any) -> None:
    id, other = account(client, 2), account(client, 1)
    client.savings.deposit(account_id=id, cents=9)
    entries = client.savings.get_history(account_id=id).entries
    stored = list(client.events.read_stream(f"account-{id}"))
    assert [entry.event for entry in entries] == stored
    assert [entry.event.type.rpartition(".")[2] for entry in entries] == ["Opened", *["Deposited"] * 3]
    assert [event.version for event in stored] == [1, 2, 3, 4]
    assert other


@pytest.mark.parametrize(
    ("size", "forwards"),
    [
        (1, [[1], [2], [3], [4]]),
        (2, [[1, 2], [3, 4]]),
        (3, [[1, 2, 3], [4]]),
        (4, [[1, 2, 3, 4]]),
        (0, [[1, 2, 3, 4]]),
        (1000, [[1, 2, 3, 4]]),
    ],
)
def test_it_is_paged_both_ways_without_an_empty_page(
    client: Any, size: int, forwards: list[list[int]]
) -> None:
    id = account(client, 3)
    assert pages(client, id, page_size=size) == forwards
    backwards = [[5 - version for version in page] for page in forwards]
    assert pages(client, id, page_size=size, descending=True) == backwards


def test_a_page_goes_on_with_what_came_meanwhile(client: Any) -> None:
    id = account(client, 1)
    first = client.savings.get_history(account_id=id, page_size=1)
    back = client.savings.get_history(account_id=id, page_size=1, descending=True)
    client.savings.deposit(account_id=id, cents=7)
    again = client.savings.get_history(account_id=id, page_token=first.next_page_token)
    assert versions(again) == [2, 3]
    assert versions(
        client.savings.get_history(account_id=id, page_token=back.next_page_token, descending=True)
    ) == [1]


def test_a_token_is_of_its_request_alone(client: Any) -> None:
    id, other = account(client, 3), account(client, 3)
    token = client.savings.get_history(account_id=id, page_size=2).next_page_token
    assert versions(client.savings.get_history(account_id=id, page_size=1, page_token=token)) == [3]
    forged = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    calls: Sequence[Any] = (
        lambda: client.savings.get_history(account_id=other, page_token=token),
        lambda: client.savings.get_history(account_id=id, page_token=token, descending=True),
        lambda: client.savings.get_steps(account_id=id, page_token=forged),
        lambda: client.savings.get_history(account_id=id, page_token=forged),
        lambda: client.savings.get_history(account_id=id, page_token="x"),
        lambda: client.savings.list_accounts(page_token=token),
    )
    for call in calls:
        with pytest.raises(foldlog_client.InvalidRequest) as refused:
            call()
        assert refused.value.reason == "PAGE_TOKEN_INVALID"


def test_a_page_size_below_nothing_is_refused_also_where_no_rule_says_so(client: Any) -> None:
    with pytest.raises(foldlog_client.InvalidRequest) as refused:
        client.savings.get_history(account_id="1", page_size=-1)
    assert refused.value.reason == "INVALID_FIELDS"


def test_entries_have_tokens_of_their_positions_where_there_is_a_field(client: Any) -> None:
    id = account(client, 1)
    entries = client.savings.get_history(account_id=id).entries
    assert all(entry.token for entry in entries)
    assert len({entry.token for entry in entries}) == 2
    for entry in entries:
        reply = client.savings.get_history(account_id=id, min_position_token=entry.token)
        assert reply.freshness.position >= entry.event.position


def test_another_form_of_the_answer_has_the_same(client: Any) -> None:
    id = account(client, 2)
    steps, token = [], ""
    for _ in range(MOST):
        reply = client.savings.get_steps(account_id=id, page_size=2, page_token=token)
        steps += list(reply.steps)
        token = reply.next_page_token
        if not token:
            break
    assert [step.event for step in steps] == [
        entry.event for entry in client.savings.get_history(account_id=id).entries
    ]


def test_it_is_never_behind(client: Any) -> None:
    id = account(client, 0)
    position = client.savings.deposit(account_id=id, cents=1).result.position
    reply = client.savings.get_history(account_id=id, min_position=position, when_behind=WHEN_BEHIND_ANSWER)
    assert reply.freshness.position == reply.freshness.head == position
    assert (reply.freshness.lag_events, reply.freshness.incomplete) == (0, False)
    account(client, 0)  # the answer has seen that, too, and lacks nothing of it
    later = client.savings.get_history(account_id=id, page_size=1).freshness
    assert later.position == later.head == position + 1
    with pytest.raises(foldlog_client.BeyondHead) as refused:
        client.savings.get_history(account_id=id, min_position=position + 2)
    assert refused.value.reason == "POSITION_BEYOND_HEAD"


def test_what_does_not_exist_is_not_found(client: Any) -> None:
    account(client, 0)
    for options in ({}, {"descending": True}, {"page_size": 1}):
        with pytest.raises(foldlog_client.NotFound) as refused:
            client.savings.get_history(account_id="nobody", **options)
        assert (refused.value.reason, refused.value.metadata) == (
            "ACCOUNT_NOT_FOUND",
            {"account_id": "nobody"},
        )


def test_what_is_closed_still_has_a_history(client: Any) -> None:
    id = account(client, 0)
    client.savings.close(account_id=id)
    assert versions(client.savings.get_history(account_id=id, descending=True)) == [2, 1]
