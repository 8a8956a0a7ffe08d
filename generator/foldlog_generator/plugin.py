"""A protoc plugin: writes one typed method for each RPC of every Command-, Query- and AdminService.

Each method is written twice, for the async client and for the sync one. Beside them it writes the reasons of
each package's error catalogue as they are on the wire.

A method with the option `foldlog.v1.command` is a command: its arguments are the fields of the request's
`command`. Any other is a query: its arguments are the fields of the request. The fields of the request's
`options` follow as arguments that may be left out. A stream of responses that can be resumed by a token is a
watch; other streams have no method. What the protos say in comments, the methods say in
docstrings. The same protos give the same bytes.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

from foldlog.v1.options_pb2 import command as command_route
from foldlog_generator.client_arguments import (
    F,
    Names,
    Protos,
    Unsupported,
    module_of,
    option_parameters,
    parameters,
    single,
    snake,
    type_of,
)
from foldlog_generator.client_reasons import catalogue_of, reasons
from foldlog_generator.client_source import (
    ASYNC,
    ENTRANCE,
    HEADER,
    MODULE,
    SYNC,
    TIMEOUT,
    Kind,
    Method,
    Parameter,
    Style,
    construction,
    docstring,
)

SERVICES = {"CommandService": "", "QueryService": "", "AdminService": "admin"}
"""The services with methods, and by which name; the package's if empty."""
TAKEN = frozenset({"Iterable", "Caller", "Watch", "as_duration", "as_timestamp", "datetime"})


def method_of(service: str, method: MethodDescriptorProto, names: Names) -> Method:
    """What to write for one unary RPC."""
    request = names.protos.messages[method.input_type]
    options = type_of(request, "options")
    if options is None:
        return plain_of(service, method, names)
    is_command = method.options.HasExtension(command_route)
    subject = type_of(request, "command") if is_command else method.input_type
    if subject is None:
        raise Unsupported(f"{method.input_type[1:]} has no field `command`.")
    business = parameters(subject, names, of_command=is_command)
    business.sort(key=lambda one: one.default is not None)
    how = option_parameters(options, names)
    arguments = [*business, *how, TIMEOUT]
    refuse_twins(method.name, arguments)
    how_source = f"options={construction(names.of(options), how)}"
    what = [f"command={construction(names.of(subject), business)}"] if is_command else business
    return Method(
        snake(method.name),
        f"/{service[1:]}/{method.name}",
        names.protos.comments[f"{service}.{method.name}"],
        arguments,
        construction(names.of(method.input_type), [*what, how_source]),
        names.of(method.output_type),
        Kind.COMMAND if is_command else Kind.QUERY,
    )


def plain_of(service: str, method: MethodDescriptorProto, names: Names) -> Method:
    """What to write for a call that takes no options: it acts and asks as it is."""
    if not service.endswith(".AdminService"):
        raise Unsupported(
            f"{method.input_type[1:]} has no field `options`, so nobody could say how to carry it out."
        )
    return unadorned(service, method, names, [TIMEOUT])


def watch_of(service: str, method: MethodDescriptorProto, names: Names) -> Method:
    """What to write for a watch."""
    return unadorned(service, method, names, [])


def unadorned(
    service: str, method: MethodDescriptorProto, names: Names, further: Sequence[Parameter]
) -> Method:
    """A method whose arguments are the fields of its request, and further ones."""
    fields = parameters(method.input_type, names)
    fields.sort(key=lambda one: one.default is not None)
    return Method(
        snake(method.name),
        f"/{service[1:]}/{method.name}",
        names.protos.comments[f"{service}.{method.name}"],
        [*fields, *further],
        construction(names.of(method.input_type), fields),
        names.of(method.output_type),
        Kind.PLAIN,
    )


def is_watch(method: MethodDescriptorProto, protos: Protos) -> bool:
    both = (protos.messages[method.input_type], protos.messages[method.output_type])
    return (
        method.server_streaming
        and not method.client_streaming
        and all(any(one.name == "resume_token" for one in message.field) for message in both)
    )


def refuse_twins(method: str, arguments: Sequence[Parameter]) -> None:
    seen = [one.name for one in arguments]
    twins = sorted({name for name in seen if seen.count(name) > 1})
    if twins:
        raise Unsupported(
            f"{method} has two arguments called {', '.join(twins)}; rename the command's field."
        )


def has(message: DescriptorProto, name: str) -> bool:
    return type_of(message, name) is not None


def iterator_of(
    method: MethodDescriptorProto, written: Method, names: Names, style: Style
) -> tuple[str, str] | None:
    """The name and source of the generator over a paged query's items; None if it is not paged."""
    request, response = names.protos.messages[method.input_type], names.protos.messages[method.output_type]
    lists = [one for one in response.field if one.label == F.LABEL_REPEATED]
    if not (has(request, "page_token") and has(response, "next_page_token") and len(lists) == 1):
        return None
    noun, items = written.name.partition("_")[2], lists[0].name
    name = f"iterate_{noun}" if noun.endswith(items) else f"iterate_{noun}_{items}"
    return name, written.iterator_source(style, name, single(lists[0], items, names)[0], items)


