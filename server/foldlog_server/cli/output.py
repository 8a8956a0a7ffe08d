"""Prints the output of commands, and ends those that have failed with a line and an exit code."""

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


def progress_printer(as_json: bool) -> Callable[[str], None]:
    """The function that prints an operation's progress: with JSON, only the result is printed."""
    return discard_line if as_json else print_line


def discard_output() -> None:
    """Discard buffered output: Python writes it when it exits, and would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_readable(names: Sequence[str] | None) -> None:
    """Make the events of the domains readable, or exit with a line for each domain that cannot be found."""
    from foldlog_server.domains.loading import make_readable

    with _exit_if_unfit():
        make_readable(names or ())


def loaded_domains(names: Sequence[str] | None, *, with_shop: bool) -> "Domains":
    """Load the domains, or exit with a line for each reason why they cannot be served."""
    from foldlog_server.domains.loading import load

    with _exit_if_unfit():
        return load(names or (), with_shop=with_shop)


@contextmanager
def _exit_if_unfit() -> Iterator[None]:
    from foldlog_server.domains.loading import DomainsUnfit

    try:
        yield
    except DomainsUnfit as error:
        for reason in error.reasons[:-1]:
            print(f"foldlog: {printable(reason)}", file=sys.stderr)
        fail(error.reasons[-1])


def carry_out(steps: "AsyncIterator[Step]", print_progress: Callable[[str], None]) -> None:
    """Carry out an operation, and show its progress."""
    from foldlog_server.operations.progress import shown
    from foldlog_server.operations.refused import Refused

    try:
        asyncio.run(shown(steps, print_progress))
    except Refused as reason:
        fail(str(reason))
    except KeyboardInterrupt:
        fail("Interrupted. What was incomplete has been removed.")


@contextmanager
def exit_on_failure(address: str) -> Iterator[None]:
    """Print in one line why a call to a server failed, and exit."""
    check_address(address, "--address")
    from foldlog_client import FoldlogError, Unavailable

    try:
        yield
    except BrokenPipeError:  # the reader of the output has closed it, such as `head`
        discard_output()
    except Unavailable as failure:
        fail(f"Nobody answers at {address}. Start a server there, or say where with --address. ({failure})")
    except FoldlogError as failure:
        fail(str(failure))
