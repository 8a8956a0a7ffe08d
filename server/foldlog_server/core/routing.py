"""Finds the streams that a command is decided on, from the options in its proto."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from foldlog.v1.options_pb2 import CommandRoute
from foldlog_server.core.aggregates import Part
from foldlog_server.core.command_handler import Route
from foldlog_server.core.decider import Decider
from foldlog_server.core.errors import InvalidRequest, Violation
from foldlog_server.core.events import stream_name


def route_of(
    options: CommandRoute,
    command: Descriptor,
    deciders: Mapping[str, Decider[object]],
    new_id: Callable[[], str],
) -> Route:
    """How commands with these options are split into the parts that their streams decide.

    A path through a list ("lines.product_id", "product_ids") gives each stream a command that holds only
    its own element of the list. The route raises `InvalidRequest` where a stream is named twice.
    """
    decider = deciders[options.category]
    name, _, inner = options.streams.partition(".")

    def route_one(command: Message) -> Sequence[Part]:
        id: str = getattr(command, name)
        is_new = options.generates_id and not id
        stream = stream_name(options.category, new_id() if is_new else id)
        return (Part(stream, decider, command, is_new),)

    def route_many(command: Message) -> Sequence[Part]:
        elements = getattr(command, name)
        ids = [getattr(element, inner) if inner else element for element in elements]
        _refuse_repeats(ids, f"command.{name}", f".{inner}" if inner else "")
        return [
            Part(stream_name(options.category, id), decider, _with_only(command, name, element))
            for id, element in zip(ids, elements, strict=True)
        ]

    return route_many if command.fields_by_name[name].is_repeated else route_one


def _with_only(command: Message, name: str, element: object) -> Message:
    """The command with a list field that holds one element."""
    part = type(command)()
    for field, value in command.ListFields():
        if field.name == name:
            continue
        if field.message_type is not None:
            getattr(part, field.name).CopyFrom(value)
        else:
            setattr(part, field.name, value)
    container: Any = getattr(part, name)
    container.append(element)
    return part


def _refuse_repeats(ids: Sequence[str], path: str, inner: str) -> None:
    seen: set[str] = set()
    found: list[Violation] = []
    for index, id in enumerate(ids):
        if id in seen:
            found.append(Violation(f"{path}[{index}]{inner}", "unique", f"names {id} again; name each once"))
        seen.add(id)
    if found:
        raise InvalidRequest.fields(found)
