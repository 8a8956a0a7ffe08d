"""Tables for a terminal."""

from rich.table import Column, Table


def table_of(*names: str) -> Table:
    """A table with these columns and no rows yet; nothing in it is cut short."""
    return Table(*(Column(name, overflow="fold") for name in names), box=None)
