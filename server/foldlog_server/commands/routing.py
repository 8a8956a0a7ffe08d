"""Finds the streams that a command is decided on, from the options in its proto."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from foldlog.v1.commands_pb2 import CommandOptions
from foldlog.v1.options_pb2 import CommandRoute
from foldlog_server.commands.command_handler import Route
from foldlog_server.commands.pending_command import StreamCommand
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.errors import Violation
from foldlog_server.log.events import stream_name


def route_of(
    options: CommandRoute,
    command: Descriptor,
    deciders: Mapping[str, AnyDecider],
    new_id: Callable[[], str],
) -> Route:
    """How commands with these options are split into the parts that their streams decide.

    A path through a list ("lines.product_id", "product_ids") gives each stream a command that holds only
    its own element of the list.
    """
    decider = deciders[options.category]
    name, _, inner = options.streams.partition(".")
    if command.fields_by_name[name].is_repeated:
        return _route_many(options.category, decider, name, inner)
    return _route_one(options, decider, name, new_id)


def _route_one(options: CommandRoute, decider: AnyDecider, name: str, new_id: Callable[[], str]) -> Route:
    def split(command: Message) -> Sequence[StreamCommand]:
        id: str = getattr(command, name)
        is_new = options.generates_id and not id
        stream = stream_name(options.category, new_id() if is_new else id)
        return (StreamCommand(stream, decider, command, is_new),)

    return Route(None, split)


def _route_many(category: str, decider: AnyDecider, name: str, inner: str) -> Route:
    def ids_of(command: Message) -> Sequence[str]:
        elements = getattr(command, name)
        return [getattr(element, inner) if inner else element for element in elements]

    def check(command: Message, options: CommandOptions) -> list[Violation]:
        ids = ids_of(command)
        broken = _repeats(ids, f"command.{name}", f".{inner}" if inner else "")
        if options.HasField("expected_version") and len(ids) > 1:
            broken.append(_ONE_STREAM)
        return broken

    def split(command: Message) -> Sequence[StreamCommand]:
        return [
            StreamCommand(stream_name(category, id), decider, _with_only(command, name, element))
            for id, element in zip(ids_of(command), getattr(command, name), strict=True)
        ]

    return Route(check, split)


_ONE_STREAM = Violation(
    "options.expected_version",
    "one_stream",
    "needs a command that names one stream",
)


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


def _repeats(ids: Sequence[str], path: str, inner: str) -> list[Violation]:
    seen: set[str] = set()
    found: list[Violation] = []
    for index, id in enumerate(ids):
        if id in seen:
            found.append(Violation(f"{path}[{index}]{inner}", "unique", "is named before; name each once"))
        seen.add(id)
    return found
