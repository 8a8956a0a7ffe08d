"""Says why the commands of a method cannot be routed: every reason at once, each with what to do about it."""

from collections.abc import Iterator, Mapping, Sequence

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from foldlog.v1.options_pb2 import FORMAT_ID, FORMAT_UUID, CommandRoute, rules
from foldlog_server.commands.forms import COMMAND, OPTIONS, form_of, has_options, result_field
from foldlog_server.commands.routing import categories_of
from foldlog_server.domain.decider import AnyDecider


def problems(method: MethodDescriptor, deciders: Mapping[str, AnyDecider]) -> list[str]:
    """Every reason why there is no route for a method with the option `foldlog.v1.command`; none if there is.

    `deciders` are by category.
    """
    found = [*_shape(method), *_categories(method)]
    command = form_of(method.input_type).command
    for route in categories_of(method):
        found += [*_decider(route, command, deciders), *_path(route, command)]
    return [f"{method.full_name}: {problem}" for problem in found]


def _shape(method: MethodDescriptor) -> Iterator[str]:
    """What is wrong with the method, its request and its reply."""
    request, reply = method.input_type, method.output_type
    if method.client_streaming or method.server_streaming:
        yield "a command is one request and one reply; remove `stream` from its rpc"
    if not has_options(request):
        yield (
            f"{request.full_name} has no field `{OPTIONS}` of type foldlog.v1.CommandOptions; add "
            f"`foldlog.v1.CommandOptions {OPTIONS} = 15;`, or another number"
        )
    field = request.fields_by_name.get(COMMAND)
    if field is not None and (field.message_type is None or field.is_repeated):
        yield (
            f"{request.full_name}.{COMMAND} is not a message; a field of this name holds the command, so "
            "rename it"
        )
    if result_field(reply) is None:
        yield (
            f"{reply.full_name} has no field of type foldlog.v1.CommandResult; add "
            "`foldlog.v1.CommandResult result = 1;`"
        )


def _categories(method: MethodDescriptor) -> Iterator[str]:
    """What is wrong with the categories together."""
    main, *others = categories_of(method)
    if others and any(route.generates_id for route in categories_of(method)):
        yield (
            "`generates_id` and `also` do not go together: the deciders would be given a command without "
            "the new id; remove `generates_id`, and make the id `required`, so that the client gives it"
        )
    seen = {main.category}
    for other in others:
        if other.category in seen:
            yield (
                f'the category "{other.category}" is named twice, and decides a command once; to name '
                "several of its streams, let `streams` be a path through a list"
            )
        if other.also:
            yield f'`also` of the category "{other.category}" has an `also`; list it in the outer one'
        seen.add(other.category)


def _decider(route: CommandRoute, command: Descriptor, deciders: Mapping[str, AnyDecider]) -> Iterator[str]:
    decider = deciders.get(route.category)
    if decider is None:
        known = ", ".join(sorted(deciders)) or "none"
        yield (
            f'there is no decider of the category "{route.category}" (there are: {known}); add one to a '
            "domain that is served, or name another category"
        )
        return
    if command.full_name not in {one.DESCRIPTOR.full_name for one in decider.commands}:
        yield (
            f'the decider of "{route.category}" does not decide {command.full_name}; add it to the '
            "decider's commands, with its case in `decide`"
        )


def _path(route: CommandRoute, command: Descriptor) -> Iterator[str]:
    """What is wrong with the path to the ids of the streams."""
    path, message = [], command
    *outer, last = route.streams.split(".")
    for name in outer:
        path.append(name)
        field = message.fields_by_name.get(name)
        if field is None or field.message_type is None or field.message_type.GetOptions().map_entry:
            yield _no_such(route, command, path, "a message or a list of messages")
            return
        if field.is_repeated:
            yield from _list(route, field, len(path))
        message = field.message_type
    field = message.fields_by_name.get(last)
    if field is None or field.type != FieldDescriptor.TYPE_STRING:
        yield _no_such(route, command, [*path, last], "a string or a list of strings")
        return
    if field.is_repeated:
        yield from _list(route, field, len(path) + 1)
    yield from _id(route, field)


def _no_such(route: CommandRoute, command: Descriptor, path: Sequence[str], expected: str) -> str:
    return (
        f'"{route.streams}" names the streams of "{route.category}", and {command.full_name} has no field '
        f"{'.'.join(path)} that is {expected}; add it, or correct `streams`"
    )


def _list(route: CommandRoute, field: FieldDescriptor, depth: int) -> Iterator[str]:
    if depth > 1:
        yield (
            f'"{route.streams}" names the streams of "{route.category}" by a list inside the command, '
            f"{field.full_name}; move the list to the command itself"
        )
    if route.generates_id:
        yield (
            f'"{route.streams}" is a path through a list, for which `generates_id` makes no ids; remove it, '
            "and make each id `required`"
        )
    if not field.GetOptions().Extensions[rules].required:
        yield (
            f"{field.full_name} may be empty, and a command needs a stream; add `required: true` to its "
            "foldlog.v1.rules"
        )


def _id(route: CommandRoute, field: FieldDescriptor) -> Iterator[str]:
    """What is wrong with the field that becomes a part of stored names."""
    rule = field.GetOptions().Extensions[rules]
    if rule.format not in (FORMAT_ID, FORMAT_UUID):
        yield (
            f"{field.full_name} names a stream, and not every string is a name; add `format: FORMAT_ID` to "
            "its foldlog.v1.rules"
        )
    if not (rule.required or route.generates_id or field.is_repeated):
        yield (
            f"{field.full_name} names a stream, and may be empty; add `required: true` to its "
            "foldlog.v1.rules, or `generates_id: true` to the foldlog.v1.command option"
        )
