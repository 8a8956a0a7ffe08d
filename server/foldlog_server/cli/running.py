"""Commands that ask a running server, or have it do something."""

import asyncio
import json
from contextlib import suppress
from typing import Annotated

import typer

from foldlog_server.cli.apps import DEFAULTS, app, events, views
from foldlog_server.cli.options import Address, DomainNames, Json, check_event_type
from foldlog_server.cli.output import fail, make_readable, print_line, told_failures
from foldlog_server.printable import printable
from foldlog_server.tables import print_table


@app.command("clock")
def clock(address: Address = DEFAULTS.listen, as_json: Json = False) -> None:
    """Show a server's time, and whether the clock of its machine has leapt away from it."""
    from foldlog_server.cli import clock_report
    from foldlog_server.cli.view_reports import as_json as json_of

    with told_failures(address):
        found = asyncio.run(clock_report.ask(address))
        if as_json:
            print(json.dumps(json_of(found), indent=2))
        else:
            print("\n".join(clock_report.lines(found)))


@app.command("scrub")
def scrub(address: Address = DEFAULTS.listen, as_json: Json = False) -> None:
    """Show how far a server is with holding its log's tables against their indexes; 1 if something is
    damaged.

    It does so once a day, slowly. `foldlog verify` looks at more, and at once.
    """
    from foldlog_server.cli import scrub_report
    from foldlog_server.cli.view_reports import as_json as json_of

    with told_failures(address):
        found = asyncio.run(scrub_report.ask(address))
        if as_json:
            print(json.dumps(json_of(found), indent=2))
        else:
            print("\n".join(map(printable, scrub_report.lines(found))))
        if found.damages:
            raise typer.Exit(1)


@events.command("tail")
def events_tail(
    address: Address = DEFAULTS.listen,
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
    domain: DomainNames = None,
    as_json: Json = False,
) -> None:
    """Print events as they are stored: new ones only, or with --after from a position on."""
    # Imported here: `foldlog --version` need not load gRPC.
    from foldlog_server.operations import event_lines

    for name in event_type or []:
        check_event_type(name)
    make_readable(domain)
    try:
        start = None if after is None else event_lines.parsed_position(after)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--after") from None
    wanted = event_lines.Wanted(start, category or [], stream_prefix or [], event_type or [], follow)
    with told_failures(address), suppress(KeyboardInterrupt):
        asyncio.run(event_lines.tail(address, wanted, print_line=print_line, as_json=as_json))


@views.command("list")
def views_list(address: Address = DEFAULTS.listen, as_json: Json = False) -> None:
    """Show how far every view is, and what stands in its way."""
    from foldlog_server.cli import view_reports as of_server

    with told_failures(address):
        found = asyncio.run(of_server.Operator(address).views())
        if as_json:
            print(json.dumps(of_server.as_json(found), indent=2))
        else:
            print_table(of_server.table_of_views(found))


@views.command("rebuild")
def views_rebuild(
    view: Annotated[list[str], typer.Argument(help="The names of the views.")],
    address: Address = DEFAULTS.listen,
    wait: Annotated[bool, typer.Option(help="Wait until they are built, and show how far that is.")] = True,
) -> None:
    """Have views built anew from the log; what they have answers until that is done."""
    from foldlog_server.cli import view_reports as of_server
    from foldlog_server.operations.progress import shown

    with told_failures(address), suppress(KeyboardInterrupt):
        failed = asyncio.run(shown(of_server.Operator(address).rebuild(view, wait=wait), print_line))
        if failed:
            fail(f"The server could not rebuild {', '.join(failed)}.")


@views.command("parked")
def views_parked(
    view: Annotated[str, typer.Argument(help="Only this view.")] = "",
    address: Address = DEFAULTS.listen,
    as_json: Json = False,
) -> None:
    """List the documents that wait on an event which their view could not digest."""
    from foldlog_server.cli import view_reports as of_server

    with told_failures(address):
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
    address: Address = DEFAULTS.listen,
) -> None:
    """Let a view try again to digest what is parked, once the cause is cured; 1 if something still waits."""
    from foldlog_server.cli import view_reports as of_server

    with told_failures(address):
        cured, still_parked = asyncio.run(of_server.Operator(address).retry(view, collection, id))
        if not cured and not still_parked:
            print("Nothing of that is parked.")
        else:
            print(f"{cured:,} documents made good, {still_parked:,} still parked.")
        if still_parked:
            raise typer.Exit(1)