def sources_of(
    service: str, method: MethodDescriptorProto, names: Names, style: Style
) -> list[tuple[str, str]]:
    """The names and sources of what is written for one RPC."""
    if is_watch(method, names.protos):
        watch = watch_of(service, method, names)
        return [(watch.name, watch.watch_source(style))]
    if method.client_streaming or method.server_streaming:
        return []
    written = method_of(service, method, names)
    iterator = iterator_of(method, written, names, style)
    return [(written.name, written.source(style)), *([iterator] if iterator else [])]


def methods_of(
    service: str, methods: Iterable[MethodDescriptorProto], names: Names, style: Style
) -> dict[str, str]:
    """The source of every method of one service, by its name. Streams that are no watches have none."""
    sources: dict[str, str] = {}
    for method in methods:
        for name, source in sources_of(service, method, names, style):
            if sources.setdefault(name, source) is not source:
                raise Unsupported(f"{service[1:]} has two methods called {name}; rename one RPC.")
    return sources


@dataclass(frozen=True, slots=True)
class Domain:
    """Services of a package that are one attribute of the client."""

    package: str
    services: list[ServiceDescriptorProto]

    @property
    def noun(self) -> str:
        """The service's own, or the last part of the package that is no version, as in foldlog.orders.v1."""
        parts = [part for part in self.package.split(".") if not re.fullmatch(r"v\d+\w*", part)]
        return SERVICES[self.services[0].name] or parts[-1]

    @property
    def class_name(self) -> str:
        return "".join(part.title() for part in self.noun.split("_"))

    def source(self, protos: Protos, style: Style) -> str:
        """The domain's module: one class with the methods of all its services."""
        names = Names(protos, {*TAKEN, style.iterator, self.class_name})
        sources: dict[str, str] = {}
        for service in self.services:
            sources |= methods_of(f".{self.package}.{service.name}", service.method, names, style)
        comment = "\n\n".join(protos.comments[f".{self.package}.{one.name}"] for one in self.services)
        return MODULE.format(
            header=HEADER,
            style=style.name,
            iterator=style.iterator,
            package=self.package,
            imports="\n".join(names.imports()),
            class_name=self.class_name,
            docstring=docstring(comment, (), indent=4),
            methods="\n".join(sources.values()),
        )


def domains_of(files: Iterable[FileDescriptorProto]) -> list[Domain]:
    """The domains of the files, by package. Raises `Unsupported` for a package with two of them."""
    found: dict[str, list[ServiceDescriptorProto]] = {}
    for file in files:
        for service in file.service:
            if service.name in SERVICES:
                found.setdefault(file.package, []).append(service)
    for package, services in found.items():
        if len({SERVICES[service.name] for service in services}) > 1:
            raise Unsupported(f"{package} has an AdminService and others; give it a package of its own.")
    return [Domain(package, found[package]) for package in sorted(found)]


def entrance(domains: Sequence[Domain], files: Sequence[str], style: Style) -> str:
    """The module with an attribute for each domain; it also makes every message known for unpacking."""
    modules = [f"{one.package}.{style.name}_client" for one in domains]
    return ENTRANCE.format(
        header=HEADER,
        style=style.name,
        messages="".join(f"import {module}\n" for module in sorted(map(module_of, files))),
        classes="".join(
            f"from {module} import {one.class_name}\n" for module, one in zip(modules, domains, strict=True)
        ),
        attributes="".join(
            f"        self.{one.noun}: {one.class_name} = {one.class_name}(caller)\n" for one in domains
        ),
    )


def generate(request: CodeGeneratorRequest) -> CodeGeneratorResponse:
    """Every file of the client's generated part."""
    protos = Protos()
    for file in request.proto_file:
        protos.add(file)
    asked = set(request.file_to_generate)
    domains = domains_of(file for file in request.proto_file if file.name in asked)
    response = CodeGeneratorResponse(supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL)
    contents = {"foldlog/v1/calling.py": copied("calling.py")}
    for file in request.proto_file:
        catalogue = catalogue_of(file)
        if file.name in asked and catalogue is not None:
            contents[f"{file.package.replace('.', '/')}/reasons.py"] = reasons(file, catalogue)
    for style in (ASYNC, SYNC):
        contents[f"foldlog/{style.name}_domains.py"] = entrance(domains, sorted(asked), style)
        contents[f"foldlog/v1/{style.name}_caller.py"] = copied(f"{style.name}_caller.py")
        for one in domains:
            module = f"{one.package.replace('.', '/')}/{style.name}_client.py"
            contents[module] = one.source(protos, style)
    for name, content in sorted(contents.items()):
        response.file.add(name=name, content=content)
    return response


def copied(name: str) -> str:
    """A module of `copied`, which says the same whatever the protos say."""
    return HEADER + (Path(__file__).parent / "copied" / name).read_text(encoding="utf-8")


def main() -> None:
    request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    try:
        response = generate(request)
    except Unsupported as problem:
        response = CodeGeneratorResponse(error=str(problem))
    sys.stdout.buffer.write(response.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
