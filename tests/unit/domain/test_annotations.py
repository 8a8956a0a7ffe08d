"""Messages are listed once, in annotations: whatever form they have is read, and what cannot be is said."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Optional, TypeAlias, Union

import pytest
from typing_extensions import TypeAliasType

from foldlog_server.domain.annotations import messages, name_of, parameter, returned
from foldlog_server.domain.decider import Decider
from foldlog_server.domain.view import View
from foldlog_server.log.events import RecordedEvent
from tests.support.savings.unfit import ours

if TYPE_CHECKING:
    from somewhere import Absent  # type: ignore[import-not-found]

pb: Any = ours.savings_pb2
Opened: Any = pb.Opened
Deposited: Any = pb.Deposited
Closed: Any = pb.Closed
Account: Any = pb.Account
Both: TypeAlias = Opened | Deposited
Named = TypeAliasType("Named", Union[Opened, Deposited])  # noqa: UP007  as `type Named = …` makes it
Nested = TypeAliasType("Nested", Union[Named, Closed])  # noqa: UP007


def plain(event: Opened) -> Account: ...
def union(event: Opened | Deposited) -> Account | None: ...
def alias(event: Both) -> Optional[Account]: ...  # noqa: UP045
def named(event: Named) -> Account: ...
def nested(event: Nested | Opened) -> Account: ...
def annotated(event: Annotated[Opened, "x"]) -> Account: ...
def second(first: int, event: Opened) -> Account: ...


class Callable:
    def __call__(self, event: Opened | Closed) -> Account: ...

    def method(self, event: Deposited) -> Account: ...

    @staticmethod
    def static(event: Closed) -> Account: ...


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (plain, ("Opened",)),
        (union, ("Opened", "Deposited")),
        (alias, ("Opened", "Deposited")),
        (named, ("Opened", "Deposited")),
        (nested, ("Opened", "Deposited", "Closed")),
        (annotated, ("Opened",)),
        (partial(second, 1), ("Opened",)),
        (Callable(), ("Opened", "Closed")),
        (Callable().method, ("Deposited",)),
        (Callable.static, ("Closed",)),
    ],
    ids=lambda value: name_of(value) if callable(value) else "",
)
def test_the_messages_of_a_parameter_are_read(function: Any, found: tuple[str, ...]) -> None:
    read = messages(parameter(function, 0), function)
    assert tuple(one.DESCRIPTOR.name for one in read) == found
    assert returned(function) is Account


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python has `type Event = …` from 3.12 on")
def test_a_type_statement_is_read() -> None:
    space: dict[str, Any] = {"Opened": Opened, "Closed": Closed}
    exec("type Event = Opened | Closed\ndef f(event: Event) -> Opened: ...", space)
    assert messages(parameter(space["f"], 0), space["f"]) == (Opened, Closed)


def bare(event) -> None: ...  # type: ignore[no-untyped-def]
def absent(event: Absent) -> Absent: ...
def broken(event: Any) -> Any: ...
def number(event: Any) -> Any: ...
def anything(event: Any) -> Any: ...
def two(event: Opened) -> Opened | Closed: ...
def nothing(event: Opened) -> None: ...


broken.__annotations__ = {"event": "1 +", "return": "1 +"}
number.__annotations__ = {"event": int | Opened, "return": int}
NAME = __name__
BARE: Any = bare
_NEEDS = (
    "needs an annotation of its parameter 1 that can be read at run time, such as a union of message classes."
)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (bare, f"{NAME}.bare {_NEEDS} Found: KeyError 'event'."),
        (lambda event: None, f"{_NEEDS} Found: KeyError 'event'."),
        (absent, f"{NAME}.absent {_NEEDS} Found: NameError name 'Absent' is not defined."),
        (broken, f"{NAME}.broken {_NEEDS} Found: SyntaxError"),
        (lambda: None, f"{_NEEDS} Found: IndexError list index out of range."),
        (None, f"builtins.NoneType {_NEEDS} Found: "),
        (number, f"{NAME}.number is annotated with <class 'int'>, which is no message class."),
        (anything, f"{NAME}.anything is annotated with typing.Any, which is no message class."),
    ],
)
def test_what_cannot_be_read_is_said(function: Any, said: str) -> None:
    with pytest.raises(TypeError) as error:
        messages(parameter(function, 0), function)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (bare, "such as `-> Account | None`. Found: <class 'NoneType'>."),
        (lambda event: None, "such as `-> Account | None`. Found: nothing."),
        (nothing, "such as `-> Account | None`. Found: <class 'NoneType'>."),
        (two, "one message class, or that and None"),
        (absent, f"{NAME}.absent has an annotation that cannot be read: name 'Absent' is not defined."),
        (number, f"{NAME}.number is annotated with <class 'int'>, which is no message class."),
    ],
)
def test_what_does_not_say_what_it_returns_is_refused(function: Any, said: str) -> None:
    with pytest.raises(TypeError) as error:
        returned(function)
    assert said in str(error.value)


def decide(command: Both, state: int) -> Any: ...
def evolve(state: int, event: Nested) -> Any: ...


def test_a_decider_has_the_messages_of_its_functions_unless_they_are_given() -> None:
    decider: Any = Decider("a", 0, decide, evolve)
    assert decider.commands == (Opened, Deposited)
    assert decider.events == (Opened, Deposited, Closed)
    given: Any = Decider("a", 0, BARE, BARE, commands=(Opened,), events=(Closed,))
    assert (given.commands, given.events) == ((Opened,), (Closed,))
    with pytest.raises(TypeError, match="parameter 2"):
        Decider("a", 0, decide, BARE)


def evolve_one(key: Any, document: Any, recorded: RecordedEvent[Opened]) -> Any: ...
def evolve_union(key: Any, document: Any, recorded: RecordedEvent[Opened | Closed]) -> Any: ...
def evolve_each(key: Any, document: Any, recorded: RecordedEvent[Named] | RecordedEvent[Closed]) -> Any: ...
def evolve_payload(key: Any, document: Any, recorded: Opened | Closed) -> Any: ...
def evolve_bare(key: Any, document: Any, recorded: RecordedEvent) -> Any: ...  # type: ignore[type-arg]
def evolve_any(key: Any, document: Any, recorded: RecordedEvent[Any]) -> Any: ...


def view_of(evolve: Any) -> View[Any, Any]:
    return View("v", {"v": Account}, lambda recorded: (), evolve)


def test_a_view_has_the_payloads_of_its_evolve() -> None:
    assert view_of(evolve_one).events == (Opened,)
    assert view_of(evolve_union).events == (Opened, Closed)
    assert view_of(evolve_each).events == (Opened, Deposited, Closed)


@pytest.mark.parametrize(
    "evolve", [evolve_payload, evolve_bare, evolve_any, evolve, lambda key, document, r: None]
)
def test_a_view_that_does_not_say_its_payloads_is_refused(evolve: Any) -> None:
    """A union of payloads was once taken for its first."""
    with pytest.raises(TypeError):
        view_of(evolve)
