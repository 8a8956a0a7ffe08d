"""Every cell of docs/failures.md: an error of SQLite, wherever it comes, becomes what the page says."""

import asyncio
import errno
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from foldlog.orders.v1.commands_pb2 import AddItem, SubmitOrder
from foldlog.orders.v1.queries_pb2 import GetOrderRequest, ListCurrentOrdersRequest
from foldlog.v1.event_service_pb2 import ReadStreamRequest
from foldlog.v1.reads_pb2 import AsOf, ReadOptions
from foldlog_server.commands import fold
from foldlog_server.errors import DataDamaged, StoreHindered
from foldlog_server.stores.causes import Cause, cause_of
from foldlog_server.stores.files.data_directory import CannotOpen
from foldlog_server.stores.sqlite import event_store, writer
from tests.architecture.documents import ROOT
from tests.support.faults import Faults, sqlite_error
from tests.support.order_stories import line, money
from tests.support.provoking import create, refusal
from tests.support.server import Server, until
from tests.support.wire import Refusal

PAGE = (ROOT / "docs" / "failures.md").read_text()

KEY = "01938f3e-7c5a-7000-8000-3f2a1b0c9d8e"
MANY = [line(f"{number}", 1, money("1")) for number in range(80)]
"""Lines of an order whose events do not fit into one statement."""


def tables() -> list[list[list[str]]]:
    blocks = re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE)
    return [
        [[cell.strip() for cell in row.strip("|").split("|")] for row in block.splitlines()]
        for block in blocks
    ]


CELLS_TABLE, WORDS_TABLE = tables()
PLACES = CELLS_TABLE[0][1:]
CELLS = {
    (row[0], place): word for row in CELLS_TABLE[2:] for place, word in zip(PLACES, row[1:], strict=True)
}
WORDS = {row[0]: row[1:] for row in WORDS_TABLE[2:]}
REASONS = {
    int(number)
    for number in re.findall(r"^(\d+)\. ", PAGE.partition("cannot occur, and why")[2], re.MULTILINE)
}

OCCURRING = [cell for cell, word in CELLS.items() if not word.startswith("–")]


WHILE_SERVING = [cell for cell in OCCURRING if cell[1] != "open"]


@dataclass(frozen=True)
class Said:
    """How SQLite and the operating system say a cause."""

    error: Callable[[bool], Exception]
    """For a read, or for a write."""
    cause: Cause
    shortage: int = 0
    """What another file meets."""


def coded(reading: str, writing: str = "") -> Callable[[bool], Exception]:
    return lambda is_read: sqlite_error(reading if is_read else writing or reading)


CAUSES = {
    "busy": Said(coded("BUSY"), Cause.BUSY),
    "full": Said(coded("FULL"), Cause.FULL),
    "quota": Said(coded("IOERR_WRITE"), Cause.QUOTA, errno.EDQUOT),
    "file too large": Said(coded("IOERR_WRITE"), Cause.FILE_TOO_LARGE, errno.EFBIG),
    "no descriptors": Said(coded("CANTOPEN"), Cause.NO_DESCRIPTORS, errno.EMFILE),
    "no memory": Said(lambda _: MemoryError(), Cause.NO_MEMORY),
    "read-only": Said(coded("READONLY", "IOERR_WRITE"), Cause.READ_ONLY, errno.EROFS),
    "damaged": Said(coded("CORRUPT"), Cause.DAMAGED),
    "not a database": Said(coded("NOTADB"), Cause.NOT_A_DATABASE),
    "I/O error": Said(coded("CORRUPT", "IOERR_WRITE"), Cause.IO_ERROR),
    "failed sync": Said(coded("IOERR_FSYNC"), Cause.IO_ERROR),
    "cannot open": Said(coded("CANTOPEN"), Cause.CANNOT_OPEN),
}


@dataclass(frozen=True)
class Place:
    """Statements of a kind, and a call that comes to them."""

    database: str
    """Matches the whole of what a connection was opened with."""
    statement: str
    """Matches the beginning of its text."""
    call: Callable[[Server], Awaitable[Refusal | None]]
    is_read: bool = False


async def command(server: Server) -> Refusal | None:
    return await refused_or_not(server, create(*MANY))


async def another(server: Server) -> Refusal | None:
    """A command that is worth a snapshot, each time."""
    order = create(*MANY[:3])
    order.order_id = f"o-{(await server.head()).position}"
    return await refused_or_not(server, order)


