"""Reads message types from the annotations of a domain's functions, so that they are listed only once."""

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from google.protobuf.message import Message

ANNOTATED: tuple[type[Message], ...] = (Message,)
"""The default of a field whose classes are read from an annotation."""

MISSING: Any = inspect.Parameter.empty
"""Stands for a missing annotation."""


def parameter(function: Callable[..., Any], index: int) -> Any:
    """The annotation of a function's parameter at an index.

    Raises `TypeError` if it has none, or if it names something that is not imported at run time.
    """
    try:
        hints = _hints(function)
        name = list(inspect.signature(function).parameters)[index]
        return hints[name]
    except (AttributeError, IndexError, KeyError, NameError, SyntaxError, TypeError, ValueError) as error:
        raise TypeError(
            f"{name_of(function)} needs an annotation of its parameter {index + 1} that can be read at run "
            f"time, such as a union of message classes. Found: {type(error).__name__} {error}."
        ) from None


def returned(function: Callable[..., Any]) -> type[Message]:
    """The one message class, apart from None, that a function is annotated to return.

    Raises `TypeError` if the annotation is missing or is anything else.
    """
    try:
        annotation = _hints(function).get("return", MISSING)
    except (AttributeError, NameError, SyntaxError, TypeError) as error:
        raise TypeError(f"{name_of(function)} has an annotation that cannot be read: {error}.") from None
    classes = [one for one in alternatives(annotation) if one is not NoneType]
    if annotation is MISSING or len(classes) != 1:
        found = "nothing" if annotation is MISSING else repr(annotation)
        raise TypeError(
            f"{name_of(function)} needs an annotation of what it returns: one message class, or that and "
            f"None, such as `-> Account | None`. Found: {found}."
        )
    return messages(classes[0], function)[0]


def messages(annotation: Any, function: Callable[..., Any]) -> tuple[type[Message], ...]:
    """The message classes of a class or of a union of classes. Raises `TypeError` for anything else."""
    classes = tuple(dict.fromkeys(alternatives(annotation)))
    for one in classes:
        if not (isinstance(one, type) and issubclass(one, Message)) or one is Message:
            raise TypeError(
                f"{name_of(function)} is annotated with {one!r}, which is no message class. "
                "Annotate it with a message class or a union of them."
            )
    return classes


def alternatives(annotation: Any) -> Iterator[Any]:
    """The members of a union, in order; anything else is its own only member. Named aliases are followed."""
    annotation = getattr(annotation, "__value__", annotation)  # of `type Event = …`, from Python 3.12
    if get_origin(annotation) in (Union, UnionType):
        for one in get_args(annotation):
            yield from alternatives(one)
    else:
        yield annotation


def name_of(function: Callable[..., Any]) -> str:
    """The module and the name of a function, for people."""
    inner = _unwrapped(function)
    named: Any = inner if hasattr(inner, "__qualname__") else type(inner)
    return f"{named.__module__}.{named.__qualname__}"


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    return get_type_hints(_annotated(function))


def _annotated(function: Callable[..., Any]) -> Any:
    """The object that has a function's annotations: of a callable object, its `__call__`."""
    inner: Any = _unwrapped(function)
    return inner if inspect.isroutine(inner) or inspect.isclass(inner) else inner.__call__


def _unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    while isinstance(function, partial):
        function = function.func
    return function
