"""What a domain says about one aggregate: pure, sync, no clock, no randomness."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from google.protobuf.message import Message

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Decider(Generic[State]):
    """An aggregate: how a command is decided on a state, and how a state follows from events.

    `decide` returns the events that happen, none if there is nothing to do, or raises `Rejected`.
    `evolve` never refuses: history is fact. States are immutable values.
    """

    category: str
    """The streams are named `<category>-<id>`."""
    initial: State
    decide: Callable[[Message, State], Sequence[Message]]
    evolve: Callable[[State, Message], State]
    render: Callable[[str, int, State], Message | None]
    """(id, version, state) as the message that replies carry; None if there is nothing to show."""
    events: tuple[type[Message], ...]
    """Every message that was ever stored in these streams."""
    revision: int
    """To be raised whenever `evolve` makes another state of the same events: states that were kept as
    snapshots are not used by another revision."""


AnyDecider: TypeAlias = Decider[Any]
"""A decider of some state: what runners work with, who look into no state."""