async def repeated(server: Server) -> Refusal | None:
    """A refusal, which takes a look whether the request id was carried out before."""
    found = await refusal(server, SubmitOrder(order_id="none"), request_id=KEY)
    if found.reason == "ORDER_NOT_FOUND":
        return None
    assert found.metadata["request_id_not_looked_up"] == "true"
    return found


async def stream(server: Server) -> Refusal | None:
    return await refused_or_not(server, ReadStreamRequest(stream="order-given"))


async def listed(server: Server) -> Refusal | None:
    return await refused_or_not(server, ListCurrentOrdersRequest())


async def seen(server: Server) -> Refusal | None:
    """A question that a view cannot answer before it was written."""
    await command(server)
    position = (await server.head()).position
    view = server.projector("order-details")
    await until(lambda: view.position >= position or view.hindrance or view.damage or view.failed)
    options = ReadOptions(min_position=position, max_wait=Duration(nanos=50_000_000))
    return await refused_or_not(server, GetOrderRequest(order_id="o", options=options))


async def past(server: Server) -> Refusal | None:
    """A fold, for which a snapshot is looked for."""
    return await refused_or_not(server, GetOrderRequest(order_id="given", as_of=AsOf(version=3)))


PLACE = {
    "begin": Place(r"[^?]*/log\.db", "BEGIN", command),
    "write": Place(r"[^?]*/log\.db", "INSERT INTO appended", command),
    "commit": Place(r"[^?]*/log\.db", "COMMIT", command),
    "checkpoint": Place(r"[^?]*/log\.db", "PRAGMA wal_checkpoint", command),
    "log read": Place(r".*/log\.db\?mode=ro", r"SELECT position", stream, is_read=True),
    "request read": Place(r".*/log\.db\?mode=ro", "SELECT fingerprint", repeated, is_read=True),
    "view read": Place(r".*/current-orders-.*mode=ro", "SELECT", listed, is_read=True),
    "view write": Place(r".*/order-details-[^?]*(\?mode=rw)?", "(INSERT|COMMIT|BEGIN)", seen),
    "snapshot read": Place(r".*/snapshots\.db\?mode=ro", "SELECT", past, is_read=True),
    "snapshot write": Place(r".*/snapshots\.db\?mode=rw", "INSERT", another),
}


async def refused_or_not(server: Server, message: Any) -> Refusal | None:
    """What a call is refused with, if it is."""
    try:
        return await refusal(server, message)
    except pytest.fail.Exception:  # it was answered
        return None


@pytest.fixture
async def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    return Faults(monkeypatch)


@pytest.fixture
async def failures() -> list[BaseException]:
    return []


