"""Tables for a terminal."""

from rich.console import Console
from rich.table import Column, Table

_WIDE = 10_000
"""Columns, so that what is read by programs has a row on one line."""


def print_table(table: Table) -> None:
    """Print a table: as wide as the terminal, or as wide as it takes where there is none."""
    console = Console()
    console.print(table, width=None if console.is_terminal else _WIDE)


def table_of(*names: str) -> Table:
    """A table with these columns and no rows yet; nothing in it is cut short."""
    return Table(*(Column(name, overflow="fold") for name in names), box=None)
