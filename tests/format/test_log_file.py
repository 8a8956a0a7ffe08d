"""A file that a real server wrote is what docs/format.md says, to a reader that knows nothing else."""

import ast
import shutil
import sqlite3
import sys
import uuid
from contextlib import closing
from pathlib import Path
from zlib import crc32

import pytest

from foldlog.v1.event_service_pb2 import ReadAllRequest
from tests.format import log_file
from tests.format.log_file import Damaged, Log, read
from tests.format.trading import KEY, trade
from tests.support.server import serving


async def test_what_a_server_wrote_is_what_the_format_says(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as server:
        await trade(server)
        log = read(tmp_path / "data" / "log.db")  # while the server holds it
        head = await server.head()
        batches = server.ask(ReadAllRequest())
        messages = [event.SerializeToString() async for batch in batches for event in batch.events]
    assert (log.log_id, len(log.events), log.chain) == (head.log_id, head.position, head.chain_hash)
    # The message of the contract is 08, the position, and the record.
    assert [b"\x08" + bytes([event.position]) + event.record for event in log.events] == messages


def test_what_requests_did_is_recorded_with_them(written: Path) -> None:
    log: Log = read(written)
    assert len(log.requests) == 22
    assert log.requests[uuid.UUID(KEY).bytes] == [("stock-tea", 2, 2), ("stock-ż雪🜚", 2, 2)]
    nothing = [did for did in log.requests.values() if did[0][1] > did[0][2]]
    assert nothing == [[("order-o-1", 7, 6)]]


def test_nothing_but_what_the_format_names_is_in_the_file(written: Path) -> None:
    with closing(sqlite3.connect(written)) as connection:
        kinds = dict(
            connection.execute("SELECT name, type FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
        )
        requests = partition(connection)
        columns = {
            name: [(column, kind) for _, column, kind, *_ in connection.execute(f"PRAGMA table_info({name})")]
            for name in kinds
        }
        [(_, index, unique, *_)] = connection.execute("PRAGMA index_list(events)")
        indexed = [column for *_, column in connection.execute(f"PRAGMA index_info({index})")]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        [(served, settled)] = connection.execute("SELECT nanoseconds, settled FROM served")
    assert set(kinds) == {*COLUMNS, "events_by_stream", "requests", requests}
    assert {name: columns[name] for name in COLUMNS} == COLUMNS
    assert columns["requests"] == REQUESTS
    assert columns[requests] == [("number", "INTEGER"), *REQUESTS]
    assert (index, unique, indexed) == ("events_by_stream", 1, ["stream", "version"])
    assert 0 < served < int(requests.removeprefix("requests_until_")) <= 24 * HOUR // 4
    assert settled <= read(written).events[-1].recorded_ns


HOUR = 3600 * 10**9
NAMES = [("key", "INTEGER"), ("name", "TEXT")]
REQUESTS = [("key", "BLOB"), ("fingerprint", "BLOB"), ("outcome", "TEXT"), ("checksum", "INTEGER")]
COLUMNS = {
    "log": [("log_id", "TEXT"), ("made_time", "INTEGER")],
    "streams": NAMES,
    "types": NAMES,
    "openings": [("position", "INTEGER"), ("run", "BLOB"), ("time", "INTEGER")],
    "ancestors": [
        ("log_id", "TEXT"),
        ("position", "INTEGER"),
        ("chain", "BLOB"),
        ("left_time", "INTEGER"),
        ("cause", "TEXT"),
    ],
    "served": [("nanoseconds", "INTEGER"), ("settled", "INTEGER")],
    "sums": [("part", "TEXT"), ("last", "INTEGER"), ("sum", "INTEGER")],
    "events": [
        *((column, "INTEGER") for column in ("position", "stream", "version", "type")),
        ("record", "BLOB"),
        ("checksum", "INTEGER"),
        ("chain", "BLOB"),
    ],
}
"""Of each table that docs/format.md names."""


def test_the_reader_is_independent() -> None:
    """It has nothing of the server's and no library, so it cannot have taken a mistake over."""
    tree = ast.parse(Path(log_file.__file__).read_text())
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [
        node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imported
    ]
    assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names)


FLIP = "CAST(substr(record, 1, {n}) || x'00' || substr(record, {n} + 2) AS BLOB)"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE events SET position = 1000 WHERE position = 5",
        "UPDATE events SET stream = stream % 20 + 1 WHERE position = 5",
        "UPDATE events SET version = 77 WHERE position = 5",
        "UPDATE events SET type = type % 5 + 1 WHERE position = 5",
        *(f"UPDATE events SET record = {FLIP.format(n=n)} WHERE position = 5" for n in (0, 1, 20, 60, 90)),
        "UPDATE events SET record = CAST(record AS TEXT) WHERE position = 5",
        "UPDATE events SET record = substr(record, 2) WHERE position = 5",
        "UPDATE events SET checksum = checksum + 1 WHERE position = 5",
        "UPDATE events SET checksum = NULL WHERE position = 5",
        "UPDATE events SET chain = zeroblob(32) WHERE position = 5",
        "DELETE FROM events WHERE position = 1",
        "DELETE FROM events WHERE position = 5",
        "DELETE FROM streams WHERE key = 5",
        "DELETE FROM types WHERE key = 2",
        "UPDATE streams SET name = 'order-another' WHERE key = 5",
        "UPDATE types SET name = 'foldlog.orders.v1.Another' WHERE key = 2",
        "INSERT INTO streams SELECT max(key) + 1, 'order-without-events' FROM streams",
        "UPDATE PARTITION SET key = zeroblob(16) WHERE outcome LIKE '%stock%'",
        "UPDATE PARTITION SET key = substr(key, 2) WHERE outcome LIKE '%stock%'",
        "UPDATE PARTITION SET fingerprint = x'00'",
        "UPDATE PARTITION SET fingerprint = zeroblob(32)",
        "UPDATE PARTITION SET checksum = checksum + 1",
        "DELETE FROM PARTITION WHERE number = 3",
        "UPDATE sums SET sum = sum + 1 WHERE part = 'events'",
        "UPDATE sums SET last = last - 1 WHERE part = 'PARTITION'",
        "DELETE FROM sums",
        "UPDATE PARTITION SET outcome = replace(outcome, '1', '9')",
        "UPDATE PARTITION SET outcome = replace(outcome, ',', ', ')",
        "UPDATE PARTITION SET outcome = replace(outcome, 'stock-tea', 'stock-teb')",
        "UPDATE PARTITION SET outcome = substr(outcome, 2)",
        "UPDATE log SET log_id = 'mine'",
        "DELETE FROM log",
        "INSERT INTO events SELECT max(position) + 1, stream, version, type, record, checksum, chain FROM events",
        "PRAGMA application_id = 1",
        "PRAGMA user_version = 3",
        "CREATE TABLE foreign_table (x)",
    ],
)
def test_damage_is_found(loose: Path, damage: str) -> None:
    with closing(sqlite3.connect(loose, isolation_level=None)) as connection:
        connection.execute(damage.replace("PARTITION", partition(connection)))
    with pytest.raises(Damaged):
        read(loose)


