"""Commands on the events of a running server: `events tail`."""

import asyncio
from contextlib import suppress
from typing import Annotated

import typer

from foldlog_server.cli.apps import DEFAULTS, events
from foldlog_server.cli.options import Address, DomainNames, Json, check_event_type
from foldlog_server.cli.output import exit_on_failure, make_readable, print_line


@events.command("tail")
def events_tail(
    address: Address = DEFAULTS.listen,
    after: Annotated[
        str | None,
        typer.Option(
            metavar="POSITION",
            help="Begin after this position; 0 = all events. Or after the event of this token, "
            "which --json prints: it is refused if an older copy of the log has been put in place since.",
        ),
    ] = None,
    category: Annotated[list[str] | None, typer.Option(help="Only these categories, such as order.")] = None,
    stream_prefix: Annotated[list[str] | None, typer.Option(help="Only streams with this prefix.")] = None,
    event_type: Annotated[list[str] | None, typer.Option(help="Only these full message names.")] = None,
    follow: Annotated[bool, typer.Option(help="Keep following when the end is reached.")] = True,
    domain: DomainNames = None,
    as_json: Json = False,
) -> None:
    """Print events as they are stored: new ones only, or with --after from a position on."""
    # Imported here: `foldlog --version` should not load gRPC.
    from foldlog_server.operations import event_lines

    for name in event_type or []:
        check_event_type(name)
    make_readable(domain)
    try:
        start = None if after is None else event_lines.parsed_position(after)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--after") from None
    wanted = event_lines.Wanted(start, category or [], stream_prefix or [], event_type or [], follow)
    with exit_on_failure(address), suppress(KeyboardInterrupt):
        asyncio.run(event_lines.tail(address, wanted, print_line=print_line, as_json=as_json))
