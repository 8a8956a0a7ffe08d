"""Sums over the entries of an index, with which the index is compared to data outside of it.

The writer adds up what it stores, and a check adds up what the index holds, entry by entry. The term of an
entry depends on all of it: an entry that is missing, changed or exchanged changes the sum, except once in two
thousand million cases. SQLite computes the sums of events, in `sum_streams.sql` and `sum_events.sql`.
"""

import sqlite3
from collections.abc import Iterator
from operator import lt
from typing import NamedTuple
from zlib import crc32

from foldlog_server.stores.sqlite.statements import statement

_PRIME = 2**31 - 1
_A, _B, _C = 73_244_475, 40_503_263, 26_544_357
"""Small enough for SQLite's integers: they hold the sum of three products with numbers up to 2^32."""

EVENTS = "events"
"""The name of the sum of the index `events_by_stream` in the table `sums`."""

ALL = 2**62

_PAGE = 10_000
_SUM_EVENTS = statement("sum_events")
_LIST_KEYS = statement("list_keys")
_LIST_RECORDS = statement("list_records")


class Sum(NamedTuple):
    """The number of entries, and the sum of their terms."""

    entries: int
    added: int


def of_event(stream: int, version: int, position: int) -> int:
    """The term of an entry of `events_by_stream`."""
    half = (stream * _A + version * _B + position * _C) % _PRIME
    return half * half % _PRIME


def of_request(number: int, key: bytes | bytearray) -> int:
    """The term of an entry of the index over the keys of request records."""
    return crc32(key, number)


def of_rows(connection: sqlite3.Connection, after: int, until: int) -> Sum:
    """The sum over the rows of `events` after one position, up to another."""
    return Sum(*connection.execute(_SUM_EVENTS, (after, until)).fetchone())


def of_keys(connection: sqlite3.Connection, partition: str, until: int = ALL) -> Sum:
    """The sum over the index of a table of request records, up to a number.

    Raises `ValueError` if the entries are not in order, because then searches do not find them.
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
    """The sum over the rows of a table of request records after one number, up to another."""
    count = added = 0
    select = _LIST_RECORDS.format(partition=partition)
    for numbers, keys in _pages(connection.execute(select, (after, until))):
        count, added = count + len(keys), added + sum(map(crc32, keys, numbers))
    return Sum(count, added)


def _pages(rows: sqlite3.Cursor) -> Iterator[tuple[tuple[int, ...], tuple[bytes, ...]]]:
    """Numbers and keys, a page at a time; a key that is not a blob becomes an empty one."""
    while page := rows.fetchmany(_PAGE):
        numbers, keys = zip(*page, strict=True)
        yield numbers, keys if set(map(type, keys)) == {bytes} else tuple(map(_blob, keys))


def _blob(key: object) -> bytes:
    return key if type(key) is bytes else b""  # text is not converted, so that it does not pass for the key
