"""The `foldlog` command.

Exit codes: 0 it worked; 1 it failed, with a line on stderr that says why; 2 the command line is wrong.
"""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from foldlog_server import __version__, ending
from foldlog_server.environment import misspelt
from foldlog_server.options import (
    Address,
    BackedUpData,
    CachedAggregates,
    Data,
    Grace,
    Json,
    Listen,
    LogLevel,
    Reflection,
    RequestWindow,
    StoredData,
    Through,
    ToPosition,
    check_address,
    check_directory,
    check_event_type,
    check_level,
)
from foldlog_server.printable import printable
from foldlog_server.process import log_to_stderr, loop_factory
from foldlog_server.settings import Settings
from foldlog_server.tables import print_table, table_of

if TYPE_CHECKING:  # they load more than most commands need
    from foldlog_server.operations.copying import Made
    from foldlog_server.progress import Step

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="An event-sourced CQRS backend served over gRPC.",
)
events = typer.Typer(no_args_is_help=True, help="Read and follow the log of a running server.")
app.add_typer(events, name="events")
views = typer.Typer(no_args_is_help=True, help="See to the views of a running server.")
app.add_typer(views, name="views")

_DEFAULTS = Settings()
_HOURS = _DEFAULTS.request_window / timedelta(hours=1)


def main() -> NoReturn:
    """Run the command line and exit."""
    # gRPC's C core writes lines of its own to stderr unless it is told not to before it is loaded.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    for line in misspelt(os.environ):
        print(f"foldlog: {printable(line)}", file=sys.stderr)
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has had enough
        _discard_output()
    except OSError as error:  # such as a full disk behind the output
        _discard_output()
        print(f"foldlog: {printable(str(error))}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"foldlog {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version
    if context.invoked_subcommand != "serve":  # which loads much more, and stops in order once it serves
        ending.interrupt_at_ctrl_c()


@app.command()
def serve(
    listen: Listen = _DEFAULTS.listen,
    data: Data = _DEFAULTS.data,
    request_window: RequestWindow = _HOURS,
    grace: Grace = _DEFAULTS.grace,
    reflection: Reflection = _DEFAULTS.reflection,
    cached_aggregates: CachedAggregates = _DEFAULTS.cached_aggregates,
    log_level: LogLevel = "info",
    examples: Annotated[bool, typer.Option("--examples", help="Print commands to try first.")] = False,
) -> None:
    """Serve the log in a data directory until stopped by Ctrl-C or SIGTERM."""
    check_address(listen)
    check_level(log_level)
    log_to_stderr(log_level)
    settings = Settings(listen, data, timedelta(hours=request_window), grace, reflection, cached_aggregates)
    _serve(settings, examples=examples)


@app.command()
def config(
    context: typer.Context,
    listen: Listen = _DEFAULTS.listen,
    data: Data = _DEFAULTS.data,
    request_window: RequestWindow = _HOURS,
    grace: Grace = _DEFAULTS.grace,
    reflection: Reflection = _DEFAULTS.reflection,
    cached_aggregates: CachedAggregates = _DEFAULTS.cached_aggregates,
    log_level: LogLevel = "info",
    as_json: Json = False,
) -> None:
    """Show the settings that `serve` would use, and where each comes from: flag, environment, default."""
    del data, request_window, grace, reflection, cached_aggregates
    check_address(listen)
    check_level(log_level)
    rows = [_setting(context, parameter) for parameter in context.command.params if parameter.envvar]
    if as_json:
        print(json.dumps({row["setting"]: row for row in rows}, indent=2))
        return
    table = table_of("setting", "value", "from", "variable")
    for row in rows:
        table.add_row(row["setting"], str(row["value"]), row["from"], row["variable"])
    print_table(table)


@app.command("check-history")
def check_history(data: StoredData = _DEFAULTS.data, as_json: Json = False) -> None:
    """Fold all that is stored by the code that is installed; exit code 1 if something would break.

    For a new release, before it is deployed. Nothing is changed, and a server may be using the directory.
    """
    from foldlog_server import check_history as checking
    from foldlog_server.core.history import Findings
    from foldlog_server.progress import shown

    logging.getLogger("foldlog_server").setLevel(logging.CRITICAL)  # the findings say what views would log
    findings = Findings()
    tell = _discard_line if as_json else _print_line
    try:
        asyncio.run(shown(checking.check(data, findings), tell))
    except checking.CannotCheck as reason:
        _fail(str(reason))
    if as_json:
        print(json.dumps(checking.as_json(findings), indent=2))
    else:
        if findings.problems:
            print_table(checking.table_of_problems(findings))
        print(checking.summary(findings))
    if findings.problems:
        raise typer.Exit(1)


@app.command("accept-loss")
def accept_loss(
    data: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The data directory.")],
    head: Annotated[str, typer.Option(metavar="POSITION:MARK", help="The end, as the refusal names it.")],
) -> None:
    """Go on with what is left of a log that has lost events: it becomes another log with the same history.

    Clients are told that the log was replaced. Copies of the files as they were stay in the data directory.
    """
    from foldlog_server.app import new_id
    from foldlog_server.stores import loss
    from foldlog_server.stores.opening import CannotOpen

    try:
        log_id = loss.accept(data, head, new_id, time.time_ns())
    except CannotOpen as reason:
        _fail(str(reason))
    print(f"{data} is log {log_id} from now on: it begins with the events up to {head}.")


@app.command("clock")
def clock(address: Address = _DEFAULTS.listen, as_json: Json = False) -> None:
    """Show a server's time, and whether the clock of its machine has leapt away from it."""
    from foldlog_server import clock_report
    from foldlog_server.views import as_json as json_of

    with _told_failures(address):
        found = asyncio.run(clock_report.ask(address))
        if as_json:
            print(json.dumps(json_of(found), indent=2))
        else:
            print("\n".join(clock_report.lines(found)))


@app.command("scrub")
def scrub(address: Address = _DEFAULTS.listen, as_json: Json = False) -> None:
    """Show how far a server is with holding its log's tables against their indexes; 1 if something is
    damaged.

    It does so once a day, slowly. `foldlog verify` looks at more, and at once.
    """
    from foldlog_server import scrub_report
    from foldlog_server.views import as_json as json_of

    with _told_failures(address):
        found = asyncio.run(scrub_report.ask(address))
        if as_json:
            print(json.dumps(json_of(found), indent=2))
        else:
            print("\n".join(map(printable, scrub_report.lines(found))))
        if found.damages:
            raise typer.Exit(1)


@app.command()
def backup(
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="A directory, empty or made.")],
    data: BackedUpData = _DEFAULTS.data,
    address: Through = None,
    as_json: Json = False,
) -> None:
    """Copy a log, verified, with a manifest; a server may be using the directory, and goes on.

    With --address it comes through a running server, also when its files were removed, moved or replaced.
    """
    from foldlog_server.operations.backup import Backup
    from foldlog_server.operations.manifest import as_text

    ending.interrupt_at_sigterm()
    taken = Backup(destination)
    if address is None:
        check_directory(data)
        _carry_out(taken.of_directory(data), _teller(as_json))
    else:
        with _told_failures(address):
            _carry_out(taken.of_server(address), _teller(as_json))
    manifest = taken.manifest
    print(as_text(manifest) if as_json else f"Backed up to {destination}: {manifest}.")


