"""`foldlog verify` finds whatever damage an independent reader of the format finds, and names where it is."""
# ruff: noqa: ASYNC240  nothing else has a turn

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from foldlog_server.domains.shop import SHOP
from foldlog_server.operations.findings import Findings
from foldlog_server.operations.refused import Refused
from foldlog_server.operations.verify import verify
from foldlog_server.stores.views import read_model_table, view_checksums
from tests.format.log_file import Damaged, Log, read
from tests.format.test_log_file import FLIP, partition


async def verified(data: Path, *, full: bool = False) -> list[tuple[str, str, str]]:
    """What is damaged: file, part and where."""
    findings = Findings()
    async for _ in verify(data, SHOP, findings, full=full):
        pass
    return [(damage.file, damage.part, damage.where) for damage in findings.damages]


@pytest.mark.parametrize("full", [False, True])
async def test_what_a_server_wrote_is_sound(file: Path, full: bool) -> None:
    assert await verified(file.parent, full=full) == []


@pytest.fixture(params=["loose", "file"])
def damageable(request: pytest.FixtureRequest) -> Path:
    """Tables that take any damage, and those of a log as it is."""
    file: Path = request.getfixturevalue(request.param)
    return file


AT_5 = "position 5"
ORDER_AT_5 = "position 5: order-o-0, version 3"
MOVED = "UPDATE events SET position = 1000 WHERE position = 5"
CUT = "DELETE FROM events WHERE position = 5"


@pytest.mark.parametrize(
    ("damage", "part", "where"),
    [
        (MOVED, "events", AT_5),
        ("UPDATE events SET stream = stream % 20 + 1 WHERE position = 5", "events", ORDER_AT_5),
        ("UPDATE events SET version = 77 WHERE position = 5", "events", ORDER_AT_5),
        ("UPDATE events SET type = type % 5 + 1 WHERE position = 5", "events", ORDER_AT_5),
        *(
            (f"UPDATE events SET record = {FLIP.format(n=n)} WHERE position = 5", "events", AT_5)
            for n in (0, 1, 20, 60, 90)
        ),
        ("UPDATE events SET record = CAST(record AS TEXT) WHERE position = 5", "events", AT_5),
        ("UPDATE events SET checksum = checksum + 1 WHERE position = 5", "events", AT_5),
        ("UPDATE events SET checksum = NULL WHERE position = 5", "events", AT_5),
        ("UPDATE events SET chain = zeroblob(32) WHERE position = 5", "events", AT_5),
        ("UPDATE events SET chain = CAST(chain AS TEXT) WHERE position = 5", "events", AT_5),
        ("DELETE FROM events WHERE position = 1", "events", "position 1"),
        (CUT, "events", AT_5),
        ("DELETE FROM streams WHERE key = 3", "events", "position 3: order-o-0, version 1"),
        ("DELETE FROM types WHERE key = 2", "events", "position 3: order-o-0, version 1"),
        ("UPDATE streams SET name = 'order-x' WHERE key = 3", "events", "position 3: order-o-0, version 1"),
        ("INSERT INTO streams SELECT max(key) + 1, 'order-empty' FROM streams", "streams", "key 23"),
        (
            "UPDATE PARTITION SET key = zeroblob(16) WHERE outcome LIKE '%stock%'",
            "PARTITION",
            f"key {'00' * 16}",
        ),
        ("UPDATE PARTITION SET fingerprint = x'00'", "PARTITION", None),
        ("UPDATE PARTITION SET fingerprint = CAST(fingerprint AS TEXT)", "PARTITION", None),
        ("UPDATE PARTITION SET key = CAST(key AS TEXT)", "PARTITION", None),
        ("UPDATE PARTITION SET outcome = CAST(outcome AS BLOB)", "PARTITION", None),
        ("UPDATE PARTITION SET outcome = replace(outcome, '1', '9')", "PARTITION", None),
        ("UPDATE PARTITION SET outcome = replace(outcome, ',', ', ')", "PARTITION", None),
        ("UPDATE PARTITION SET outcome = substr(outcome, 2)", "PARTITION", None),
        ("UPDATE PARTITION SET outcome = 7", "PARTITION", None),
        ("UPDATE log SET log_id = 'mine'", "log", ""),
        ("UPDATE log SET log_id = NULL", "log", ""),
        ("UPDATE log SET log_id = CAST(log_id AS BLOB)", "log", ""),
        ("UPDATE log SET log_id = x'ff' || substr(log_id, 2)", "log", ""),
        ("DELETE FROM log", "log", ""),
        ("INSERT INTO log SELECT * FROM log", "log", ""),
        ("DELETE FROM served", "served", ""),
        ("UPDATE served SET settled = CAST(settled AS TEXT) || 's'", "served", ""),
        ("UPDATE openings SET run = CAST(run AS TEXT)", "openings", ""),
        ("UPDATE sums SET part = CAST(part AS BLOB)", "sums", ""),
        ("UPDATE streams SET name = CAST(name AS BLOB) WHERE key = 3", "streams", ""),
        ("UPDATE types SET name = CAST(name AS BLOB) WHERE key = 3", "types", ""),
        (
            "PRAGMA writable_schema = 1; UPDATE sqlite_master SET name = 'evenTs' WHERE name = 'events'",
            "events",
            "",
        ),
        ("UPDATE served SET nanoseconds = -1", "served", ""),
        ("UPDATE openings SET position = 68", "openings", "position 68"),
        (
            "INSERT INTO ancestors SELECT log_id, 5, zeroblob(32), 0, 'restore' FROM log",
            "ancestors",
            "position 5",
        ),
        (
            "INSERT INTO ancestors SELECT log_id, 68, zeroblob(32), 0, 'restore' FROM log",
            "ancestors",
            "position 68",
        ),
        ("PRAGMA application_id = 1", "", ""),
        ("DROP INDEX IF EXISTS events_by_stream", "events", ""),
        ("DROP VIEW IF EXISTS requests", "requests", ""),
    ],
)
async def test_damage_is_found_and_named(
    damageable: Path, request: pytest.FixtureRequest, damage: str, part: str, where: str | None
) -> None:
    """In tables that take any damage, and, where they take it, in those of a log as it is."""
    with closing(sqlite3.connect(damageable, isolation_level=None)) as connection:
        requests = partition(connection)
        try:
            connection.executescript(damage.replace("PARTITION", requests))
        except sqlite3.Error:
            assert "[file-" in request.node.name, "the looser tables were to take it"
            return
    found = await verified(damageable.parent)
    part = part.replace("PARTITION", requests)
    assert [one for one in found if one[:2] == ("log.db", part) and where in (None, one[2])], found


