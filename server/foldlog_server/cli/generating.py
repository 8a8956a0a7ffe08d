"""Commands for a project with its own domain: `new` writes it, `generate` makes its code from its protos."""

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from foldlog_server.cli.apps import app
from foldlog_server.cli.output import fail
from foldlog_server.printable import printable

_PROTOS, _OUT = Path("protos"), Path("src")


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of its package, such as bank.")],
    directory: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="Where it is written; NAME if not given.")
    ] = None,
) -> None:
    """Begin a project with a domain of your own.

    It has a small domain that works, with its protos and tests.
    """
    from foldlog_generator import scaffold

    where = directory or Path(name)
    try:
        files = scaffold.scaffold(name, where)
    except scaffold.CannotScaffold as reason:
        fail(str(reason))
    python = "" if _make_finds_this() else f" PYTHON={sys.executable}"
    print(printable(f"{where} has {len(files)} files: README.md says what is where. Now:"))
    for line in (f"cd {where}", f"make test{python}", f"make run{python}"):
        print(printable(f"  {line}"))


def _make_finds_this() -> bool:
    """Whether the Makefile of a project would take the Python that runs this: see its template."""
    command = shutil.which("foldlog")
    beside = Path(command).resolve().with_name("python3") if command else None
    found = str(beside) if beside and beside.exists() else shutil.which("python3")
    return found is not None and Path(found).parent == Path(sys.executable).parent


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
    """Generate Python code from a domain's protos.

    That is messages, types, and typed clients.
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
