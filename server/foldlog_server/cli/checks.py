"""Commands that check the log of a data directory: `check-history`, `verify`, and `accept-loss`."""

import asyncio
import json
import logging
import time
from pathlib import Path
from typing import Annotated

import typer

from foldlog_server.cli.apps import DEFAULTS, app
from foldlog_server.cli.options import DomainNames, Json, Shop, StoredData
from foldlog_server.cli.output import carry_out, fail, loaded_domains, progress_printer
from foldlog_server.printable import printable
from foldlog_server.tables import print_table


@app.command("check-history")
def check_history(
    data: StoredData = DEFAULTS.data,
    domain: DomainNames = None,
    shop: Shop = DEFAULTS.shop,
    as_json: Json = False,
) -> None:
    """Check that installed code reads the history.

    It reads and folds everything that is stored; exit code 1 if something would break. Run it with a new
    release before you deploy that. Nothing is changed, and a server may be using the directory.
    """
    from foldlog_server.operations import check_history as checking
    from foldlog_server.operations.history import Findings
    from foldlog_server.operations.progress import shown

    logging.getLogger("foldlog.views").setLevel(logging.CRITICAL)  # the findings have what views would log
    findings = Findings()
    domains = loaded_domains(domain, with_shop=shop)
    try:
        asyncio.run(shown(checking.check(data, domains, findings), progress_printer(as_json)))
    except checking.CannotCheck as reason:
        fail(str(reason))
    if as_json:
        print(json.dumps(checking.as_json(findings, domains), indent=2))
    else:
        if findings.problems:
            print_table(checking.table_of_problems(findings))
        print(checking.summary(findings, domains))
    if findings.problems:
        raise typer.Exit(1)


@app.command("accept-loss")
def accept_loss(
    data: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The data directory.")],
    head: Annotated[str, typer.Option(metavar="POSITION:MARK", help="The end, as the refusal names it.")],
) -> None:
    """Continue with a log that has lost events.

    What is left of it becomes a new log with the same history. Clients get the error that the log was
    replaced. Copies of the old files stay in the data directory.
    """
    from foldlog_server.app.services import new_id
    from foldlog_server.stores.files.data_directory import CannotOpen
    from foldlog_server.stores.opening import loss

    try:
        log_id = loss.accept(data, head, new_id, time.time_ns())
    except CannotOpen as reason:
        fail(str(reason))
    print(f"{data} is log {log_id} from now on: it begins with the events up to {head}.")


@app.command()
def verify(
    data: StoredData = DEFAULTS.data,
    full: Annotated[
        bool, typer.Option("--full", help="Also the whole chain, every index, and views against a replay.")
    ] = False,
    domain: DomainNames = None,
    shop: Shop = DEFAULTS.shop,
    as_json: Json = False,
) -> None:
    """Verify everything in a data directory.

    Lists what is damaged and where; exit code 1 if something is. Nothing is changed, and a server may be
    using the directory.
    """
    from foldlog_server.operations import findings as found
    from foldlog_server.operations.verify import verify as verifying

    findings = found.Findings()
    domains = loaded_domains(domain, with_shop=shop)
    carry_out(verifying(data, domains, findings, full=full), progress_printer(as_json))
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
