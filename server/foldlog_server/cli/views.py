"""Commands on the views of a running server: `views list`, `rebuild`, `parked` and `retry`."""

import asyncio
import json
from contextlib import suppress
from typing import Annotated

import typer

from foldlog_server.cli.apps import DEFAULTS, views
from foldlog_server.cli.options import Address, Json
from foldlog_server.cli.output import exit_on_failure, fail, print_line
from foldlog_server.printable import counted
from foldlog_server.tables import print_table


@views.command("list")
def views_list(address: Address = DEFAULTS.listen, as_json: Json = False) -> None:
    """Show the position of every view, and its problems."""
    from foldlog_server.cli import view_reports as reports

    with exit_on_failure(address):
        found = asyncio.run(reports.Operator(address).views())
        if as_json:
            print(json.dumps(reports.as_json(found), indent=2))
        else:
            print_table(reports.table_of_views(found))


@views.command("rebuild")
def views_rebuild(
    view: Annotated[list[str], typer.Argument(help="The names of the views.")],
    address: Address = DEFAULTS.listen,
    wait: Annotated[bool, typer.Option(help="Wait until they are rebuilt, and show the progress.")] = True,
) -> None:
    """Rebuild views from the log.

    Their present documents answer until that is done.
    """
    from foldlog_server.cli import view_reports as reports
    from foldlog_server.operations.progress import shown

    with exit_on_failure(address), suppress(KeyboardInterrupt):
        failed = asyncio.run(shown(reports.Operator(address).rebuild(view, wait=wait), print_line))
        if failed:
            fail(f"The server could not rebuild {', '.join(failed)}.")


@views.command("parked")
def views_parked(
    view: Annotated[str, typer.Argument(help="Only this view.")] = "",
    address: Address = DEFAULTS.listen,
    as_json: Json = False,
) -> None:
    """List the documents with an event that their view could not apply."""
    from foldlog_server.cli import view_reports as reports

    with exit_on_failure(address):
        found = asyncio.run(reports.Operator(address).parked(view))
        if as_json:
            print(json.dumps([reports.as_json(one) for one in found], indent=2))
        elif found:
            print_table(reports.table_of_parked(found))
        else:
            print("Nothing is parked.")


@views.command("retry")
def views_retry(
    view: Annotated[str, typer.Argument(help="The name of the view.")],
    collection: Annotated[str, typer.Option(help="Only documents of this collection.")] = "",
    id: Annotated[str, typer.Option(help="Only the document with this id.")] = "",
    address: Address = DEFAULTS.listen,
) -> None:
    """Retry the parked events of a view.

    Run it once the cause is fixed; exit code 1 if some are still parked.
    """
    from foldlog_server.cli import view_reports as reports

    with exit_on_failure(address):
        cured, still_parked = asyncio.run(reports.Operator(address).retry(view, collection, id))
        if not cured and not still_parked:
            print("Nothing of that is parked.")
        else:
            print(f"{counted(cured, 'document')} repaired, {still_parked:,} still parked.")
        if still_parked:
            raise typer.Exit(1)
