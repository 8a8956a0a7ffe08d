"""Commands that show the state of a running server: `clock` and `scrub`."""

import asyncio
import json

import typer

from foldlog_server.cli.apps import DEFAULTS, app
from foldlog_server.cli.options import Address, Json
from foldlog_server.cli.output import exit_on_failure
from foldlog_server.printable import printable


@app.command("clock")
def clock(address: Address = DEFAULTS.listen, as_json: Json = False) -> None:
    """Show the time of a running server.

    Also shows whether the clock of its machine deviates from it.
    """
    from foldlog_server.cli import clock_report
    from foldlog_server.cli.view_reports import as_json as json_of

    with exit_on_failure(address):
        found = asyncio.run(clock_report.ask(address))
        if as_json:
            print(json.dumps(json_of(found), indent=2))
        else:
            print("\n".join(clock_report.lines(found)))


@app.command("scrub")
def scrub(address: Address = DEFAULTS.listen, as_json: Json = False) -> None:
    """Show the scrub of a running server's log.

    A scrub compares tables with their indexes, slowly, once a day; exit code 1 if something is damaged.
    `foldlog verify` checks more, and at once.
    """
    from foldlog_server.cli import scrub_report
    from foldlog_server.cli.view_reports import as_json as json_of

    with exit_on_failure(address):
        found = asyncio.run(scrub_report.ask(address))
        if as_json:
            print(json.dumps(json_of(found), indent=2))
        else:
            print("\n".join(map(printable, scrub_report.lines(found))))
        if found.damages:
            raise typer.Exit(1)
