"""Checks the indexes of a log against stored sums and tables when the log is opened.

All indexes of a million events take about a second; the newest entries are also compared with their rows.
The order of the entries, by which they are found, and the index of names are not checked: what these would
hide is known from `KnownStreams`.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from foldlog_server.stores.files.data_directory import IndexWrong, LogDamaged
from foldlog_server.stores.sqlite import index_sums, requests
from foldlog_server.stores.sqlite.known_streams import KnownStreams
from foldlog_server.stores.sqlite.rows import read_head
from foldlog_server.stores.sqlite.statements import statement

_SUM_STREAMS = statement("sum_streams")
_SELECT_SUM = statement("select_sum")
_SELECT_STREAM_NAMES = statement("list_streams")


def check_indexes(connection: sqlite3.Connection, file: Path) -> tuple[KnownStreams, int]:
    """The known streams, and the sum of their index; raises `IndexWrong`."""
    for partition in requests.names(connection):
        _check_requests(connection, file, partition)
    return _check_streams(connection, file)


def _check_streams(connection: sqlite3.Connection, file: Path) -> tuple[KnownStreams, int]:
    head = read_head(connection).position
    streams = connection.execute(_SUM_STREAMS).fetchall()
    _check_versions(streams, file)
    entries = sum([count for _, count, *_ in streams])
    if entries != head:
        raise IndexWrong(file, f"the index of its streams has {entries:,} entries for {head:,} events")
    added = sum([added for *_, added in streams])
    if added != _expected(connection, file, index_sums.EVENTS, head):
        raise IndexWrong(file, "the index of its streams does not lead to its events")
    names = _names(connection, file)
    if len(names) != len(streams):
        raise IndexWrong(file, f"it names {len(names):,} streams and has the events of {len(streams):,}")
    known = KnownStreams()
    try:
        known.fill(names, [last for _, _, _, last, _ in streams], head)
    except ValueError:
        raise IndexWrong(file, "two of its streams have the same name") from None
    return known, added


def _names(connection: sqlite3.Connection, file: Path) -> list[str]:
    try:
        return [name for _, name in connection.execute(_SELECT_STREAM_NAMES)]
    except sqlite3.OperationalError as error:
        if "decode" in str(error):
            raise LogDamaged.as_a_database(file, "the name of a stream is not text") from error
        raise


def _check_versions(streams: Sequence[tuple[int, int, int, int, int]], file: Path) -> None:
    """Raise `IndexWrong` unless keys and each stream's versions are 1, 2, 3, …; the index is unique."""
    for expected, (key, count, first, last, _) in enumerate(streams, 1):
        if key != expected or first != 1 or last != count:
            raise IndexWrong(file, f"the index of its streams has a gap at stream {expected:,}")


def _check_requests(connection: sqlite3.Connection, file: Path, partition: str) -> None:
    [rows] = connection.execute(statement("select_last_request").format(partition=partition)).fetchone()
    try:
        entries, added = index_sums.of_keys(connection, partition)
    except ValueError as disorder:
        raise IndexWrong(file, str(disorder)) from None
    if entries != rows:
        raise IndexWrong(file, f"the index of {partition} has {entries:,} entries for {rows:,} records")
    if added != _expected(connection, file, partition, rows):
        raise IndexWrong(file, f"the index of {partition} does not lead to its records")


def _expected(connection: sqlite3.Connection, file: Path, part: str, rows: int) -> int:
    """The sum that an index must have: the stored sum, plus the rows after it."""
    stored = connection.execute(_SELECT_SUM, (part,)).fetchone()
    if stored is None:
        raise IndexWrong(file, f"the stored sum of {part} is missing")
    last, added = stored
    if last > rows:
        raise LogDamaged(file, f"{part} had {last:,} rows, and has {rows:,}")
    if part == index_sums.EVENTS:
        count, behind = index_sums.of_rows(connection, last, rows)
    else:
        count, behind = index_sums.of_records(connection, part, last)
    if last + count != rows:
        raise IndexWrong(file, f"{part} has {last + count:,} rows instead of {rows:,}")
    return int(added + behind)
