"""Damages indexes of a database byte by byte, so that their pages stay well-formed and SQLite says nothing.

Written from sqlite.org/fileformat2.html; the database is closed meanwhile, with nothing in a write-ahead log.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

LEAF, INTERIOR = 0x0A, 0x02

Value = int | bytes | None


class Entry(NamedTuple):
    """One entry of an index, and where it is."""

    page: int
    number: int
    """Of its cell in the page."""
    start: int
    """Where the cell's payload begins in the file."""
    length: int
    values: tuple[Value, ...]


class Index:
    """The pages of one index of a file."""

    def __init__(self, file: Path, name: str) -> None:
        with closing(sqlite3.connect(file)) as connection:
            [[root]] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,))
            [self._size] = connection.execute("PRAGMA page_size").fetchone()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._file = file
        self._root = root
        self.data = bytearray(file.read_bytes())

    def entries(self) -> list[Entry]:
        """In order."""
        return list(self._walk(self._root))

    def find(self, *values: Value) -> Entry:
        """The entry that begins with these values."""
        [found] = [entry for entry in self.entries() if entry.values[: len(values)] == values]
        return found

    def delete(self, entry: Entry) -> None:
        """Take a cell out of its leaf."""
        base, cells = self._cells(entry.page)
        assert self.data[base] == LEAF, "only leaves lose an entry without anything else"
        del cells[entry.number]
        self._put_cells(entry.page, cells)

    def swap(self, one: Entry, other: Entry) -> None:
        """Put two cells of one page into each other's place: the entries are out of order."""
        assert one.page == other.page
        _, cells = self._cells(one.page)
        cells[one.number], cells[other.number] = cells[other.number], cells[one.number]
        self._put_cells(one.page, cells)

    def put(self, entry: Entry, *values: Value) -> None:
        """Have an entry say something else that takes as many bytes."""
        payload = _record(values, self.data[entry.start : entry.start + entry.length])
        assert len(payload) == entry.length, (values, entry)
        self.data[entry.start : entry.start + entry.length] = payload

    def save(self) -> None:
        self._file.write_bytes(self.data)

    def _walk(self, page: int) -> Iterator[Entry]:
        base, cells = self._cells(page)
        is_leaf = self.data[base] == LEAF
        for number, cell in enumerate(cells):
            at = (page - 1) * self._size + cell
            if not is_leaf:
                yield from self._walk(int.from_bytes(self.data[at : at + 4], "big"))
                at += 4
            length, at = _varint(self.data, at)
            yield Entry(page, number, at, length, _values(self.data[at : at + length]))
        if not is_leaf:
            yield from self._walk(int.from_bytes(self.data[base + 8 : base + 12], "big"))

    def _cells(self, page: int) -> tuple[int, list[int]]:
        """Where a page's header is, and where in the page its cells are."""
        base = (page - 1) * self._size
        kind, count = self.data[base], int.from_bytes(self.data[base + 3 : base + 5], "big")
        assert kind in (LEAF, INTERIOR), f"page {page} is of no index"
        array = base + (8 if kind == LEAF else 12)
        return base, [
            int.from_bytes(self.data[array + 2 * n : array + 2 * n + 2], "big") for n in range(count)
        ]

    def _put_cells(self, page: int, cells: list[int]) -> None:
        base = (page - 1) * self._size
        self.data[base + 3 : base + 5] = len(cells).to_bytes(2, "big")
        array = base + (8 if self.data[base] == LEAF else 12)
        for number, cell in enumerate(cells):
            self.data[array + 2 * number : array + 2 * number + 2] = cell.to_bytes(2, "big")


def _varint(data: bytes | bytearray, at: int) -> tuple[int, int]:
    number = 0
    for n in range(9):
        byte = data[at + n]
        if n == 8:
            return number << 8 | byte, at + 9
        number = number << 7 | byte & 127
        if byte < 128:
            return number, at + n + 1
    raise AssertionError


_SIZES = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}


def _types(payload: bytes | bytearray) -> tuple[list[int], int]:
    end, at = _varint(payload, 0)
    types = []
    while at < end:
        type, at = _varint(payload, at)
        types.append(type)
    return types, end


def _values(payload: bytes | bytearray) -> tuple[Value, ...]:
    types, at = _types(payload)
    values: list[Value] = []
    for type in types:
        size = _SIZES[type] if type < 12 else (type - 12) // 2
        body = bytes(payload[at : at + size])
        values.append(body if type >= 12 else {0: None, 8: 0, 9: 1}.get(type, int.from_bytes(body, "big")))
        at += size
    return tuple(values)


def _record(values: tuple[Value, ...], former: bytes | bytearray) -> bytes:
    """Values as a record of the former's types; small numbers in whatever has their size."""
    types, end = _types(former)
    header, body = bytearray([end]), b""
    assert end < 128
    for type, value in zip(types, values, strict=True):
        if isinstance(value, bytes):
            assert 12 <= type < 128
            header.append(type)
            body += value
        else:
            assert isinstance(value, int)
            size = _SIZES[type]
            header.append(type if size else 8 + value)
            body += value.to_bytes(size, "big") if size else b""
    return bytes(header) + body
