"""A file that a real server wrote is what docs/format.md says, to a reader that knows nothing else."""

import shutil
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from zlib import crc32

import pytest
import pytest_asyncio

from foldlog.inventory.v1.commands_pb2 import ReceiveStock, ReservationLine, ReserveStock
from foldlog.orders.v1.commands_pb2 import AddItem, CreateOrder, RemoveItem, SubmitOrder
from foldlog.v1.event_service_pb2 import ReadAllRequest
from tests.format.log_file import Damaged, Log, read
from tests.support.server import Server, serving
from tests.support.view_scenario import line, money

KEY = str(uuid.UUID(int=7))


async def trade(server: Server) -> None:
    """Something of everything that is stored: several streams in one append, requests, nothing done, no payload."""
    products = ["tea", "ż雪🜚"]
    for product in products:
        await server.send(ReceiveStock(product_id=product, name="Tea", quantity=10))
    for number in range(20):
        order_id = f"o-{number}"
        lines = [line(product, 1, money("3.5")) for product in products]
        create = CreateOrder(order_id=order_id, customer_id="ada", currency_code="GBP", lines=lines)
        await server.send(create, request_id=str(uuid.uuid4()), correlation_id="trip", causation_id="click")
    await server.send(RemoveItem(order_id="o-1", line_id="tea"))
    await server.send(AddItem(order_id="o-1", line=line("tea", 2, money("3.5"))))
    wanted = [ReservationLine(product_id=product, quantity=2) for product in products]
    await server.send(ReserveStock(order_id="o-1", lines=wanted), request_id=KEY)
    await server.send(SubmitOrder(order_id="o-1"))
    await server.send(SubmitOrder(order_id="o-1"), request_id=str(uuid.uuid4()))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def written(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The file of a server that has stopped."""
    data = tmp_path_factory.mktemp("format") / "data"
    async with serving(data) as server:
        await trade(server)
    yield data / "log.db"


@pytest.fixture
def file(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(written, tmp_path / "log.db"))


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
        columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(events)")]
    named = {name for name in kinds if not name.startswith("requests_until_")}
    assert named == {"log", "streams", "types", "events", "events_by_stream", "requests"}
    assert columns == ["position", "stream", "version", "type", "record", "checksum", "chain"]


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
        "PRAGMA application_id = 1",
        "PRAGMA user_version = 2",
        "CREATE TABLE foreign_table (x)",
    ],
)
def test_damage_is_found(file: Path, damage: str) -> None:
    read(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("DROP INDEX events_by_stream")
        connection.executescript(_without_not_null(connection, "events"))
        connection.execute(damage)
    with pytest.raises(Damaged):
        read(file)


def _without_not_null(connection: sqlite3.Connection, table: str) -> str:
    """Make a table that takes any damage, with the same columns and rows."""
    [(create,)] = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,))
    loose = create.replace(" NOT NULL", "").replace(f"TABLE {table}", "TABLE loose")
    return f"{loose}; INSERT INTO loose SELECT * FROM {table}; DROP TABLE {table}; ALTER TABLE loose RENAME TO {table};"


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
    """What is missing at the end can only be known by who kept the head: the chain's hash there is another."""
    whole = read(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("DELETE FROM requests_until_" + _partition(connection))
        connection.execute("DELETE FROM events WHERE position = (SELECT max(position) FROM events)")
    cut = read(file)
    assert len(cut.events) == len(whole.events) - 1
    assert cut.chain != whole.chain


def _partition(connection: sqlite3.Connection) -> str:
    [(name,)] = connection.execute("SELECT name FROM sqlite_master WHERE name GLOB 'requests_until_*'")
    return str(name).removeprefix("requests_until_")
