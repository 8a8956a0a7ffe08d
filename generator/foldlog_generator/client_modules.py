"""Turns the services of packages into modules of a client, one async and one sync for each package.

All services of a package are one class. A package that is not Foldlog's own also has a `Client`:
Foldlog's, with that class as an attribute. Foldlog's own has one `Domains` for all its packages, and what
every generated module imports.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, ServiceDescriptorProto

from foldlog_generator.client_arguments import Names, Protos, Unsupported, module_of
from foldlog_generator.client_methods import CORE, has_methods, methods_of
from foldlog_generator.client_reasons import catalogue_of, reasons
from foldlog_generator.client_source import ASYNC, CLIENT, ENTRANCE, HEADER, MODULE, SYNC, Style, docstring

TAKEN = frozenset(
    {"Iterable", "Mapping", "Caller", "Watch", "as_duration", "as_timestamp", "datetime", "cached_property"}
)
"""Names that every generated module imports; messages with these names are renamed in it."""
CLIENTS_OWN = frozenset(
    {"admin", "caller", "close", "connect", "events", "inventory", "orders", "outcome", "session"}
)
"""Attributes of Foldlog's client: no package's attribute can have these names."""


@dataclass(slots=True)
class Domain:
    """The services of a package that are one attribute of the client."""

    package: str
    files: list[str] = field(default_factory=list)
    services: list[ServiceDescriptorProto] = field(default_factory=list)

    @property
    def noun(self) -> str:
        """The last part of the package that is not a version: `orders` in foldlog.orders.v1."""
        if self.package == CORE:
            return "admin"
        parts = [part for part in self.package.split(".") if not re.fullmatch(r"v\d+\w*", part)]
        if not parts:
            raise Unsupported(
                f"The package {self.package} has a version and no name; name it, as in bank.v1."
            )
        return parts[-1]

    @property
    def class_name(self) -> str:
        return "".join(part.title() for part in self.noun.split("_"))

    def module(self, style: Style) -> str:
        return f"{self.package}.{style.name}_client"

    def source(self, protos: Protos, style: Style, *, own: bool) -> str:
        """Return the domain's module: one class with the methods of all its services, and its client if not
        our own."""
        names = Names(protos, {*TAKEN, "Client", style.iterator, self.class_name})
        methods = "\n".join(self._methods(names, style).values())
        comment = "\n\n".join(protos.comments[f".{self.package}.{one.name}"] for one in self.services)
        more = {"package": self.package, "noun": self.noun, "class_name": self.class_name}
        return MODULE.format(
            header=HEADER,
            style=style.name,
            iterator=style.iterator,
            modules="" if own else self._modules(style),
            imports="\n".join(names.imports()),
            docstring=docstring(comment, (), indent=4),
            methods=methods if own else methods + CLIENT.format(client=style.client, **more),
            **more,
        )

    def _methods(self, names: Names, style: Style) -> Mapping[str, str]:
        """Return the methods' sources by name."""
        sources: dict[str, str] = {}
        for service in self.services:
            for name, source in methods_of(f".{self.package}.{service.name}", service.method, names, style):
                if sources.setdefault(name, source) is not source:
                    raise Unsupported(f"{self.package} has two methods called {name}; rename one RPC.")
        return sources

    def _modules(self, style: Style) -> str:
        """Return the imports of a package's own client, which register every message of the package by
        name."""
        modules = sorted({style.client, *map(module_of, self.files)})
        return "from functools import cached_property\n\n" + "".join(f"import {one}\n" for one in modules)


def domains_of(files: Iterable[FileDescriptorProto], *, own: bool) -> list[Domain]:
    """Return the domains of the files, by package."""
    found: dict[str, Domain] = {}
    for file in files:
        _check_folder(file)
        domain = found.setdefault(file.package, Domain(file.package))
        domain.files.append(file.name)
        domain.services += (one for one in file.service if has_methods(file.package, one))
    domains = [found[package] for package in sorted(found) if found[package].services]
    for one in domains if not own else ():
        if one.noun in CLIENTS_OWN or one.class_name == "Client":
            raise Unsupported(
                f"{one.package} would be `client.{one.noun}`, which is the client's own; rename the package."
            )
    return domains


def _check_folder(file: FileDescriptorProto) -> None:
    """Check that a proto lies in the folder of its package: generated code lies there, and imports
    depend on it."""
    if not file.package:
        raise Unsupported(f"{file.name} has no package; name one, such as bank.v1.")
    folder, _, name = file.name.rpartition("/")
    if folder != file.package.replace(".", "/"):
        wanted = f"{file.package.replace('.', '/')}/{name}"
        raise Unsupported(f"{file.name} is of package {file.package}; move it to {wanted}.")


def modules_of(request: CodeGeneratorRequest) -> Mapping[str, str]:
    """Return the contents of every generated file, by name. Raises `Unsupported`."""
    protos = Protos()
    for file in request.proto_file:
        protos.add(file)
    asked = set(request.file_to_generate)
    own = "foldlog/v1/options.proto" in asked
    files = [file for file in request.proto_file if file.name in asked]
    domains = domains_of(files, own=own)
    contents = dict(_reasons(files))
    for style in (ASYNC, SYNC):
        contents |= {_file(one.module(style)): one.source(protos, style, own=own) for one in domains}
        if own:
            contents |= {
                f"foldlog/{style.name}_domains.py": _entrance(domains, sorted(asked), style),
                f"foldlog/v1/{style.name}_caller.py": _copied(f"{style.name}_caller.py"),
                "foldlog/v1/calling.py": _copied("calling.py"),
            }
    return contents


def _reasons(files: Iterable[FileDescriptorProto]) -> Iterator[tuple[str, str]]:
    """Return the modules with the packages' reasons."""
    for file in files:
        if catalogue := catalogue_of(file):
            yield _file(f"{file.package}.reasons"), reasons(file, catalogue)


def _file(module: str) -> str:
    return f"{module.replace('.', '/')}.py"


def _entrance(domains: Sequence[Domain], files: Sequence[str], style: Style) -> str:
    """Return the module with an attribute for each domain, which also registers every message for
    unpacking."""
    return ENTRANCE.format(
        header=HEADER,
        style=style.name,
        messages="".join(f"import {module}\n" for module in sorted(map(module_of, files))),
        classes="".join(f"from {one.module(style)} import {one.class_name}\n" for one in domains),
        attributes="".join(
            f"        self.{one.noun}: {one.class_name} = {one.class_name}(caller)\n" for one in domains
        ),
    )


def _copied(name: str) -> str:
    """Return a module of `copied`, which is the same for all protos."""
    return HEADER + (Path(__file__).parent / "copied" / name).read_text(encoding="utf-8")
