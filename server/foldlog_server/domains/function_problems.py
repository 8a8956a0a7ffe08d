"""Finds what is wrong with the functions of a decider, a view or an upcaster, and with a decider's state."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints

from foldlog_server.domain import state_codec
from foldlog_server.domain.annotations import name_of
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domain.view import AnyView
from foldlog_server.log.upcasting import Upcaster

Function = Callable[..., Any]


def decider_problems(decider: AnyDecider) -> Iterator[str]:
    """What is wrong with a decider's functions, and with its state."""
    where = f"of the decider {decider.category}"
    yield from _function(f"`decide` {where}", decider.decide, ("command", "state"))
    yield from _function(f"`evolve` {where}", decider.evolve, ("state", "event"))
    yield from _function(f"`render` {where}", decider.render, ("id", "version", "state"))
    yield from _state(decider)


def view_problems(view: AnyView) -> Iterator[str]:
    """What is wrong with a view's functions."""
    where = f"of the view {view.name}"
    yield from _function(f"`keys` {where}", view.keys, ("recorded",), may_yield=True)
    yield from _function(f"`evolve` {where}", view.evolve, ("key", "document", "recorded"))


def upcaster_problems(upcaster: Upcaster) -> Iterator[str]:
    """What is wrong with an upcaster's function."""
    where = f"of the upcaster of {upcaster.old.DESCRIPTOR.full_name}"
    yield from _function(f"`upcast` {where}", upcaster.upcast, ("message",))


def _function(
    what: str, function: object, takes: tuple[str, ...], *, may_yield: bool = False
) -> Iterator[str]:
    if not callable(function):
        yield f"{what} is {function!r}, and no function. Give a function of ({', '.join(takes)})."
        return
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        yield f"{what} is a coroutine. Make it a plain function: `def`, and nothing awaited."
    elif inspect.isgeneratorfunction(function) and not may_yield:
        yield f"{what} is a generator. Return what it yields, such as a list."
    try:
        inspect.signature(function).bind(*takes)
    except ValueError:  # a builtin may not say what it takes
        return
    except TypeError as error:
        yield f"{what} cannot be called with ({', '.join(takes)}): {error}. Correct its parameters."


def _state(decider: AnyDecider) -> Iterator[str]:
    """What prevents states from being read again as they were written."""
    initial, category = decider.initial, decider.category
    if isinstance(initial, type):
        yield f"The initial state of the decider {category} is a class. Give a state: {initial.__name__}()."
        return
    try:
        state_codec.shape_of(initial)
        again = state_codec.decode(state_codec.encode(initial), type(initial))
    except RecursionError:
        yield f"The state of the decider {category} holds itself. Make it of parts that end."
        return
    except Exception as error:  # the types of a state may raise anything
        yield f"The state of the decider {category} cannot be kept as a snapshot: {error}"
        return
    if again != initial:
        yield f"The initial state of the decider {category} is {initial!r}, and is read again as {again!r}."
    yield from _one_type(decider)


def _one_type(decider: AnyDecider) -> Iterator[str]:
    """Every state of a decider is read again as the type of its initial one."""
    expected = type(decider.initial)
    try:
        hints = get_type_hints(decider.evolve)
    except Exception:  # reported where the events are read from it
        return
    said = [hint for name, hint in hints.items() if name == "return" or name == _first(decider.evolve)]
    for found in dict.fromkeys(said):
        if found is not expected and found is not Any:
            yield (
                f"{name_of(decider.evolve)} is annotated with states {_shown(found)}, and the initial state "
                f"is a {_shown(expected)}. All states of a decider are of one type: make that a named tuple, "
                "with an enum for its status."
            )


def _first(function: Function) -> str:
    return next(iter(inspect.signature(function).parameters), "")


def _shown(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
