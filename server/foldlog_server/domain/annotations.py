"""Reads message types from the annotations of a domain's functions, so that they are listed only once."""

import inspect
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

from google.protobuf.message import Message

ANNOTATED: tuple[type[Message], ...] = (Message,)
"""Stands for the classes that an annotation names, until it is read."""


def parameter(function: Callable[..., Any], index: int) -> Any:
    """The annotation of a function's parameter at an index.

    Raises `TypeError` if it has none, or if it names something that is not imported at run time.
    """
    try:
        hints = get_type_hints(function)
        name = list(inspect.signature(function).parameters)[index]
        return hints[name]
    except (IndexError, KeyError, NameError) as error:
        raise TypeError(
            f"{_name(function)} needs an annotation of its parameter {index + 1} that can be read at run "
            f"time, such as a union of message classes. Found: {type(error).__name__} {error}."
        ) from None


def returned(function: Callable[..., Any]) -> type[Message]:
    """The one message class, apart from None, that a function is annotated to return.

    Raises `TypeError` if the annotation is missing or is anything else.
    """
    try:
        annotation = get_type_hints(function).get("return")
    except NameError as error:
        raise TypeError(f"{_name(function)} has an annotation that cannot be read: {error}.") from None
    classes = [one for one in get_args(annotation) or (annotation,) if one is not type(None)]
    if len(classes) != 1:
        raise TypeError(
            f"{_name(function)} needs an annotation of what it returns: one message class, or that and None, "
            f"such as `-> Account | None`. Found: {annotation!r}."
        )
    return messages(classes[0], function)[0]


def messages(annotation: Any, function: Callable[..., Any]) -> tuple[type[Message], ...]:
    """The message classes of a class or of a union of classes. Raises `TypeError` for anything else."""
    classes = get_args(annotation) or (annotation,)
    for one in classes:
        if not (isinstance(one, type) and issubclass(one, Message)):
            raise TypeError(
                f"{_name(function)} is annotated with {one!r}, which is no message class. "
                "Annotate it with a message class or a union of them."
            )
    return classes


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
