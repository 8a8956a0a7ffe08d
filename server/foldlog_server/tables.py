"""Prints tables on a terminal, and for programs that read the output."""

from rich.console import Console
from rich.table import Column, Table

_WIDE = 10_000
"""The width where the output is no terminal, so that programs read each row as one line."""


def print_table(table: Table) -> None:
    """Print a table: as wide as the terminal, or as wide as its rows if the output is none."""
    console = Console()
    console.print(table, width=None if console.is_terminal else _WIDE)


def table_of(*names: str) -> Table:
    """A table with these columns and no rows yet; its cells are folded and never cut short."""
    return Table(*(Column(name, overflow="fold") for name in names), box=None)