async def test_what_an_index_says_is_held_against_the_table(file: Path) -> None:
    """The bytes of the index alone are changed: SQLite's quick check finds nothing."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        [root] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events_by_stream'")
        [size] = connection.execute("PRAGMA page_size").fetchone()
    data = bytearray(file.read_bytes())
    start = (root[0] - 1) * size
    page = data[start : start + size]
    # An entry is its header, here of three numbers of a byte each, and the numbers; the last is the position.
    entries = [n for n in range(size - 8) if page[n : n + 4] == bytes([4, 1, 1, 1])]
    data[start + entries[3] + 6] ^= 4
    file.write_bytes(data)
    found = await verified(file.parent)
    assert {part for _, part, _ in found} == {"events_by_stream"}


@pytest.mark.parametrize(
    ("index", "header"),
    [
        ("sqlite_autoindex_PARTITION_1", b"\x03\x2c"),  # a blob of 16 bytes: the key of a request
        ("sqlite_autoindex_streams_1", bytes([3, 13 + 2 * len("stock-tea")])),
        ("sqlite_autoindex_types_1", bytes([3, 13 + 2 * len("foldlog.orders.v1.ItemRemoved")])),
    ],
)
async def test_what_an_index_has_as_another_type_is_not_what_the_table_has(
    file: Path, index: str, header: bytes
) -> None:
    """One bit makes text of a blob: SQLite finds neither by the other, and its quick check says nothing."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        index = index.replace("PARTITION", partition(connection))
        [root] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (index,)).fetchone()
        [size] = connection.execute("PRAGMA page_size").fetchone()
    data = bytearray(file.read_bytes())
    data[data.index(header, (root - 1) * size) + 1] ^= 1
    file.write_bytes(data)
    found = await verified(file.parent)
    assert found
    assert {one[0] for one in found} == {"log.db"}


async def test_what_the_schema_has_as_another_type_is_found(file: Path) -> None:
    data = bytearray(file.read_bytes())
    name = b"tableopeningsopenings"
    data[data.index(name) - 4] ^= 1  # what type `tbl_name` has, in the header before the values
    file.write_bytes(data)
    found = await verified(file.parent)
    assert found


async def test_much_damage_is_counted_and_not_all_told(loose: Path) -> None:
    with closing(sqlite3.connect(loose, isolation_level=None)) as connection:
        connection.execute("UPDATE events SET chain = zeroblob(32), version = 99")
    findings = Findings()
    async for _ in verify(loose.parent, SHOP, findings, full=True):
        pass
    assert len(findings.damages) == 100
    assert findings.unlisted > 0