@app.command()
def restore(
    backup: Annotated[Path, typer.Argument(metavar="SRC", help="What `foldlog backup` made.")],
    data: Data = _DEFAULTS.data,
    to_position: ToPosition = None,
    as_json: Json = False,
) -> None:
    """Make a log out of a backup, in a data directory that has none. It has a log_id of its own."""
    from foldlog_server.app import new_id
    from foldlog_server.operations.restore import NewLog

    ending.interrupt_at_sigterm()
    new = NewLog(data, new_id)
    _carry_out(new.restore(backup, to_position), _teller(as_json))
    _tell_made(new.made, data, as_json)


@app.command()
def verify(
    data: StoredData = _DEFAULTS.data,
    full: Annotated[
        bool, typer.Option("--full", help="Also the whole chain, every index, and views against a replay.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Verify all that is stored, and name what is damaged and where; exit code 1 if something is.

    Nothing is changed, and a server may be using the directory.
    """
    from foldlog_server.operations import findings as found
    from foldlog_server.operations.verify import verify as verifying

    findings = found.Findings()
    _carry_out(verifying(data, findings, full=full), _teller(as_json))
    if as_json:
        print(json.dumps(found.as_json(findings), indent=2))
    else:
        if findings.damages:
            print_table(found.table_of_damages(findings))
        for note in findings.notes:
            print(printable(note))
        print(found.summary(findings))
    if findings.damages:
        raise typer.Exit(1)


@app.command("export")
def export_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; - = the output.")],
    data: StoredData = _DEFAULTS.data,
) -> None:
    """Write a log as lines of JSON; a server may be using the directory, and goes on."""
    from foldlog_server.operations.export import export as exporting

    ending.interrupt_at_sigterm()
    if str(file) == "-":
        _carry_out(exporting(data, file, _write_line), _print_error_line)
        return
    with _new_file(file) as write:
        _carry_out(exporting(data, file, write), _print_line)
    print(f"Exported to {file}.")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export; - = the input.")],
    data: Data = _DEFAULTS.data,
    to_position: ToPosition = None,
    as_json: Json = False,
) -> None:
    """Make a log out of an export, in a data directory that has none. It has a log_id of its own."""
    from foldlog_server.app import new_id
    from foldlog_server.operations.json_lines import JsonLinesSource
    from foldlog_server.operations.refused import Refused
    from foldlog_server.operations.restore import NewLog

    ending.interrupt_at_sigterm()
    new = NewLog(data, new_id)
    try:
        with _input(file) as lines:
            source = JsonLinesSource(lines, str(file))
            _carry_out(new.of_source(source, to_position, "import"), _teller(as_json))
    except Refused as reason:
        _fail(str(reason))
    except OSError as error:
        _fail(f"{file} cannot be read: {error}. Name a file that `foldlog export` made, or - for the input.")
    _tell_made(new.made, data, as_json)


@events.command("tail")
def events_tail(
    address: Address = _DEFAULTS.listen,
    after: Annotated[
        str | None,
        typer.Option(
            metavar="POSITION",
            help="Begin after this position; 0 = all events. Or after the event of this token, "
            "which --json prints: it is refused if a copy of the log was put back since.",
        ),
    ] = None,
    category: Annotated[list[str] | None, typer.Option(help="Only these categories, such as order.")] = None,
    stream_prefix: Annotated[list[str] | None, typer.Option(help="Only streams that begin so.")] = None,
    event_type: Annotated[list[str] | None, typer.Option(help="Only these full message names.")] = None,
    follow: Annotated[bool, typer.Option(help="Go on when the end is reached.")] = True,
    as_json: Json = False,
) -> None:
    """Print events as they are stored: new ones only, or with --after from a position on."""
    # Imported here: `foldlog --version` need not load gRPC.
    from foldlog_server import tail

    for name in event_type or []:
        check_event_type(name)
    try:
        start = None if after is None else tail.parsed_position(after)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--after") from None
    wanted = tail.Wanted(start, category or [], stream_prefix or [], event_type or [], follow)
    with _told_failures(address), suppress(KeyboardInterrupt):
        asyncio.run(tail.tail(address, wanted, print_line=_print_line, as_json=as_json))


@views.command("list")
def views_list(address: Address = _DEFAULTS.listen, as_json: Json = False) -> None:
    """Show how far every view is, and what stands in its way."""
    from foldlog_server import views as of_server

    with _told_failures(address):
        found = asyncio.run(of_server.Operator(address).views())
        if as_json:
            print(json.dumps(of_server.as_json(found), indent=2))
        else:
            print_table(of_server.table_of_views(found))


@views.command("rebuild")
def views_rebuild(
    view: Annotated[list[str], typer.Argument(help="The names of the views.")],
    address: Address = _DEFAULTS.listen,
    wait: Annotated[bool, typer.Option(help="Wait until they are built, and show how far that is.")] = True,
) -> None:
    """Have views built anew from the log; what they have answers until that is done."""
    from foldlog_server import views as of_server
    from foldlog_server.progress import shown

    with _told_failures(address), suppress(KeyboardInterrupt):
        failed = asyncio.run(shown(of_server.Operator(address).rebuild(view, wait=wait), _print_line))
        if failed:
            _fail(f"The server could not rebuild {', '.join(failed)}.")


@views.command("parked")
def views_parked(
    view: Annotated[str, typer.Argument(help="Only this view.")] = "",
    address: Address = _DEFAULTS.listen,
    as_json: Json = False,
) -> None:
    """List the documents that wait on an event which their view could not digest."""
    from foldlog_server import views as of_server

    with _told_failures(address):
        found = asyncio.run(of_server.Operator(address).parked(view))
        if as_json:
            print(json.dumps([of_server.as_json(one) for one in found], indent=2))
        elif found:
            print_table(of_server.table_of_parked(found))
        else:
            print("Nothing is parked.")


@views.command("retry")
def views_retry(
    view: Annotated[str, typer.Argument(help="The name of the view.")],
    collection: Annotated[str, typer.Option(help="Only documents of this collection.")] = "",
    id: Annotated[str, typer.Option(help="Only the document with this id.")] = "",
    address: Address = _DEFAULTS.listen,
) -> None:
    """Let a view try again to digest what is parked, once the cause is cured; 1 if something still waits."""
    from foldlog_server import views as of_server

    with _told_failures(address):
        cured, still_parked = asyncio.run(of_server.Operator(address).retry(view, collection, id))
        if not cured and not still_parked:
            print("Nothing of that is parked.")
        else:
            print(f"{cured:,} documents made good, {still_parked:,} still parked.")
        if still_parked:
            raise typer.Exit(1)


def _teller(as_json: bool) -> Callable[[str], None]:
    """Who tells how far an operation is: JSON for programs is its result alone."""
    return _discard_line if as_json else _print_line


@contextmanager
def _new_file(file: Path) -> Iterator[Callable[[str], object]]:
    """What writes the lines of a file that gets its name when it is whole."""
    from foldlog_server.stores import durable, private_files

    _check_new(file)
    part = durable.partial(file.with_name(f"{file.name}.{os.getpid()}"))  # another may be writing there, too
    try:
        private_files.make_file(part)
        with part.open("w", encoding="utf-8") as opened:
            yield lambda line: opened.write(f"{line}\n")
        _check_new(file)
        durable.put_in_place(file, part)
    except (FileNotFoundError, NotADirectoryError) as error:
        _fail(f"{file} cannot be written: {error}. Make the directory, or choose another place.")
    except OSError as error:
        _fail(f"{file} cannot be written: {error}. Free space, or choose another place.")
    finally:
        part.unlink(missing_ok=True)


def _check_new(file: Path) -> None:
    if file.exists():
        _fail(f"{file} is there already, and nothing is overwritten. Name another file.")


@contextmanager
def _input(file: Path) -> Iterator[Iterator[str]]:
    """The lines of a file, or of the input; bytes that are no UTF-8 are left to the checksums."""
    if str(file) == "-":
        yield (line.decode("utf-8", "surrogateescape") for line in sys.stdin.buffer)
        return
    with file.open(encoding="utf-8", errors="surrogateescape", newline="\n") as opened:
        yield opened


def _write_line(line: str) -> None:
    """In UTF-8, whatever the output's encoding: it is for programs, and has checksums."""
    sys.stdout.buffer.write(f"{line}\n".encode())


def _print_error_line(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _carry_out(steps: "AsyncIterator[Step]", tell: Callable[[str], None]) -> None:
    """Carry an operation out, and show how far it is."""
    from foldlog_server.operations.refused import Refused
    from foldlog_server.progress import shown

    try:
        asyncio.run(shown(steps, tell))
    except Refused as reason:
        _fail(str(reason))
    except KeyboardInterrupt:
        _fail("Interrupted. What is not whole has been removed.")


def _tell_made(made: "Made", data: Path, as_json: bool) -> None:
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
        f"{data} holds {head.position:,} events in {made.streams:,} streams and {made.requests:,} "
        f"request records, as log {made.log_id}."
    )


@contextmanager
def _told_failures(address: str) -> Iterator[None]:
    """Tell in one line why something cannot be asked of a server, and exit."""
    check_address(address, "--address")
    from foldlog_client import FoldlogError, Unavailable

    try:
        yield
    except BrokenPipeError:  # whoever read it has had enough, as `head` has
        _discard_output()
    except Unavailable as failure:
        _fail(f"Nobody answers at {address}. Start a server there, or say where with --address. ({failure})")
    except FoldlogError as failure:
        _fail(str(failure))


def _discard_line(line: str) -> None:
    del line


def _print_line(line: str) -> None:
    print(line, flush=True)


def _discard_output() -> None:
    """Python writes what is left when it exits, and would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _setting(context: typer.Context, parameter: Any) -> dict[str, Any]:
    names = {"COMMANDLINE": "flag", "ENVIRONMENT": "environment"}
    source = context.get_parameter_source(parameter.name)
    value = context.params[parameter.name]
    return {
        "setting": parameter.opts[0].removeprefix("--"),
        "value": str(value) if isinstance(value, Path) else value,
        "from": names.get(source.name, "default") if source else "default",
        "variable": parameter.envvar,
    }


def _serve(settings: Settings, *, examples: bool) -> None:
    # Imported here: `foldlog --version` need not load gRPC.
    from foldlog_server.core.errors import LogDetached
    from foldlog_server.serving import CannotStart, serve_until_stopped

    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            failure = runner.run(serve_until_stopped(settings, _print_line, examples=examples))
    except CannotStart as reason:
        print(f"foldlog: {printable(str(reason))}", file=sys.stderr, flush=True)
        os._exit(1)  # whatever thread is left would be waited for
    if isinstance(failure, LogDetached):
        print(
            "foldlog: The log's files were removed, moved or replaced while it was served.", file=sys.stderr
        )
        sys.stdout.flush()
        os._exit(1)  # nothing is closed: SQLite would remove what lies at the names of its files now
    if failure is not None:
        _fail("The store failed, and what was being written is unknown. It is verified at the next start.")


def _fail(line: str) -> NoReturn:
    print(f"foldlog: {printable(line)}", file=sys.stderr)
    raise typer.Exit(1)
