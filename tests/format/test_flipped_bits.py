"""A bit that flips, in a column or anywhere in the file, is found, or is nothing that is read of an event."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.format.log_file import Damaged, read

POSITION = 30
"""Of the row that is damaged."""


def flipped(value: int | bytes) -> Iterator[int | bytes]:
    """With a bit of each byte turned, each time another one; of a number, each bit that SQLite stores."""
    if isinstance(value, int):
        yield from (value ^ 1 << bit for bit in range(63))
        return
    for at, byte in enumerate(value):
        yield value[:at] + bytes([byte ^ 1 << at % 8]) + value[at + 1 :]


@pytest.mark.parametrize("column", ["stream", "version", "type", "record", "checksum", "chain"])
def test_a_bit_of_a_column(loose: Path, column: str) -> None:
    with closing(sqlite3.connect(loose, isolation_level=None)) as connection:
        where = f"WHERE position = {POSITION}"
        [(value,)] = connection.execute(f"SELECT {column} FROM events {where}")
        for damaged in flipped(value):
            connection.execute(f"UPDATE events SET {column} = ? {where}", (damaged,))
            with pytest.raises(Damaged):
                read(loose)
        connection.execute(f"UPDATE events SET {column} = ? {where}", (value,))
    read(loose)


@pytest.mark.parametrize("bit", range(6, 40))
def test_a_bit_of_a_position(loose: Path, bit: int) -> None:
    """The lower ones would make it the position of another row, which the key of the table refuses."""
    with closing(sqlite3.connect(loose, isolation_level=None)) as connection:
        last = connection.execute("SELECT max(position) FROM events").fetchone()[0]
        assert POSITION < last < POSITION + 2**bit
        connection.execute(
            "UPDATE events SET position = ? WHERE position = ?", (POSITION ^ 1 << bit, POSITION)
        )
    with pytest.raises(Damaged):
        read(loose)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 7))
@example(0.0707821637984054, 7)  # in the schema: SQLite tells of it in what is no UTF-8
@example(0.6310110668326179, 0)  # the name of a part is a blob then, and no text
def test_a_bit_anywhere_in_the_file(written: Path, tmp_path: Path, place: float, bit: int) -> None:
    whole, file = read(written), tmp_path / "flipped.db"
    data = bytearray(written.read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    file.write_bytes(data)
    try:
        found = read(file)
    except Damaged:
        return
    assert (found.events, found.chain) == (whole.events, whole.chain)


def test_the_file_alone_is_read_here(written: Path) -> None:
    """What a flipped bit is looked for in holds all rows: nothing is left in a write-ahead log."""
    left = written.with_name("log.db-wal")
    assert not left.exists() or left.stat().st_size == 0
    assert len(read(written).events) > POSITION