async def test_a_row_that_cannot_be_read_hides_no_other(file: Path) -> None:
    """A page whose beginning is gone: its rows are named, and what stands behind them is looked at."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("UPDATE events SET checksum = 0 WHERE position = 67")
        [root] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events'").fetchone()
        [size] = connection.execute("PRAGMA page_size").fetchone()
    data = bytearray(file.read_bytes())
    start = (root - 1) * size
    child = int.from_bytes(data[start + 12 + 2 * 0 :][:2], "big")  # where the root's first cell is
    leaf = int.from_bytes(data[start + child :][:4], "big")
    data[(leaf - 1) * size] = 0xFF
    file.write_bytes(data)
    found = await verified(file.parent)
    lost = [where for _, part, where in found if part == "events" and where.startswith("positions 1 to ")]
    assert lost, found
    assert ("log.db", "events", "position 67") in found


def meaning(log: Log) -> tuple[object, ...]:
    """What is vouched for: a request that gave nothing is named by its key alone."""
    requests = {key: did for key, did in log.requests.items() if any(first <= last for _, first, last in did)}
    return log.events, log.chain, requests


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 7))
@example(0.0707821637984054, 7)
async def test_a_bit_anywhere_in_the_log_is_found_or_means_nothing(
    written: Path, tmp_path: Path, place: float, bit: int
) -> None:
    whole, file = read(written), tmp_path / "log.db"
    data = bytearray(written.read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    file.write_bytes(data)
    try:
        found = await verified(tmp_path)
    except Refused:
        return
    if not found:
        try:
            assert meaning(read(file)) == meaning(whole)
        except Damaged as damaged:
            raise AssertionError(f"not found: {damaged}") from None


def documents(file: Path) -> object:
    """All that is answered from a view's file; names of tables may be written large or small."""
    with closing(sqlite3.connect(file)) as connection:
        connection.text_factory = bytes
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {
            name.lower(): connection.execute(f'SELECT * FROM "{name.decode()}" ORDER BY 1').fetchall()
            for name in tables
        }


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 4), st.floats(0, 1, exclude_max=True), st.integers(0, 7))
async def test_a_bit_anywhere_in_a_views_file_is_found_or_means_nothing(
    written: Path, tmp_path: Path, number: int, place: float, bit: int
) -> None:
    """But its edition, which names the documents, and whether it is complete: a replay does not know them."""
    data = tmp_path / "data"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(written.parent, data)
    file = sorted(data.glob("views/*.db"))[number]
    before = documents(file)
    flipped = bytearray(file.read_bytes())
    flipped[int(place * len(flipped))] ^= 1 << bit
    file.write_bytes(flipped)
    found = await verified(data, full=True)
    if not found:
        after = documents(file)
        for content in (before, after):
            assert isinstance(content, dict)
            content[b"checkpoint"] = [row[:3] for row in content[b"checkpoint"]]
        assert after == before


TABLE = '"documents of current-orders"'


def rewrite(connection: sqlite3.Connection, id: str, now: str, document: bytes | None = None) -> None:
    """Have a row say something else, with checksums that fit."""
    [row] = connection.execute(f"SELECT * FROM {TABLE} WHERE id = ?", (id,)).fetchall()
    _, made, _, *columns, _, former = row
    document = former if document is None else document
    checksum = view_checksums.of_document(now, columns, document)
    connection.execute(f"DELETE FROM {TABLE} WHERE id = ?", (id,))
    values = (now, made, view_checksums.of_place(now, made), *columns, checksum, document)
    connection.execute(f"INSERT INTO {TABLE} VALUES ({', '.join('?' * len(values))})", values)


def stand_at(file: Path, position: int) -> None:
    """Have a view have seen the log up to a position."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        kept = view_checksums.checkpoint_row(connection.execute(read_model_table.READ_CHECKPOINT).fetchone())
        moved = kept._replace(position=position)
        connection.execute("UPDATE checkpoint SET position = ?, checksum = ?", (position, moved.checksum))


async def test_all_that_is_derived_is_held_against_the_log(written: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(written.parent, tmp_path / "data"))
    assert await verified(data, full=True) == []
    [file] = data.glob("views/current-orders-*.db")
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        rewrite(connection, "o-3", "o-3", b"\x0a\x01")
        connection.execute(f"DELETE FROM {TABLE} WHERE id = 'o-5'")
        rewrite(connection, "o-7", "o-77")
    found = [where for name, part, where in await verified(data, full=True) if part == "current-orders"]
    assert found == ["o-3", "o-5", "o-7", "o-77"]


async def test_a_view_that_has_seen_more_than_the_log_proves_a_loss(written: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(written.parent, tmp_path / "data"))
    [file] = data.glob("views/order-details-*.db")
    stand_at(file, 68)
    loss = ("log.db", "", "position 67")
    assert await verified(data) == [loss, (f"views/{file.name}", "checkpoint", "position 68")]
    stand_at(file, 60)
    assert await verified(data) == [loss, (f"views/{file.name}", "checkpoint", "position 60")]
