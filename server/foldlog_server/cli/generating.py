"""Commands for a project with a domain of its own: its code is generated from its protos."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from foldlog_server.cli.apps import app
from foldlog_server.cli.output import fail
from foldlog_server.printable import printable

_PROTOS, _OUT = Path("protos"), Path("src")


@app.command()
def generate(
    protos: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="The directory of the project's protos.")
    ] = _PROTOS,
    out: Annotated[
        Path, typer.Option(file_okay=False, help="The directory that its packages are imported from.")
    ] = _OUT,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if something would be written.")
    ] = False,
) -> None:
    """Generate a domain's Python code from its protos: messages, types, and its typed clients.

    What Foldlog's protos say is imported from where it is installed. All files are written, or none.
    """
    from foldlog_generator import compiling, generated_code
    from foldlog_generator.protos import directory

    if line := compiling.missing():
        fail(line)
    try:
        made = compiling.compiled(protos, directory())
        found = generated_code.differences(out, made.files)
        if not check:
            generated_code.bring_about(out, made.files, found)
    except compiling.CannotGenerate as reason:
        _pass_on(reason.said)
        fail(str(reason))
    _pass_on(made.said)
    if not check:
        print(f"{len(found.written)} written, {len(found.removed)} removed; {out} is what {protos} say.")
    elif found:
        for name in (*found.written, *found.removed):
            print(printable(str(out / name)))
        fail(f"{out} is not what {protos} say: run foldlog generate.")


def _pass_on(said: str) -> None:
    """Print what protoc said, line by line."""
    for line in said.splitlines():
        print(printable(line), file=sys.stderr)