@pytest.fixture
async def server(
    new_log: Path,
    tmp_path: Path,
    faults: Faults,
    failures: list[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Server]:
    monkeypatch.setattr(writer, "CHECKPOINT_ROWS", 1)
    monkeypatch.setattr(fold, "_FEW", 2)
    monkeypatch.setattr(fold, "EVERY", 2)
    shutil.copytree(new_log, tmp_path / "data")
    server = Server(tmp_path / "data")
    await server.start(on_failure=failures.append)
    given = create(*MANY[:3])
    given.order_id = "given"
    await server.send(given)
    await until(lambda: all(projector.position == 4 for projector in server.app.parts.projectors.all))
    yield server
    faults.end()
    await server.stop()


def plan(faults: Faults, place: Place, said: Said) -> None:
    def meet(database: str, sql: str) -> Exception | None:
        if re.fullmatch(place.database, database) and re.match(place.statement, sql):
            return said.error(place.is_read)
        return None

    faults.plan(meet, OSError(said.shortage, "of the test") if said.shortage else None)


@pytest.mark.parametrize(("cause", "place"), WHILE_SERVING, ids=map(" at ".join, WHILE_SERVING))
async def test_a_cell_is_what_the_page_says(
    server: Server,
    faults: Faults,
    failures: list[BaseException],
    caplog: pytest.LogCaptureFixture,
    cause: str,
    place: str,
) -> None:
    answer, continues, lines = WORDS[CELLS[cause, place]]
    caplog.set_level("INFO")
    caplog.clear()
    plan(faults, PLACE[place], CAUSES[cause])
    found = await PLACE[place].call(server)
    await until(lambda: faults.met)
    codes = re.findall(r"UNAVAILABLE|[A-Z]+_[A-Z_]+", answer)
    assert codes == ([] if found is None else [found.code.name, found.reason])
    assert found is None or (found.retry_after is not None) == ("with a pause to retry after" in answer)
    if found is not None and found.reason in ("STORE_FULL", "STORE_HINDERED"):
        assert found.metadata["cause"] == CAUSES[cause].cause.word

    if continues.startswith("ends"):
        await until(lambda: failures)
        return
    assert continues.startswith("keeps serving")
    begins, *ends = re.findall(r"`([^`]+)`", lines)
    alternatives = [line for line in (begins, *ends) if line[-1] != "."]
    await until(lambda: any(line in caplog.text for line in alternatives))
    faults.end()
    await until_it_is_answered(server, PLACE[place])
    over = [line for line in ends if line[-1] == "."]
    if over:
        server.app.parts.store._checks = event_store.CHECKS_TO_CHECKPOINT - 1
        await until(lambda: over[0] in caplog.text)
    assert sum(caplog.text.count(line) for line in alternatives if not line.startswith("refused")) <= 1
    assert not failures


async def test_a_view_that_cannot_read_its_documents_goes_on_when_it_can(
    server: Server, faults: Faults, caplog: pytest.LogCaptureFixture
) -> None:
    place = Place(r".*/order-details-.*mode=ro", "SELECT", command, is_read=True)
    plan(faults, place, CAUSES["no descriptors"])
    await server.send(AddItem(order_id="given", line=line("more", 1, money("1"))))
    await until(lambda: "The view order-details cannot be updated, answers from what it has" in caplog.text)
    faults.end()
    await until(lambda: "The view order-details is updated again." in caplog.text)
    assert server.projector("order-details").position == 5


async def test_views_that_cannot_read_the_log_go_on_when_they_can(
    server: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hindered(**_: Any) -> Any:
        raise StoreHindered(Cause.NO_MEMORY.word, Cause.NO_MEMORY.value)

    views = server.app.parts.projectors.all
    with monkeypatch.context() as patch:
        patch.setattr(server.app.parts.store, "read_all", hindered)
        await server.send(AddItem(order_id="given", line=line("more", 1, money("1"))))
        await until(lambda: caplog.text.count("cannot be updated, answers from what it has") == len(views))
    await until(lambda: caplog.text.count("is updated again.") == len(views))
    assert {view.position for view in views} == {5}


async def test_views_that_come_to_damage_of_the_log_stop_and_say_so(
    server: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def damaged(**_: Any) -> Any:
        raise DataDamaged(5)

    monkeypatch.setattr(server.app.parts.store, "read_all", damaged)
    await server.send(AddItem(order_id="given", line=line("more", 1, money("1"))))
    await until(lambda: all(view.failed for view in server.app.parts.projectors.all))
    assert "The view order-details has stopped at position 4" in caplog.text
    options = ReadOptions(min_position=5)
    assert (
        await refusal(server, GetOrderRequest(order_id="given", options=options))
    ).reason == "VIEW_STOPPED"


async def test_memory_that_is_missing_anywhere_is_no_defect(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: Any, **__: Any) -> Any:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(server.app.parts.store, "read_stream", missing)
        for asked in (stream, past):
            told = await asked(server)
            assert told is not None
            assert (told.reason, told.metadata) == ("STORE_HINDERED", {"cause": "no_memory"})
        assert (await refusal(server, SubmitOrder(order_id="none"))).reason == "STORE_UNAVAILABLE"
    for asked in (stream, past, repeated):
        assert await asked(server) is None


async def until_it_is_answered(server: Server, place: Place) -> None:
    async with asyncio.timeout(20):
        while (found := await place.call(server)) is not None:
            if found.reason == "ORDER_EXISTS":
                return
            assert found.retry_after is not None or found.reason == "DATA_DAMAGED"
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("cause", [cause for cause, place in OCCURRING if place == "open"])
async def test_what_keeps_a_log_from_being_opened_is_named(
    new_log: Path, tmp_path: Path, faults: Faults, cause: str
) -> None:
    shutil.copytree(new_log, tmp_path / "data")
    plan(faults, Place(r"[^?]*/log\.db", "(PRAGMA|INSERT)", command), CAUSES[cause])
    with pytest.raises(CannotOpen) as caught:
        await Server(tmp_path / "data").start()
    text = str(caught.value)
    assert "\n" not in text
    assert CAUSES[cause].cause.value in text or "is damaged: it is a Foldlog log" in text


def test_each_cell_has_a_word_or_a_reason() -> None:
    assert {word for word in CELLS.values() if not word.startswith("–")} == set(WORDS)
    assert {int(word[1:]) for word in CELLS.values() if word.startswith("–")} == REASONS
    assert {cause for cause, _ in CELLS} == {*CAUSES, "locked"}
    assert set(PLACES) == {*PLACE, "open"}
    assert cause_of(sqlite_error("LOCKED")) is Cause.BUSY
