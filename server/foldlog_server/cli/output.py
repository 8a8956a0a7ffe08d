"""What commands print, and how one ends that has failed."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

from foldlog_server.cli.options import check_address
from foldlog_server.printable import printable

if TYPE_CHECKING:  # it loads more than most commands need
    from foldlog_server.domain.domain import Domains
    from foldlog_server.operations.progress import Step


def fail(line: str) -> NoReturn:
    print(f"foldlog: {printable(line)}", file=sys.stderr)
    raise typer.Exit(1)


def print_line(line: str) -> None:
    print(line, flush=True)


def print_error_line(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def discard_line(line: str) -> None:
    del line


def teller(as_json: bool) -> Callable[[str], None]:
    """Who tells how far an operation is: JSON for programs is its result alone."""
    return discard_line if as_json else print_line


def discard_output() -> None:
    """Python writes what is left when it exits, and would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_readable(names: Sequence[str] | None) -> None:
    """Let the events of the domains be readable, or end with a line for each that cannot be found."""
    from foldlog_server.domains.loading import make_readable

    with _told_unfit():
        make_readable(names or ())


def loaded_domains(names: Sequence[str] | None, *, with_shop: bool) -> "Domains":
    """The domains, or the end with a line for each reason why they cannot be had."""
    from foldlog_server.domains.loading import load

    with _told_unfit():
        return load(names or (), with_shop=with_shop)


@contextmanager
def _told_unfit() -> Iterator[None]:
    from foldlog_server.domains.loading import DomainsUnfit

    try:
        yield
    except DomainsUnfit as error:
        for reason in error.reasons[:-1]:
            print(f"foldlog: {printable(reason)}", file=sys.stderr)
        fail(error.reasons[-1])


def carry_out(steps: "AsyncIterator[Step]", tell: Callable[[str], None]) -> None:
    """Carry an operation out, and show how far it is."""
    from foldlog_server.operations.progress import shown
    from foldlog_server.operations.refused import Refused

    try:
        asyncio.run(shown(steps, tell))
    except Refused as reason:
        fail(str(reason))
    except KeyboardInterrupt:
        fail("Interrupted. What is not whole has been removed.")


@contextmanager
def told_failures(address: str) -> Iterator[None]:
    """Tell in one line why something cannot be asked of a server, and exit."""
    check_address(address, "--address")
    from foldlog_client import FoldlogError, Unavailable

    try:
        yield
    except BrokenPipeError:  # whoever read it has had enough, as `head` has
        discard_output()
    except Unavailable as failure:
        fail(f"Nobody answers at {address}. Start a server there, or say where with --address. ({failure})")
    except FoldlogError as failure:
        fail(str(failure))
