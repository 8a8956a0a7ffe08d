"""Converts old event messages to current ones, so that folds only see current ones.

A message whose meaning changes gets a new name. Events that were stored under the old name stay as they are,
and readers of the log get them as they were written; only folds see the converted message.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from google.protobuf.message import Message


class Upcaster(NamedTuple):
    """Converts an old message to a newer one; pure like `evolve`, and never refuses."""

    old: type[Message]
    new: type[Message]
    """It may be old by now, too; then another upcaster converts it further."""
    upcast: Callable[[Any], Message]
    """From an `old` to a `new`. Changing it changes what folds see: raise their revisions then."""


def name_of(message: type[Message]) -> str:
    """The full name of a message, which is the type of the events that carry it."""
    return message.DESCRIPTOR.full_name


def chains(upcasters: Iterable[Upcaster]) -> Mapping[str, Sequence[Upcaster]]:
    """For the name of each old message, the upcasters that lead from it to a current one.

    Raises `ValueError` for two upcasters of one message, and for a circle.
    """
    steps: dict[str, Upcaster] = {}
    for upcaster in upcasters:
        if steps.setdefault(name_of(upcaster.old), upcaster) is not upcaster:
            raise ValueError(f"{name_of(upcaster.old)} has two upcasters. Keep one of them.")
    return {old: _chain(old, steps) for old in steps}


def _chain(old: str, steps: Mapping[str, Upcaster]) -> Sequence[Upcaster]:
    chain: list[Upcaster] = []
    names = [old]
    while step := steps.get(names[-1]):
        chain.append(step)
        names.append(name_of(step.new))
        if names[-1] in names[:-1]:
            raise ValueError(f"Upcasters form a circle: {' to '.join(names)}. Remove one of them.")
    return chain


def upcast(message: Message, chain: Iterable[Upcaster]) -> Message:
    """Convert a message by each upcaster of a chain in turn.

    Raises what an upcaster raises, and `TypeError` if one does not return the message that it declares.
    """
    for step in chain:
        message = step.upcast(message)
        if type(message) is not step.new:
            found, expected = type(message).__name__, name_of(step.new)
            raise TypeError(
                f"The upcaster of {name_of(step.old)} returned a {found} instead of a {expected}."
            )
    return message
