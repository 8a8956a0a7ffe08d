"""Commands that make a copy of a log: `backup`, `restore`, `export` and `import`."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foldlog_server import ending
from foldlog_server.cli.apps import DEFAULTS, app
from foldlog_server.cli.options import (
    BackedUpData,
    Data,
    DomainNames,
    Json,
    StoredData,
    Through,
    ToPosition,
    check_directory,
)
from foldlog_server.cli.output import (
    carry_out,
    exit_on_failure,
    fail,
    make_readable,
    print_error_line,
    print_line,
    progress_printer,
)
from foldlog_server.printable import counted

if TYPE_CHECKING:  # it loads more than most commands need
    from foldlog_server.operations.copying import Made


@app.command()
def backup(
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="A directory, empty or new.")],
    data: BackedUpData = DEFAULTS.data,
    address: Through = None,
    as_json: Json = False,
) -> None:
    """Back up a log, with a manifest.

    The copy is verified. A server may be using the data directory, and is not disturbed. With --address
    the log is read from a running server, even if its files were removed, moved or replaced.
    """
    from foldlog_server.operations.backup import Backup
    from foldlog_server.operations.manifest import as_text

    ending.interrupt_at_sigterm()
    taken = Backup(destination)
    if address is None:
        check_directory(data)
        carry_out(taken.of_directory(data), progress_printer(as_json))
    else:
        with exit_on_failure(address):
            carry_out(taken.of_server(address), progress_printer(as_json))
    manifest = taken.manifest
    print(as_text(manifest) if as_json else f"Backed up to {destination}: {manifest}.")


@app.command()
def restore(
    backup: Annotated[Path, typer.Argument(metavar="SRC", help="A backup that `foldlog backup` made.")],
    data: Data = DEFAULTS.data,
    to_position: ToPosition = None,
    as_json: Json = False,
) -> None:
    """Restore a backup as a new log.

    The data directory must not have a log. The new log has its own log_id.
    """
    from foldlog_server.app.services import new_id
    from foldlog_server.operations.restore import NewLog

    ending.interrupt_at_sigterm()
    new = NewLog(data, new_id)
    carry_out(new.restore(backup, to_position), progress_printer(as_json))
    _print_made(new.made, data, as_json)


@app.command("export")
def export_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; - = the output.")],
    data: StoredData = DEFAULTS.data,
    domain: DomainNames = None,
) -> None:
    """Export a log as lines of JSON.

    A server may be using the data directory, and is not disturbed.
    """
    from foldlog_server.operations.export import export as exporting

    make_readable(domain)
    ending.interrupt_at_sigterm()
    if str(file) == "-":
        carry_out(exporting(data, file, _write_line), print_error_line)
        return
    with _new_file(file) as write:
        carry_out(exporting(data, file, write), print_line)
    print(f"Exported to {file}.")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export; - = the input.")],
    data: Data = DEFAULTS.data,
    to_position: ToPosition = None,
    as_json: Json = False,
) -> None:
    """Import an export as a new log.

    The data directory must not have a log. The new log has its own log_id.
    """
    from foldlog_server.app.services import new_id
    from foldlog_server.operations.json_lines import JsonLinesSource
    from foldlog_server.operations.refused import Refused
    from foldlog_server.operations.restore import NewLog

    ending.interrupt_at_sigterm()
    new = NewLog(data, new_id)
    try:
        with _input(file) as lines:
            source = JsonLinesSource(lines, str(file))
            carry_out(new.of_source(source, to_position, "import"), progress_printer(as_json))
    except Refused as reason:
        fail(str(reason))
    except OSError as error:
        fail(f"{file} cannot be read: {error}. Name a file that `foldlog export` made, or - for the input.")
    _print_made(new.made, data, as_json)


@contextmanager
def _new_file(file: Path) -> Iterator[Callable[[str], object]]:
    """A function that writes the lines of a new file, which gets its name once it is complete."""
    from foldlog_server.stores.files import durable, private_files

    _check_new(file)
    part = durable.partial(
        file.with_name(f"{file.name}.{os.getpid()}")
    )  # another process may be exporting there, too
    try:
        private_files.make_file(part)
        with part.open("w", encoding="utf-8") as opened:
            yield lambda line: opened.write(f"{line}\n")
        _check_new(file)
        durable.put_in_place(file, part)
    except (FileNotFoundError, NotADirectoryError) as error:
        fail(f"{file} cannot be written: {error}. Make the directory, or choose another place.")
    except OSError as error:
        fail(f"{file} cannot be written: {error}. Free space, or choose another place.")
    finally:
        part.unlink(missing_ok=True)


def _check_new(file: Path) -> None:
    if file.exists():
        fail(f"{file} exists already, and nothing is overwritten. Name another file.")


@contextmanager
def _input(file: Path) -> Iterator[Iterator[str]]:
    """The lines of a file, or of the input; invalid UTF-8 is found by the checksums of the lines."""
    if str(file) == "-":
        yield (line.decode("utf-8", "surrogateescape") for line in sys.stdin.buffer)
        return
    with file.open(encoding="utf-8", errors="surrogateescape", newline="\n") as opened:
        yield opened


def _write_line(line: str) -> None:
    """Write in UTF-8, whatever the output's encoding: an export is for programs, and has checksums."""
    sys.stdout.buffer.write(f"{line}\n".encode())


def _print_made(made: "Made", data: Path, as_json: bool) -> None:
    head = made.head
    if as_json:
        result = {
            "log_id": made.log_id,
            "position": head.position,
            "chain_hash": head.chain_hash.hex(),
            "streams": made.streams,
            "requests": made.requests,
        }
        print(json.dumps(result, indent=2))
        return
    print(
        f"{data} holds {counted(head.position, 'event')} in {counted(made.streams, 'stream')} and "
        f"{counted(made.requests, 'request record')}, as log {made.log_id}."
    )
