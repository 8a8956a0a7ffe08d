"""Scenarios hold deciders and views to what a server needs of them, and say what is wrong."""

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from foldlog_server.domain import Key, View
from foldlog_server.domain.testing import ViewScenario, after, given
from tests.support.savings.unfit import ours

pb: Any = ours.savings_pb2
OPENED, DEPOSITED = pb.Opened(owner="Ada"), pb.Deposited(cents=5)


def refused(act: Any) -> str:
    with pytest.raises(AssertionError) as error:
        act()
    return str(error.value)


def test_what_happens_is_said_and_nothing_else() -> None:
    account = given(ours.ACCOUNT, OPENED, DEPOSITED)
    account.when(pb.Deposit(cents=7)).then(pb.Deposited(cents=7))
    account.when(pb.Open(owner="Eve")).then_nothing()
    account.when(pb.Close()).then_rejected("NOT_EMPTY", cents=5)
    account.shows(pb.Account(account_id="1", owner="Ada", cents=5), id="1")
    given(ours.ACCOUNT).shows(None, id="1")


def test_each_difference_fails() -> None:
    account = given(ours.ACCOUNT, OPENED, DEPOSITED)
    deposit, close = pb.Deposit(cents=7), pb.Close()
    for act in (
        lambda: account.when(deposit).then(pb.Deposited(cents=8)),
        lambda: account.when(deposit).then_nothing(),
        lambda: account.when(deposit).then(pb.Credited(pence=7)),
        lambda: account.when(deposit).then_rejected("NOT_EMPTY"),
        lambda: account.when(close).then_nothing(),
        lambda: account.when(close).then_rejected("ACCOUNT_NOT_FOUND"),
        lambda: account.when(close).then_rejected("NOT_EMPTY", cents=6),
        lambda: account.shows(pb.Account(account_id="2", owner="Ada", cents=5), id="1"),
        lambda: account.shows(None, id="1"),
    ):
        assert "expected:" in refused(act)


def test_an_event_that_the_decider_does_not_know_is_refused() -> None:
    assert refused(lambda: given(ours.ACCOUNT, pb.Credited())).startswith(
        "savings.v1.Credited {  } is no event of the decider account"
    )


def test_states_are_such_as_can_be_kept() -> None:
    forgetting = replace(ours.ACCOUNT, evolve=lambda state, event: None)
    assert "makes None, which is no State. Add its case to `evolve`." in refused(
        lambda: after(forgetting, [OPENED])
    )
    mistyped = replace(ours.ACCOUNT, evolve=lambda state, event: state._replace(cents=True))
    assert "cents=True), which no snapshot can keep: Expected `int`, got `bool`" in refused(
        lambda: after(mistyped, [OPENED])
    )


def test_a_refusal_is_a_sentence() -> None:
    def decide(command: Any, state: Any) -> Any:
        raise ours.refuse(3, "no full stop")

    assert "is no sentence" in refused(
        lambda: given(replace(ours.ACCOUNT, decide=decide)).when(pb.Close()).then_rejected("NOT_EMPTY")
    )


def test_the_documents_of_latest_are_those_that_are_answered() -> None:
    accounts = ViewScenario(ours.SAVINGS.views[0])
    accounts.given("account-1", OPENED, DEPOSITED)
    accounts.given("savings-1", OPENED)  # another category
    assert accounts.document("accounts", "1") == pb.Account(account_id="1", owner="Ada", cents=5)
    assert accounts.ids("accounts") == ["1"]
    accounts.given("account-1", pb.Closed())
    assert accounts.document("accounts", "1") is None


def test_a_view_says_what_is_wrong_with_its_keys_and_documents() -> None:
    elsewhere: View[Any, Any] = replace(ours.OWNERS, keys=lambda recorded: [Key("else", "1")])
    assert refused(lambda: ViewScenario(elsewhere).given("account-1", OPENED)) == (
        "savings.v1.Opened yields a key of else, and the view owners has owners, accounts-of-owners."
    )
    other: View[Any, Any] = replace(ours.OWNERS, evolve=lambda key, document, recorded: pb.Account())
    assert "makes of Key(collection='owners', id='Ada') a Account, and not a Owner." in refused(
        lambda: ViewScenario(other).given("account-1", OPENED)
    )
    twice: View[Any, Any] = replace(ours.OWNERS, keys=lambda recorded: [Key("owners", "1")] * 2)
    assert "yields a key twice" in refused(lambda: ViewScenario(twice).given("account-1", OPENED))


class Shared(NamedTuple):
    owners: dict[str, str]


def test_a_state_stays_as_it_is() -> None:
    """A mapping that is changed in place would be seen by every other aggregate."""

    def evolve(state: Any, event: Any) -> Any:
        state.owners["1"] = "Ada"
        return state

    def decide(command: Any, state: Any) -> Any:
        state.owners["2"] = "Eve"
        return []

    evolving = replace(ours.ACCOUNT, initial=Shared({}), evolve=evolve)
    said = "of the decider account changes the state that it is given. Return a new one"
    assert f"`evolve` {said}" in refused(lambda: given(evolving, OPENED))
    deciding = replace(ours.ACCOUNT, initial=Shared({}), decide=decide)
    assert f"`decide` {said}" in refused(lambda: given(deciding).when(pb.Open(owner="Eve")))


def test_a_view_that_lacks_a_case_names_the_event() -> None:
    view = replace(ours.SAVINGS.views[-1], keys=lambda recorded: None)
    assert "returns None, and not a list of keys. Add its case." in refused(
        lambda: ViewScenario(view).given("account-1", OPENED)
    )
