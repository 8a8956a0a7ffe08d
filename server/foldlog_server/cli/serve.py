"""The command `serve`, and `config`, which shows its settings."""

import asyncio
import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from foldlog_server.cli.apps import DEFAULTS, app
from foldlog_server.cli.options import (
    CachedAggregates,
    Data,
    DomainNames,
    Grace,
    Json,
    Listen,
    LogLevel,
    Reflection,
    RequestWindow,
    Shop,
    check_address,
    check_level,
)
from foldlog_server.cli.output import fail, print_line
from foldlog_server.printable import printable
from foldlog_server.process import log_to_stderr, loop_factory
from foldlog_server.settings import Settings
from foldlog_server.tables import print_table, table_of

_HOURS = DEFAULTS.request_window / timedelta(hours=1)


@app.command()
def serve(
    listen: Listen = DEFAULTS.listen,
    data: Data = DEFAULTS.data,
    request_window: RequestWindow = _HOURS,
    grace: Grace = DEFAULTS.grace,
    reflection: Reflection = DEFAULTS.reflection,
    cached_aggregates: CachedAggregates = DEFAULTS.cached_aggregates,
    domain: DomainNames = None,
    shop: Shop = DEFAULTS.shop,
    log_level: LogLevel = "info",
    examples: Annotated[bool, typer.Option("--examples", help="Print commands to try first.")] = False,
) -> None:
    """Serve the log in a data directory.

    Ctrl-C or SIGTERM stops the server.
    """
    check_address(listen)
    check_level(log_level)
    log_to_stderr(log_level)
    settings = Settings(
        listen,
        data,
        timedelta(hours=request_window),
        grace,
        reflection,
        cached_aggregates,
        tuple(domain or ()),
        shop,
    )
    _serve(settings, examples=examples)


@app.command()
def config(
    context: typer.Context,
    listen: Listen = DEFAULTS.listen,
    data: Data = DEFAULTS.data,
    request_window: RequestWindow = _HOURS,
    grace: Grace = DEFAULTS.grace,
    reflection: Reflection = DEFAULTS.reflection,
    cached_aggregates: CachedAggregates = DEFAULTS.cached_aggregates,
    domain: DomainNames = None,
    shop: Shop = DEFAULTS.shop,
    log_level: LogLevel = "info",
    as_json: Json = False,
) -> None:
    """Show the settings that `serve` would use.

    Also shows where each comes from: flag, environment or default.
    """
    del data, request_window, grace, reflection, cached_aggregates, domain, shop
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
    # Imported here: `foldlog --version` should not load gRPC.
    from foldlog_server.cli.server_process import CannotStart, serve_until_stopped
    from foldlog_server.errors import LogDetached

    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            failure = runner.run(serve_until_stopped(settings, print_line, examples=examples))
    except CannotStart as cannot:
        for reason in cannot.reasons:
            print(f"foldlog: {printable(reason)}", file=sys.stderr, flush=True)
        os._exit(1)  # a normal exit would wait for the remaining threads
    if isinstance(failure, LogDetached):
        print(
            "foldlog: The log's files were removed, moved or replaced while it was served.", file=sys.stderr
        )
        sys.stdout.flush()
        os._exit(1)  # nothing is closed: SQLite would delete what is now at the paths of its files
    if failure is not None:
        fail("The store failed, and what was being written is unknown. It is verified at the next start.")
