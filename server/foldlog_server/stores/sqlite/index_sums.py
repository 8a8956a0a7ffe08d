"""Sums of what an index says, by which it is held against what is not that index.

The writer adds up what it stores; whoever looks at an index adds up what it says, entry by entry. What an
entry adds hangs on all of it: one that is missing, altered or exchanged for another changes the sum, but
for one time in two thousand million. SQLite works those of events out, in `sum_streams.sql` and
`sum_events.sql`.
"""

import sqlite3
from collections.abc import Iterator
from operator import lt
from typing import NamedTuple
from zlib import crc32

from foldlog_server.stores.sqlite.statements import statement

_PRIME = 2**31 - 1
_A, _B, _C = 73_244_475, 40_503_263, 26_544_357
"""So small that SQLite's integers hold their products with numbers up to 2^32, and the sum of three."""

EVENTS = "events"
"""What the sum of the index `events_by_stream` is called in `sums`."""

ALL = 2**62

_PAGE = 10_000
_SUM_EVENTS = statement("sum_events")
_LIST_KEYS = statement("list_keys")
_LIST_RECORDS = statement("list_records")


class Sum(NamedTuple):
    """How many there are, and what they add."""

    entries: int
    added: int


def of_event(stream: int, version: int, position: int) -> int:
    """What an entry of `events_by_stream` adds."""
    half = (stream * _A + version * _B + position * _C) % _PRIME
    return half * half % _PRIME


def of_request(number: int, key: bytes | bytearray) -> int:
    """What an entry of the index of the keys of request records adds."""
    return crc32(key, number)


def of_rows(connection: sqlite3.Connection, after: int, until: int) -> Sum:
    """The rows of `events` behind a position up to another."""
    return Sum(*connection.execute(_SUM_EVENTS, (after, until)).fetchone())


def of_keys(connection: sqlite3.Connection, partition: str, until: int = ALL) -> Sum:
    """The index of a table of request records, up to a number.

    Raises `ValueError` if its entries are not in order: then they are there, and not found.
    """
    count = added = 0
    last = b""
    for numbers, keys in _pages(connection.execute(_LIST_KEYS.format(partition=partition), (until,))):
        if not all(map(lt, (last, *keys), keys)):
            raise ValueError(f"the index of {partition} is not in order")
        last = keys[-1]
        count, added = count + len(keys), added + sum(map(crc32, keys, numbers))
    return Sum(count, added)


def of_records(connection: sqlite3.Connection, partition: str, after: int, until: int = ALL) -> Sum:
    """The rows of a table of request records behind a number up to another."""
    count = added = 0
    select = _LIST_RECORDS.format(partition=partition)
    for numbers, keys in _pages(connection.execute(select, (after, until))):
        count, added = count + len(keys), added + sum(map(crc32, keys, numbers))
    return Sum(count, added)


def _pages(rows: sqlite3.Cursor) -> Iterator[tuple[tuple[int, ...], tuple[bytes, ...]]]:
    """Numbers and keys, some at a time; a key that is no blob is told as an empty one."""
    while page := rows.fetchmany(_PAGE):
        numbers, keys = zip(*page, strict=True)
        yield numbers, keys if set(map(type, keys)) == {bytes} else tuple(map(_blob, keys))


def _blob(key: object) -> bytes:
    return key if type(key) is bytes else b""  # not what a reader of its own makes of text
