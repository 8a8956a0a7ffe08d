"""Finds the command in a request, and the result in a reply, by what their protos say.

A request holds its command beside its options, or is the command itself; then it has its options as one
more field. A reply may be a command's own, or one that several commands share.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from foldlog.v1.commands_pb2 import CommandOptions, CommandResult

COMMAND = "command"
"""The field of a request that holds the command; a request without it is the command."""
OPTIONS = "options"
"""The field of a request that says how its command is to be carried out."""


class RequestForm(NamedTuple):
    """Where the requests of one type have their command."""

    command: Descriptor
    prefix: str
    """What stands before the path of a command's field where a violation names it."""
    command_of: Callable[[Message], Message]
    """The command without its options: what is decided, and what a request id stands for."""


def form_of(request: Descriptor) -> RequestForm:
    """How requests of a type hold their command."""
    field = request.fields_by_name.get(COMMAND)
    if field is None or field.message_type is None:
        return RequestForm(request, "", _without_options)
    return RequestForm(field.message_type, f"{COMMAND}.", attrgetter(COMMAND))


def _without_options(request: Message) -> Message:
    command = type(request)()
    command.CopyFrom(request)
    command.ClearField(OPTIONS)
    return command


def has_options(request: Descriptor) -> bool:
    """Whether requests of a type can say how their command is to be carried out."""
    field = request.fields_by_name.get(OPTIONS)
    return field is not None and _is_one(field, CommandOptions.DESCRIPTOR)


def result_field(reply: Descriptor) -> FieldDescriptor | None:
    """The field of a reply that says what the command did; None if there is none."""
    return next((field for field in reply.fields if _is_one(field, CommandResult.DESCRIPTOR)), None)


def _is_one(field: FieldDescriptor, message: Descriptor) -> bool:
    """Whether a field holds one message of a type."""
    return (
        field.message_type is not None
        and field.message_type.full_name == message.full_name
        and not field.is_repeated
    )
