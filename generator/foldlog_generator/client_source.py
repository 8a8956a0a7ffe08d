"""Writes the text of the generated methods: formatted, and the same for the same arguments."""

import enum
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH = 100
HEADER = "# Written by foldlog from the protos; do not edit.\n"
MODULE = '''{header}"""The methods of {package}."""

import datetime
from collections.abc import {iterator}, Iterable, Mapping
{modules}
{imports}
from foldlog.v1.calling import as_duration, as_timestamp
from foldlog.v1.{style}_caller import Caller, Watch


class {class_name}:
{docstring}
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

{methods}'''
CLIENT = '''

class Client({client}.Client):
    """A client with the methods of {package} as `{noun}`.

    A class that inherits from several such clients has the methods of all their packages.
    """

    @cached_property
    def {noun}(self) -> {class_name}:
        """The methods of {package}."""
        return {class_name}(self.caller)


connect = Client.connect
'''
ENTRANCE = '''{header}"""Every domain of the contract. Importing this registers every message by name."""

{messages}{classes}from foldlog.v1.{style}_caller import Caller


class Domains:
    """One attribute for each domain."""

    def __init__(self, caller: Caller) -> None:
{attributes}'''


@dataclass(frozen=True, slots=True)
class Style:
    """The differences between the async and the sync client."""

    name: str
    """Its modules begin so."""
    define: str
    wait: str
    iterator: str
    block: str
    client: str
    """The module with the client of this style."""


ASYNC = Style("async", "async def", "await ", "AsyncIterator", "async with", "foldlog_client")
SYNC = Style("sync", "def", "", "Iterator", "with", "foldlog_client.sync")


class Kind(enum.Enum):
    """The kinds of calls."""

    COMMAND = "command"
    QUERY = "query"
    PLAIN = "unary"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a method."""

    name: str
    annotation: str
    default: str | None
    """Python source; None = the argument must be given."""
    value: str
    """Python source of the value of the message's field."""
    comment: str

    @property
    def declaration(self) -> str:
        return f"{self.name}: {self.annotation}" + (f" = {self.default}" if self.default else "")


TIMEOUT = Parameter(
    "timeout",
    "float | None",
    "None",
    "timeout",
    "Seconds for all attempts together; None = the client's timeout.",
)


@dataclass(frozen=True, slots=True)
class Method:
    """The method for one RPC."""

    name: str
    path: str
    comment: str
    arguments: list[Parameter]
    request: str
    """Python source of the request."""
    response: str
    kind: Kind

    def source(self, style: Style) -> str:
        """Return the method that makes the call."""
        own_writes = (
            ["own_writes=min_position is None and not min_position_token"] if self.kind is Kind.QUERY else []
        )
        call = exploded(
            f"return {style.wait}self._caller.{self.kind.value}",
            [f'"{self.path}"', self.request, self.response, *own_writes, "within=timeout"],
        )
        heading = signature(f"{style.define} {self.name}", self.arguments, self.response)
        return heading + docstring(self.comment, self.arguments) + textwrap.indent(call, " " * 8)

    def watch_source(self, style: Style) -> str:
        """Return the method that opens a watch."""
        call = exploded("return self._caller.watch", [f'"{self.path}"', self.request, self.response])
        heading = signature(f"def {self.name}", self.arguments, f"Watch[{self.response}]")
        comment = (
            f"{self.comment}\n\nUse it in `{style.block}`. After a lost connection it reconnects and resumes."
        )
        return heading + docstring(comment, self.arguments) + textwrap.indent(call, " " * 8)

    def iterator_source(self, style: Style, name: str, item: str, items: str) -> str:
        """Return the generator of all items of all pages."""
        arguments = [one for one in self.arguments if one.name != "page_token"]
        given = [f"{one.name}={one.name}" for one in self.arguments]
        call = textwrap.indent(exploded(f"_page = {style.wait}self.{self.name}", given), " " * 12)
        comment = f"Every item of every page of `{self.name}`, page after page. The arguments are the same."
        return (
            signature(f"{style.define} {name}", arguments, f"{style.iterator}[{item}]")
            + docstring(comment, ())
            + '        page_token = ""\n        while True:\n'
            + call
            + f"            for _item in _page.{items}:\n                yield _item\n"
            + "            page_token = _page.next_page_token\n"
            + "            if not page_token:\n                return\n"
        )


def exploded(call: str, arguments: Iterable[str]) -> str:
    return f"{call}(\n" + "".join(textwrap.indent(one, "    ") + ",\n" for one in arguments) + ")\n"


def construction(name: str, arguments: Sequence[Parameter | str]) -> str:
    given = (one if isinstance(one, str) else f"{one.name}={one.value}" for one in arguments)
    return exploded(name, given).rstrip("\n") if arguments else f"{name}()"


def signature(head: str, arguments: Sequence[Parameter], result: str) -> str:
    lines = ["self", "*", *(one.declaration for one in arguments)]
    return textwrap.indent(exploded(head, lines).rstrip("\n") + f" -> {result}:\n", " " * 4)


def docstring(comment: str, arguments: Sequence[Parameter], *, indent: int = 8) -> str:
    text = "\n\n".join(textwrap.fill(one, WIDTH - indent - 3) for one in comment.split("\n\n"))
    for one in arguments:
        entry = f"{one.name}: {one.comment}"
        text += ("" if one is not arguments[0] else "\n\nArgs:") + "\n"
        text += textwrap.fill(entry, WIDTH - indent, initial_indent="    ", subsequent_indent="        ")
    return textwrap.indent(f'"""{text}' + ('\n"""\n' if "\n" in text else '"""\n'), " " * indent)
