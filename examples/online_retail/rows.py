"""Reads the rows of the published file, one after another, with amounts as their original text."""

import csv
import gzip
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple, TextIO

_COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID")


class NotRetailRows(ValueError):
    """The file does not hold the data set's rows."""


class Row(NamedTuple):
    """One row of the file."""

    invoice: str
    product: str
    description: str
    quantity: int
    price: str
    """The price of a unit in pounds, as it is written."""
    customer: str
    """As it is written, such as "17850.0"; empty for guests."""


def read_rows(path: Path, day: str | None = None) -> Iterator[Row]:
    """The rows of a .csv or .csv.gz file in its order; with a day such as "2010-12-01" only that day's.

    Raises NotRetailRows, and OSError where the file cannot be read.
    """
    with _opened(path) as text:
        try:
            yield from _rows(text, day or "")
        except (UnicodeDecodeError, csv.Error, gzip.BadGzipFile, EOFError) as failure:
            raise NotRetailRows(f"{path} is not a CSV file in UTF-8: {failure}") from failure


def _opened(path: Path) -> TextIO:
    # utf-8-sig: a spreadsheet puts a byte order mark before the first column's name.
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _rows(text: TextIO, day: str) -> Iterator[Row]:
    reader = csv.reader(text)
    header = next(reader, [])
    missing = [name for name in _COLUMNS if name not in header]
    if missing:
        raise NotRetailRows(
            f"The first line names no column {', '.join(missing)}; it must name {', '.join(_COLUMNS)}."
        )
    columns = [header.index(name) for name in _COLUMNS]
    for cells in reader:
        try:
            invoice, product, description, quantity, date, price, customer = (cells[at] for at in columns)
            Decimal(price)
            row = Row(invoice, product, description, int(quantity), price, customer)
        except (IndexError, ValueError, InvalidOperation) as failure:
            found = ",".join(cells)
            raise NotRetailRows(f"Line {reader.line_num} is no row of the data set: {found}") from failure
        if date.startswith(day):
            yield row
