"""What is wrong with a decider is found before it is called: its functions, its states, what it shows."""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any, NamedTuple

import pytest

from foldlog_server.domain.decider import shows_nothing
from foldlog_server.domains.fit import problems
from tests.support.savings.unfit import Case, check, decider, ours, parametrized, with_decider

pb: Any = ours.savings_pb2
State: Any = ours.State
_GET = "savings.v1.Reports.GetAccount"
_LATEST = "savings.v1.Reports.GetLatest"


class Other(NamedTuple):
    number: float = 0.0


class Listed(NamedTuple):
    items: tuple[int, ...] = [1]  # type: ignore[assignment]


class Wrong(NamedTuple):
    text: str = None  # type: ignore[assignment]


class Endless(NamedTuple):
    inner: "Endless | None" = None


class Pairs(Enum):
    ONE = (1, 2)


async def awaited(command: Any, state: Any) -> Sequence[Any]:
    return []


def yielding(command: Any, state: Any) -> Iterator[Any]:
    yield command


def one_less(state: Any) -> Any:
    return state


def of_the_state(state: Any) -> "pb.Account | None":
    return None


def of_other(state: Other, event: Any) -> Any:
    return state


def to_other(state: Any, event: Any) -> "State | Other":
    return state


def failing(id: str, version: int, state: Any) -> "pb.Account | None":
    raise ZeroDivisionError("by nothing")


def always(id: str, version: int, state: Any) -> "pb.Account | None":
    return pb.Account(account_id=id)


def other_message(id: str, version: int, state: Any) -> "pb.Owner | None":
    return None


_KEPT = "The state of the decider account cannot be kept as a snapshot:"


@parametrized(
    decider(
        "a category with a dash",
        '"the-account" is no category: it stands before the first dash of a stream\'s name. Use lower case '
        "letters, digits and underscores, 100 at most.",
        *(
            f'savings.v1.Accounts.{name}: there is no decider of the category "account" (there are: '
            "the-account); add one to a domain that is served, or name another category."
            for name in ("Open", "Deposit", "Close")
        ),
        *(
            f'savings.v1.Reports.{name}: there is no decider of the category "account" (there are: '
            "the-account); add one, or correct the name."
            for name in ("GetAccount", "GetLatest", "GetHistory", "GetSteps")
        ),
        category="the-account",
    ),
    decider(
        "a coroutine",
        "`decide` of the decider account is a coroutine. Make it a plain function: `def`, and nothing awaited.",
        decide=awaited,
    ),
    decider(
        "a generator",
        "`decide` of the decider account is a generator. Return what it yields, such as a list.",
        decide=yielding,
    ),
    decider(
        "too few parameters",
        "`evolve` of the decider account cannot be called with (state, event): too many positional arguments. "
        "Correct its parameters.",
        evolve=one_less,
    ),
    decider(
        "a rendering of the state alone",
        "`render` of the decider account cannot be called with (id, version, state): too many positional arguments. "
        "Correct its parameters.",
        *(
            f'{method}: `render` of the decider "account" fails for what does not exist, the initial state at '
            "version 0 (TypeError: of_the_state() takes 1 positional argument but 3 were given); return None for "
            "version 0."
            for method in (_GET, _LATEST)
        ),
        render=of_the_state,
    ),
    decider(
        "no function",
        "`decide` of the decider account is 'decide', and no function. Give a function of (command, state).",
        decide="decide",
    ),
    decider(
        "a class as the state",
        "The initial state of the decider account is a class. Give a state: State().",
        initial=ours.State,
    ),
    decider(
        "states of another type, in and out",
        f"{__name__}.of_other is annotated with states Other, and the initial state is a State. All states of a "
        "decider are of one type: make that a named tuple, with an enum for its status.",
        evolve=of_other,
    ),
    decider(
        "states of several types",
        f"{__name__}.to_other is annotated with states savings.domain.State | {__name__}.Other, and the initial "
        "state is a State. All states of a decider are of one type: make that a named tuple, with an enum for "
        "its status.",
        evolve=to_other,
    ),
)
def test_what_is_wrong_with_a_decider_is_said(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(
    ("initial", "said"),
    [
        (Other(), f"{_KEPT} Other.number is a float"),
        (Wrong(), f"{_KEPT} Expected `str`, got `null`"),
        (Pairs.ONE, f"{_KEPT} Enums must contain either all str or all int values"),
        (
            Listed(),
            "The initial state of the decider account is Listed(items=[1]), and is read again as Listed(items=(1,)).",
        ),
        (Endless(), "The state of the decider account holds itself. Make it of parts that end."),
        ({}, f"{_KEPT} A state holds a value of any type"),
        (None, "savings.domain.evolve is annotated with states State, and the initial state is a NoneType."),
    ],
    ids=repr,
)
def test_a_state_that_could_not_be_read_again_is_refused(initial: Any, said: str) -> None:
    found = problems([with_decider(initial=initial, render=_shown_nothing)])
    assert found[0].startswith(said)
    assert all("\n" not in line for line in found)


def _shown_nothing(id: str, version: int, state: Any) -> "pb.Account | None":
    return None


@parametrized(
    decider(
        "a decider that shows nothing",
        *(
            f'{method}: it shows what the decider "account" renders: foldlog_server.domain.decider.'
            "shows_nothing needs an annotation of what it returns: one message class, or that and None, such as "
            "`-> Account | None`. Found: <class 'NoneType'>."
            for method in (_GET, _LATEST)
        ),
        render=shows_nothing,
    ),
    decider(
        "another message than the response has",
        *(
            f'{method}: savings.v1.GetAccountReply.account shows what the decider "account" renders, which is '
            "savings.v1.Owner; make it of that type."
            for method in (_GET, _LATEST)
        ),
        render=other_message,
    ),
    decider(
        "what does not exist is shown",
        *(
            f'{method}: `render` of the decider "account" shows what does not exist, the initial state at '
            "version 0, so that no id is ever refused; return None for version 0."
            for method in (_GET, _LATEST)
        ),
        render=always,
    ),
    decider(
        "what does not exist fails",
        *(
            f'{method}: `render` of the decider "account" fails for what does not exist, the initial state at '
            "version 0 (ZeroDivisionError: by nothing); return None for version 0."
            for method in (_GET, _LATEST)
        ),
        render=failing,
    ),
)
def test_what_a_decider_renders_is_what_queries_show(case: Case) -> None:
    check(case)
