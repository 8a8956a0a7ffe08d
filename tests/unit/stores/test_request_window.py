"""A window full of requests costs nothing when a log is opened, and no more disk the longer it goes on."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from foldlog_server.stores import sqlite_schema
from foldlog_server.stores.sqlite import SqliteEventStore
from foldlog_server.stores.sqlite_writer import LogWriter
from tests.contract.appends import Clock, append, new_id, part, request

HOUR = 3_600_000_000_000
WINDOW_NS = 24 * HOUR


async def filled(directory: Path, clock: Clock, hours: int, an_hour: int = 20) -> None:
    """A log to which some requests were sent in each of so many hours."""
    store = await SqliteEventStore.open(directory, clock=clock, new_id=new_id, on_failure=print)
    for _ in range(hours):
        sending = [append(part(f"order-{new_id()}", 0, b"x"), request=request()) for _ in range(an_hour)]
        await asyncio.gather(*map(store.append, sending))
        clock.now += HOUR
    await store.close()


def partitions(file: Path) -> dict[str, int]:
    """The tables of requests, each with the page where it begins."""
    connection = sqlite3.connect(file)
    found = connection.execute("SELECT name, rootpage FROM sqlite_master WHERE name GLOB 'requests_until_*'")
    tables = dict(found.fetchall())
    connection.close()
    return tables


async def test_opening_a_log_touches_no_page_of_the_requests_it_remembers(tmp_path: Path) -> None:
    clock = Clock()
    await filled(tmp_path, clock, 24)
    tables = partitions(tmp_path / "log.db")
    with open(tmp_path / "log.db", "r+b") as file:
        for root in tables.values():
            file.seek((root - 1) * 4096)
            file.write(b"\xff" * 4096)

    assert len(tables) >= 4
    failures: list[BaseException] = []
    store = await SqliteEventStore.open(tmp_path, clock=clock, new_id=new_id, on_failure=failures.append)
    # Whoever touches one is told of it.
    with pytest.raises(Exception, match="does not answer"):
        await store.find_request(request().key)
    await store.close()


async def test_opening_a_log_takes_as_many_steps_whatever_it_remembers(tmp_path: Path) -> None:
    steps = {}
    for an_hour in (180, 360):  # more than the newest events, which are verified
        directory = tmp_path / str(an_hour)
        await filled(directory, Clock(), 6, an_hour)
        steps[an_hour] = steps_to_open(directory / "log.db")
    assert steps[360] == pytest.approx(steps[180], rel=0.05)


def steps_to_open(file: Path) -> int:
    """How many steps SQLite takes to set a writer up."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    connection = sqlite3.connect(file, isolation_level=None)
    connection.set_progress_handler(step, 1)
    sqlite_schema.set_up_writer(connection, file, new_id, 0, WINDOW_NS)
    LogWriter(connection, WINDOW_NS)
    connection.close()
    return count


async def test_what_has_left_the_window_gives_its_room_to_what_comes(tmp_path: Path) -> None:
    clock = Clock()
    store = await SqliteEventStore.open(tmp_path, clock=clock, new_id=new_id, on_failure=print)
    pages: list[int] = []
    for _ in range(5):
        for _ in range(8):
            await asyncio.gather(*(store.append(append(request=request())) for _ in range(60)))
            clock.now += 3 * HOUR
        pages.append(store._reader._connection.execute("PRAGMA page_count").fetchone()[0])
    assert len(partitions(tmp_path / "log.db")) <= 6
    await store.close()

    assert pages[-1] <= pages[1] * 1.1
    assert pages[0] > 20, "the requests of a window are more than a few pages"
