"""A decider: what a domain says about one kind of aggregate. Pure: no clock, no randomness, no I/O.

The pattern, and its name, are Jérémie Chassaing's (thinkbeforecoding.com, "Functional Event Sourcing
Decider", 2021).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from google.protobuf.message import Message

from foldlog_server.domain.annotations import ANNOTATED, messages, parameter

Command = TypeVar("Command", bound=Message)
State = TypeVar("State")
Event = TypeVar("Event", bound=Message)


def shows_nothing(id: str, version: int, state: object) -> None:
    """Renders no state: replies have only the result of a command."""
    del id, version, state


@dataclass(frozen=True, slots=True)
class Decider(Generic[Command, State, Event]):
    """How commands are decided on the state of an aggregate, and how its events make that state.

    The first parameter of `decide` and the second of `evolve` are annotated with a message class or a
    union of message classes: the commands, and the events.
    """

    category: str
    """The streams are named `<category>-<id>`."""
    initial: State
    """The state before the first event. States are immutable: named tuples of text, numbers, enums,
    mappings, tuples and other named tuples, so that snapshots can keep them."""
    decide: Callable[[Command, State], Sequence[Event]]
    """Returns the events that happen, none if there is nothing to do, or raises `Rejected`."""
    evolve: Callable[[State, Event], State]
    """Returns the state after an event. It never refuses: an event is a fact."""
    render: Callable[[str, int, State], Message | None] = shows_nothing
    """Returns the message for (id, version, state) that replies and queries carry; None to show nothing."""
    revision: int = 1
    """Raise it whenever `evolve` makes another state of the same events: snapshots of another revision are
    not used."""
    commands: tuple[type[Message], ...] = ANNOTATED
    """Read from the annotation of `decide`, unless they are given."""
    events: tuple[type[Message], ...] = ANNOTATED
    """Read from the annotation of `evolve`, unless they are given."""

    def __post_init__(self) -> None:
        """Raises `TypeError` if `decide` or `evolve` lacks an annotation that names message classes."""
        if self.commands is ANNOTATED:
            object.__setattr__(self, "commands", messages(parameter(self.decide, 0), self.decide))
        if self.events is ANNOTATED:
            object.__setattr__(self, "events", messages(parameter(self.evolve, 1), self.evolve))


AnyDecider: TypeAlias = Decider[Any, Any, Any]
"""A decider of any state, for code that does not look into states."""
