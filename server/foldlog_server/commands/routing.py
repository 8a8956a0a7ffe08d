"""Finds the streams that a command is decided on, from the options in its proto."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message

from foldlog.v1.commands_pb2 import CommandOptions
from foldlog.v1.options_pb2 import CommandRoute
from foldlog.v1.options_pb2 import command as command_option
from foldlog_server.commands.forms import RequestForm, form_of
from foldlog_server.commands.pending_command import StreamCommand
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.errors import Violation
from foldlog_server.log.events import stream_name

Check = Callable[[Message, CommandOptions], Sequence[Violation]]
Split = Callable[[Message], Sequence[StreamCommand]]


class Route(NamedTuple):
    """How the commands of one method find their streams."""

    form: RequestForm
    check: Check | None
    """What stands in the way of splitting a command, to be asked before it is submitted; None if nothing
    ever does."""
    split: Split
    """The parts of a command, one for each stream; makes an id where the command leaves it open."""


def route_of(
    method: MethodDescriptor, deciders: Mapping[str, AnyDecider], new_id: Callable[[], str]
) -> Route:
    """How the commands of a method are split into the parts that their streams decide.

    A path through a list ("lines.product_id", "product_ids") gives each stream a command that holds only
    its own element of the list. Every further category (`also`) decides the command by itself, as if it
    were the only one; what all of them say is appended together. `route_problems` says whether there is
    such a route.
    """
    form = form_of(method.input_type)
    routes = categories_of(method)
    splits = [_split(route, form.command, deciders[route.category], new_id) for route in routes]
    lists = [_List(form, route) for route in routes if _is_list(form.command, route)]
    if len(splits) == 1:
        return Route(form, _check(lists, 0) if lists else None, splits[0])
    return Route(form, _check(lists, len(routes) - len(lists)), _all_of(splits))


def categories_of(method: MethodDescriptor) -> Sequence[CommandRoute]:
    """The routes of a method's commands, one a category, the main one first."""
    route = method.GetOptions().Extensions[command_option]
    return [route, *route.also]


def _is_list(command: Descriptor, route: CommandRoute) -> bool:
    return command.fields_by_name[route.streams.partition(".")[0]].is_repeated


def _split(route: CommandRoute, command: Descriptor, decider: AnyDecider, new_id: Callable[[], str]) -> Split:
    return _split_list(route, decider) if _is_list(command, route) else _split_one(route, decider, new_id)


def _split_one(route: CommandRoute, decider: AnyDecider, new_id: Callable[[], str]) -> Split:
    category, generates_id, id_of = route.category, route.generates_id, attrgetter(route.streams)

    def split(command: Message) -> Sequence[StreamCommand]:
        id: str = id_of(command)
        is_new = generates_id and not id
        stream = stream_name(category, new_id() if is_new else id)
        return (StreamCommand(stream, decider, command, is_new),)

    return split


def _split_list(route: CommandRoute, decider: AnyDecider) -> Split:
    category, (name, ids_of) = route.category, _ids_in_list(route)

    def split(command: Message) -> Sequence[StreamCommand]:
        return [
            StreamCommand(stream_name(category, id), decider, _with_only(command, name, element))
            for id, element in zip(ids_of(command), getattr(command, name), strict=True)
        ]

    return split


def _all_of(splits: Sequence[Split]) -> Split:
    return lambda command: [part for split in splits for part in split(command)]


def _ids_in_list(route: CommandRoute) -> tuple[str, Callable[[Message], Sequence[str]]]:
    """The list's name, and the ids that are its elements or in them."""
    name, _, inner = route.streams.partition(".")
    elements_of: Callable[[Message], Sequence[Any]] = attrgetter(name)
    if not inner:
        return name, elements_of
    id_of = attrgetter(inner)
    return name, lambda command: [id_of(element) for element in elements_of(command)]


class _List:
    """A list that names streams."""

    def __init__(self, form: RequestForm, route: CommandRoute) -> None:
        name, self.ids_of = _ids_in_list(route)
        inner = route.streams.removeprefix(name)
        self._path, self._inner = f"{form.prefix}{name}", inner

    def repeats(self, command: Message) -> Iterator[Violation]:
        """Every element that names a stream once more."""
        seen: set[str] = set()
        for index, id in enumerate(self.ids_of(command)):
            if id in seen:
                subject = f"{self._path}[{index}]{self._inner}"
                yield Violation(subject, "unique", "is named before; name each once")
            seen.add(id)


def _check(lists: Sequence[_List], others: int) -> Check:
    """Finds streams that are named twice, and an expected version of more streams than one.

    `others` is how many streams a command names beside those of its lists.
    """

    def check(command: Message, options: CommandOptions) -> list[Violation]:
        broken = [violation for one in lists for violation in one.repeats(command)]
        named = others + sum(len(one.ids_of(command)) for one in lists)
        if named > 1 and options.HasField("expected_version"):
            broken.append(_ONE_STREAM)
        return broken

    return check


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
        if field.is_repeated:
            getattr(part, field.name).MergeFrom(value)
        elif field.message_type is not None:
            getattr(part, field.name).CopyFrom(value)
        else:
            setattr(part, field.name, value)
    container: Any = getattr(part, name)
    container.append(element)
    return part
