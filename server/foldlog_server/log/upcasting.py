"""Old messages in the words of today, so that folds know only those.

A message whose meaning has changed gets a new name; what was stored under the old one stays as it is, and
who reads the log gets it as it was written. Only folds see what an upcaster makes of it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from google.protobuf.message import Message


class Upcaster(NamedTuple):
    """Says what an old message means today: pure, as `evolve` is, and never refusing."""

    old: type[Message]
    new: type[Message]
    """May be old by now, too: another upcaster goes on from there."""
    upcast: Callable[[Any], Message]
    """From an `old` to a `new`. A later change of it changes folds: raise the revisions of those."""


def name_of(message: type[Message]) -> str:
    """The full name of a message: what events are stored under."""
    return message.DESCRIPTOR.full_name


def chains(upcasters: Iterable[Upcaster]) -> Mapping[str, Sequence[Upcaster]]:
    """By the name of each old message the steps from it to one that is not old.

    Raises `ValueError` for two ways on from one message, and for a way that leads back to its beginning.
    """
    steps: dict[str, Upcaster] = {}
    for upcaster in upcasters:
        if steps.setdefault(name_of(upcaster.old), upcaster) is not upcaster:
            raise ValueError(f"{name_of(upcaster.old)} has two upcasters. Keep the one that is right.")
    return {old: _chain(old, steps) for old in steps}


def _chain(old: str, steps: Mapping[str, Upcaster]) -> Sequence[Upcaster]:
    chain: list[Upcaster] = []
    names = [old]
    while step := steps.get(names[-1]):
        chain.append(step)
        names.append(name_of(step.new))
        if names[-1] in names[:-1]:
            raise ValueError(f"Upcasters lead in a circle: {' to '.join(names)}. One of them must go.")
    return chain


def upcast(message: Message, chain: Iterable[Upcaster]) -> Message:
    """Go all steps of a chain.

    Raises what an upcaster raises, and `TypeError` if one gives another message than it says.
    """
    for step in chain:
        message = step.upcast(message)
        if type(message) is not step.new:
            gave, wanted = type(message).__name__, name_of(step.new)
            raise TypeError(f"The upcaster of {name_of(step.old)} gave a {gave} and not a {wanted}.")
    return message