def test_swapped_rows_are_found(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for before, after in ((5, -5), (6, 5), (-5, 6)):
            connection.execute("UPDATE events SET position = ? WHERE position = ?", (after, before))
    with pytest.raises(Damaged, match="checksum at 5"):
        read(file)


def test_a_row_of_another_log_is_found_by_the_chain(file: Path) -> None:
    """Its checksum fits; that it never stood here is known by the chain alone."""
    other = file.with_name("other.db")
    shutil.copy(file, other)
    with closing(sqlite3.connect(other, isolation_level=None)) as connection:
        [(record,)] = connection.execute("SELECT record FROM events WHERE position = 5")
        changed = record.replace(b"trip", b"turn")
        assert changed != record
        row = (changed, crc32((5).to_bytes(8, "big") + changed))
        connection.execute("UPDATE events SET record = ?, checksum = ? WHERE position = 5", row)
    with pytest.raises(Damaged, match="chain at 5"):
        read(other)


def test_a_cut_log_has_another_end(file: Path) -> None:
    """What is missing behind the sums can only be known by who kept the head: the chain's hash is another."""
    whole = read(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(f"DELETE FROM {partition(connection)}")
        connection.execute("UPDATE sums SET last = 0, sum = 0")
        connection.execute("DELETE FROM events WHERE position = (SELECT max(position) FROM events)")
    cut = read(file)
    assert len(cut.events) == len(whole.events) - 1
    assert cut.chain != whole.chain


def partition(connection: sqlite3.Connection) -> str:
    """The one table of requests."""
    [(name,)] = connection.execute("SELECT name FROM sqlite_master WHERE name GLOB 'requests_until_*'")
    return str(name)
