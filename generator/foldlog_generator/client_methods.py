"""Turns the RPCs of services into the methods of a client.

A method with the option `foldlog.v1.command` is a command. Its request has a command in a field `command`,
whose fields are the arguments; or it is the command itself, and all its fields except `options` are the
arguments. Any other method is a query: its arguments are the fields of the request. The fields of the
request's `options` follow as optional arguments. A stream of responses that can be resumed by a token is a
watch; other streams have no method.
"""

import keyword
from collections.abc import Iterable, Sequence

from google.protobuf.descriptor_pb2 import DescriptorProto, MethodDescriptorProto, ServiceDescriptorProto

from foldlog.v1.options_pb2 import command as command_route
from foldlog.v1.options_pb2 import query as query_route
from foldlog_generator.client_arguments import (
    BUILTIN_TYPES,
    F,
    Names,
    Protos,
    Unsupported,
    option_parameters,
    parameters,
    single,
    snake,
    type_of,
)
from foldlog_generator.client_source import TIMEOUT, Kind, Method, Parameter, Style, construction

CORE = "foldlog.v1"
_ADMIN = f".{CORE}.AdminService"
_COMMAND_OPTIONS, _READ_OPTIONS, _RESULT = (
    f".{CORE}.{name}" for name in ("CommandOptions", "ReadOptions", "CommandResult")
)


def has_methods(package: str, service: ServiceDescriptorProto) -> bool:
    """Whether the client has methods for a service: some RPC of it is bound to streams or to a view."""
    options = (method.options for method in service.method)
    bound = any(one.HasExtension(command_route) or one.HasExtension(query_route) for one in options)
    return bound or f".{package}.{service.name}" == _ADMIN


def methods_of(
    service: str, methods: Iterable[MethodDescriptorProto], names: Names, style: Style
) -> list[tuple[str, str]]:
    """Return the names and sources of all methods of one service."""
    return [one for method in methods for one in _sources_of(service, method, names, style)]


def _sources_of(
    service: str, method: MethodDescriptorProto, names: Names, style: Style
) -> list[tuple[str, str]]:
    """Return the names and sources of the methods for one RPC."""
    if _is_watch(method, names.protos):
        watch = _unadorned(service, method, names, [])
        return [(watch.name, watch.watch_source(style))]
    if method.client_streaming or method.server_streaming:
        return []
    written = _method_of(service, method, names)
    iterator = _iterator_of(method, written, names, style)
    return [(written.name, written.source(style)), *([iterator] if iterator else [])]


def _method_of(service: str, method: MethodDescriptorProto, names: Names) -> Method:
    """Return the method for one unary RPC."""
    if service == _ADMIN:  # its requests have no options
        return _unadorned(service, method, names, [TIMEOUT])
    is_command = method.options.HasExtension(command_route)
    options = _options_of(method, names.protos, _COMMAND_OPTIONS if is_command else _READ_OPTIONS)
    wrapped = _wrapped(method, names.protos) if is_command else None
    if is_command:
        _check_reply(method, names.protos)
    subject = wrapped or method.input_type
    business = parameters(subject, names, of_command=is_command)
    business.sort(key=lambda one: one.default is not None)
    how = option_parameters(options, names)
    arguments = [*business, *how, TIMEOUT]
    _refuse_twins(method.name, arguments)
    how_source = f"options={construction(names.of(options), how)}"
    what = [f"command={construction(names.of(subject), business)}"] if wrapped else business
    return Method(
        _name_of(method),
        f"/{service[1:]}/{method.name}",
        names.protos.comments[f"{service}.{method.name}"],
        arguments,
        construction(names.of(method.input_type), [*what, how_source]),
        names.of(method.output_type),
        Kind.COMMAND if is_command else Kind.QUERY,
    )


def _name_of(method: MethodDescriptorProto) -> str:
    """Return the name of an RPC's method.

    A reserved word of Python gets an underscore at the end, and so does a builtin type: the
    annotations of the methods behind it mean the type.
    """
    name = snake(method.name)
    return f"{name}_" if keyword.iskeyword(name) or name in BUILTIN_TYPES else name


def _options_of(method: MethodDescriptorProto, protos: Protos, expected: str) -> str:
    """Return the type of a request's options, which must be the expected one."""
    found = type_of(protos.messages[method.input_type], "options")
    if found != expected:
        raise Unsupported(
            f"{method.input_type[1:]} has no field `options` of type {expected[1:]}, "
            f"which says how to carry out {method.name}; add it."
        )
    return found


def _check_reply(method: MethodDescriptorProto, protos: Protos) -> None:
    if type_of(protos.messages[method.output_type], "result") != _RESULT:
        raise Unsupported(
            f"{method.output_type[1:]} has no field `result` of type {_RESULT[1:]}, "
            f"which says what {method.name} did; add it."
        )


def _wrapped(method: MethodDescriptorProto, protos: Protos) -> str | None:
    """Return the type of the command in a request; None if the request is the command itself."""
    found = [one for one in protos.messages[method.input_type].field if one.name == "command"]
    if found and (found[0].type != F.TYPE_MESSAGE or found[0].label == F.LABEL_REPEATED):
        raise Unsupported(
            f"{method.input_type[1:]}.command is not a message; a field of this name holds the command, "
            "so rename it."
        )
    return found[0].type_name if found else None


def _unadorned(
    service: str, method: MethodDescriptorProto, names: Names, further: Sequence[Parameter]
) -> Method:
    """Return a method whose arguments are the fields of its request, and further ones."""
    fields = parameters(method.input_type, names)
    fields.sort(key=lambda one: one.default is not None)
    return Method(
        _name_of(method),
        f"/{service[1:]}/{method.name}",
        names.protos.comments[f"{service}.{method.name}"],
        [*fields, *further],
        construction(names.of(method.input_type), fields),
        names.of(method.output_type),
        Kind.PLAIN,
    )


def _is_watch(method: MethodDescriptorProto, protos: Protos) -> bool:
    both = (protos.messages[method.input_type], protos.messages[method.output_type])
    return (
        method.server_streaming
        and not method.client_streaming
        and all(any(one.name == "resume_token" for one in message.field) for message in both)
    )


def _refuse_twins(method: str, arguments: Sequence[Parameter]) -> None:
    seen = [one.name for one in arguments]
    twins = sorted({name for name in seen if seen.count(name) > 1})
    if twins:
        raise Unsupported(
            f"{method} has two arguments called {', '.join(twins)}; rename the command's field."
        )


def _has(message: DescriptorProto, name: str) -> bool:
    return type_of(message, name) is not None


def _iterator_of(
    method: MethodDescriptorProto, written: Method, names: Names, style: Style
) -> tuple[str, str] | None:
    """Return the name and source of the generator over a paged query's items; None if the query is not
    paged."""
    request, response = names.protos.messages[method.input_type], names.protos.messages[method.output_type]
    lists = [one for one in response.field if one.label == F.LABEL_REPEATED]
    if not (_has(request, "page_token") and _has(response, "next_page_token") and len(lists) == 1):
        return None
    noun, items = written.name.partition("_")[2], lists[0].name
    name = "_".join(["iterate", *([noun] if noun else []), *([] if noun.endswith(items) else [items])])
    return name, written.iterator_source(style, name, single(lists[0], items, names)[0], items)
