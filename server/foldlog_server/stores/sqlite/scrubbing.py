"""Compares the tables of a log with their indexes, page by page, while the log is written.

Each page is read in a short transaction. Rows that are added meanwhile are skipped by their numbers; rows
never change.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from operator import lt
from typing import Any, NamedTuple
from zlib import crc32

from foldlog_server.stores.causes import DAMAGE, cause_of
from foldlog_server.stores.sqlite import index_sums, requests
from foldlog_server.stores.sqlite.rows import read_head
from foldlog_server.stores.sqlite.statements import statement
from foldlog_server.stores.sqlite.stored_text import text_of

PAGE = 2_000
"""Rows or entries that are read at a time, which takes some milliseconds."""

_FIRST = -(2**63)
_INDEXED = statement("select_indexed")
_NAMES = statement("select_names")
_INDEXED_NAMES = statement("select_indexed_names")
_REQUESTS = statement("select_requests")
_KEYS = statement("list_keys_behind")
_PARTITIONS = statement("select_partitions")
_LAST_REQUEST = statement("select_last_request")


class ScrubStep(NamedTuple):
    """One page that has been read: the table or index, and how many rows."""

    part: str
    rows: int


Report = Callable[[str], object]
"""Is called with one line for each damage."""


def scrub(connection: sqlite3.Connection, report: Report) -> Iterator[ScrubStep]:
    """Compare every table with its index, on a connection that was set up to read.

    Raises `sqlite3.Error` and MemoryError for shortages.
    """
    yield from _guarded("events", _events(connection, report), connection, report)
    for table in ("streams", "types"):
        yield from _guarded(table, _names(connection, table, report), connection, report)
    for partition in _partitions(connection):
        yield from _guarded(partition, _requests(connection, partition, report), connection, report)


def size(connection: sqlite3.Connection) -> int:
    """How many rows and entries there are to read."""
    rows = read_head(connection).position
    for table in ("streams", "types"):
        rows += connection.execute(f"SELECT ifnull(max(key), 0) FROM {table}").fetchone()[0]
    for partition in _partitions(connection):
        rows += connection.execute(_LAST_REQUEST.format(partition=partition)).fetchone()[0]
    return 2 * int(rows)


def _guarded(
    part: str, steps: Iterator[ScrubStep], connection: sqlite3.Connection, report: Report
) -> Iterator[ScrubStep]:
    try:
        yield from steps
    except (sqlite3.Error, TypeError, ValueError) as error:
        if part.startswith("requests") and part not in _partitions(connection):
            return  # the partition is older than the window and has been dropped
        if isinstance(error, sqlite3.Error) and cause_of(error) not in DAMAGE:
            raise
        report(f"{part} cannot be read to its end: {error}")


def _partitions(connection: sqlite3.Connection) -> list[str]:
    return [text_of(name) for (name,) in connection.execute(_PARTITIONS)]


def _events(connection: sqlite3.Connection, report: Report) -> Iterator[ScrubStep]:
    head = read_head(connection).position
    rows = added = 0
    for after in range(0, head, PAGE):
        some = index_sums.of_rows(connection, after, min(after + PAGE, head))
        rows, added = rows + some.entries, added + some.added
        yield ScrubStep("events", some.entries)
    entries = indexed = 0
    place: tuple[int, int] = (_FIRST, _FIRST)
    while page := connection.execute(_INDEXED, (*place, PAGE)).fetchall():
        _check_order([place, *(row[:2] for row in page)])
        place = page[-1][:2]
        of_page = [index_sums.of_event(*row) for row in page if row[2] <= head]
        entries, indexed = entries + len(of_page), indexed + sum(of_page)
        yield ScrubStep("events_by_stream", len(page))
    if not rows == entries == head or added != indexed:
        report(f"events_by_stream does not lead to the events: {_counted(entries, rows, head)}")


def _names(connection: sqlite3.Connection, table: str, report: Report) -> Iterator[ScrubStep]:
    last = connection.execute(f"SELECT ifnull(max(key), 0) FROM {table}").fetchone()[0]
    key = rows = added = 0
    while page := connection.execute(_NAMES.format(table=table), (key, PAGE)).fetchall():
        names = [(number, name) for number, name in page if number <= last]
        rows, added = rows + len(names), added + sum([crc32(name, number) for number, name in names])
        key = page[-1][0]
        yield ScrubStep(table, len(page))
    entries = indexed = 0
    behind = ""  # bound as text, as names are stored: SQLite sorts bytes after all text
    while page := connection.execute(_INDEXED_NAMES.format(table=table), (behind, PAGE)).fetchall():
        _check_order([behind.encode(), *(name for name, _ in page)])
        behind = str(page[-1][0], "utf-8")
        names = [(number, name) for name, number in page if number <= last]
        entries += len(names)
        indexed += sum([crc32(name, number) for number, name in names])
        yield ScrubStep(f"the index of {table}", len(page))
    if not rows == entries == last or added != indexed:
        report(f"the index of {table} does not match its names: {_counted(entries, rows, last)}")


def _requests(connection: sqlite3.Connection, partition: str, report: Report) -> Iterator[ScrubStep]:
    last = connection.execute(_LAST_REQUEST.format(partition=partition)).fetchone()[0]
    number = rows = added = 0
    while page := connection.execute(_REQUESTS.format(partition=partition), (number, PAGE)).fetchall():
        for number, key, fingerprint, outcome, crc in page:
            if not requests.is_sound(key, fingerprint, outcome, crc):
                report(f"record {number:,} of {partition} does not fit its checksum")
            if number <= last:
                rows, added = rows + 1, added + index_sums.of_request(number, key)
        yield ScrubStep(partition, len(page))
    entries = indexed = 0
    behind = b""
    while page := connection.execute(_KEYS.format(partition=partition), (behind, PAGE)).fetchall():
        _check_order([behind, *(key for _, key in page)])
        behind = page[-1][1]
        of_page = [index_sums.of_request(number, key) for number, key in page if number <= last]
        entries, indexed = entries + len(of_page), indexed + sum(of_page)
        yield ScrubStep(f"the index of {partition}", len(page))
    if not rows == entries == last or added != indexed:
        report(f"the index of {partition} does not lead to its records: {_counted(entries, rows, last)}")


def _counted(entries: int, rows: int, last: int) -> str:
    return f"{entries:,} entries, {rows:,} rows, which are numbered up to {last:,}"


def _check_order(places: Sequence[Any]) -> None:
    if not all(map(lt, places, places[1:])):
        raise ValueError("its entries are not in order")
