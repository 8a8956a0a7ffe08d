"""The Typer apps to which the other modules add their commands."""

from typing import Annotated

import typer

from foldlog_server import __version__, ending
from foldlog_server.settings import Settings

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="An event-sourced CQRS backend served over gRPC.",
)
events = typer.Typer(no_args_is_help=True, help="Read and follow the log of a running server.")
app.add_typer(events, name="events")
views = typer.Typer(no_args_is_help=True, help="Look after the views of a running server.")
app.add_typer(views, name="views")

DEFAULTS = Settings()


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
    if context.invoked_subcommand != "serve":  # `serve` loads much more, and stops in order once it serves
        ending.interrupt_at_ctrl_c()
