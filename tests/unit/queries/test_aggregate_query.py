"""An aggregate is answered as commands see it, and as it was at any version, position or time."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

import foldlog_client
from foldlog.v1.reads_pb2 import AsOf, Freshness
from foldlog_server.commands.pending_command import StreamState
from foldlog_server.queries.aggregate_query import compile_aggregate_query
from tests.support.savings.served import account, connected
from tests.support.savings.unfit import ours

pb: Any = ours.savings_pb2


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with connected() as client:
        yield client


def test_the_latest_is_what_the_last_command_has_made(client: Any) -> None:
    id = account(client, 0)
    for cents in range(1, 6):
        made = client.savings.deposit(account_id=id, cents=cents)
        reply = client.savings.get_latest(account_id=id)
        assert reply.account == made.account
        assert reply.freshness.position == reply.freshness.head == made.result.position
        assert reply.freshness.lag_events == 0


def test_it_is_what_a_view_answers_that_has_seen_everything(client: Any) -> None:
    id = account(client, 3, "Zoë")
    seen = client.savings.get_account(account_id=id, latest=True).account
    assert seen == client.savings.get_latest(account_id=id).account
    assert (seen.owner, seen.cents) == ("Zoë", 6)


@pytest.mark.parametrize("version", [1, 2, 4])
def test_a_past_version_is_what_its_command_answered(client: Any, version: int) -> None:
    id = account(client, 3)
    as_of = AsOf(version=version)
    expected = sum(range(1, version))
    for ask in (client.savings.get_latest, client.savings.get_account):
        reply = ask(account_id=id, as_of=as_of)
        assert (reply.account.account_id, reply.account.cents) == (id, expected)
        assert reply.freshness.position == reply.freshness.head


def test_a_past_position_or_time_may_be_before_it_existed(client: Any) -> None:
    first, second = account(client, 1), account(client, 0)
    position = client.savings.get_history(account_id=first).entries[-1].event.position
    assert client.savings.get_latest(account_id=first, as_of=AsOf(position=position)).account.cents == 1
    for as_of in (AsOf(position=position), AsOf(time=Timestamp(seconds=1))):
        with pytest.raises(foldlog_client.NotFound) as refused:
            client.savings.get_latest(account_id=second, as_of=as_of)
        assert refused.value.reason == "ACCOUNT_NOT_FOUND"
        assert "There was then no account" in str(refused.value)


def test_what_is_not_shown_is_not_found_and_its_past_is(client: Any) -> None:
    id = account(client, 0)
    client.savings.close(account_id=id)
    with pytest.raises(foldlog_client.NotFound) as refused:
        client.savings.get_latest(account_id=id)
    assert "There is no account" in str(refused.value)
    with pytest.raises(foldlog_client.NotFound):
        client.savings.get_latest(account_id=id, as_of=AsOf(version=2))
    assert client.savings.get_latest(account_id=id, as_of=AsOf(version=1)).account.owner == "Ada"


def test_what_lies_beyond_the_end_is_out_of_range(client: Any) -> None:
    id = account(client, 1)
    head = client.events.head().position
    for options, reason in (
        ({"as_of": AsOf(version=3)}, "VERSION_BEYOND_END"),
        ({"as_of": AsOf(position=head + 1)}, "POSITION_BEYOND_HEAD"),
        ({"min_position": head + 1}, "POSITION_BEYOND_HEAD"),
        ({"as_of": AsOf(version=1), "min_position": head + 1}, "POSITION_BEYOND_HEAD"),
    ):
        with pytest.raises(foldlog_client.BeyondHead) as refused:
            client.savings.get_latest(account_id=id, **options)
        assert refused.value.reason == reason


def test_a_past_that_is_not_said_is_refused(client: Any) -> None:
    with pytest.raises(foldlog_client.InvalidRequest) as refused:
        client.savings.get_latest(account_id=account(client, 0), as_of=AsOf())
    assert refused.value.reason == "INVALID_FIELDS"


def test_another_log_is_refused(client: Any) -> None:
    with pytest.raises(foldlog_client.LogReplaced) as refused:
        client.savings.get_latest(account_id=account(client, 0), log_id="another")
    assert refused.value.reason == "LOG_REPLACED"


def test_a_view_of_the_latest_states_answers_none_of_them_however_it_is_asked(client: Any) -> None:
    """Messages are equal only if neither has fields that the other does not know."""
    id = account(client, 3, "Solo")
    shown = client.savings.deposit(account_id=id, cents=1).account
    assert client.savings.get_account(account_id=id).account == shown
    assert list(client.savings.list_accounts(owner="Solo").accounts) == [shown]
    assert list(client.savings.list_accounts(owner="Solo", at_least=7).accounts) == [shown]
    assert list(client.savings.list_accounts(owner="Solo", at_least=8).accounts) == []
    for watch in (
        client.savings.watch_accounts(owner="Solo"),
        client.savings.watch_account(account_ids=[id]),
    ):
        with watch as messages:
            assert list(next(messages).puts) == [shown]
            later = client.savings.deposit(account_id=id, cents=1).account
            while not (puts := list(next(messages).puts)):
                continue
            assert puts == [later]
            shown = later


async def test_the_answer_has_seen_what_was_stored_while_it_was_read() -> None:
    """A command may be stored between the look at the head and the state: freshness counts it."""

    async def latest(stream: str, decider: Any) -> StreamState:
        return StreamState(stream, 2, 7, ours.ACCOUNT.evolve(ours.ACCOUNT.initial, pb.Opened(owner="Ada")))

    async def freshness(position: int) -> Freshness:
        return Freshness(position=position)

    sources: Any = SimpleNamespace(
        store=SimpleNamespace(head=SimpleNamespace(position=6)),
        deciders={"account": ours.ACCOUNT},
        aggregates=SimpleNamespace(latest=latest),
        past=None,
        reads=SimpleNamespace(asked=lambda options: 0, freshness=freshness),
    )
    method = pb.DESCRIPTOR.services_by_name["Reports"].methods_by_name["GetLatest"]
    reply = pb.GetAccountReply.FromString(
        await compile_aggregate_query(method, sources)(pb.GetAccountRequest(account_id="1"))
    )
    assert (reply.account.owner, reply.freshness.position) == ("Ada", 7)
