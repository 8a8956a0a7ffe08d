"""Snapshots are found within bounds, are independent of each other, and can be deleted without loss."""

import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from foldlog_server.commands.snapshots import Snapshot, Until, kind
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domains.inventory.stock import STOCK, Stock
from foldlog_server.stores.sqlite.snapshots import BYTES_PER_EVENT, SqliteSnapshots
from foldlog_server.stores.writer_thread import WriterThread
from tests.support.limits import no_descriptors

OpenSnapshots = Callable[..., Awaitable[SqliteSnapshots]]
LATEST = Until()


@pytest.fixture
async def open_snapshots(tmp_path: Path) -> AsyncIterator[OpenSnapshots]:
    """Opens the snapshots in `tmp_path`; those that were open before are closed first."""
    async with AsyncExitStack() as opened:

        async def open_one(log_id: str = "log", decider: AnyDecider = STOCK) -> SqliteSnapshots:
            await opened.aclose()
            snapshots = await SqliteSnapshots.open(tmp_path, log_id, [decider], WriterThread())
            opened.push_async_callback(snapshots.close)
            return snapshots

        yield open_one


def snapshot(version: int, *, on_hand: int = 0, name: str = "") -> Snapshot:
    """A snapshot whose position is ten times its version, and whose time is a hundred times."""
    state = Stock(True, name, on_hand or version)
    return Snapshot(version, version * 10, version * 100, f"event-{version}", state)


async def kept(snapshots: SqliteSnapshots, *ones: Snapshot, stream: str = "stock-1") -> None:
    """Keep some snapshots, and wait until they are stored."""
    for one in ones:
        snapshots.keep(stream, STOCK, one)
    await snapshots._thread.do(lambda: None)


async def test_there_is_none_at_first(open_snapshots: OpenSnapshots) -> None:
    snapshots = await open_snapshots()
    assert snapshots.newest("stock-1", STOCK, LATEST) is None


async def test_the_newest_comes_back_as_it_was_kept(open_snapshots: OpenSnapshots) -> None:
    snapshots = await open_snapshots()
    await kept(snapshots, snapshot(1000), snapshot(2000))
    assert snapshots.newest("stock-1", STOCK, LATEST) == snapshot(2000)
    snapshots = await open_snapshots()
    assert snapshots.newest("stock-1", STOCK, LATEST) == snapshot(2000)


async def test_it_is_kept_and_read_without_another_descriptor(open_snapshots: OpenSnapshots) -> None:
    snapshots = await open_snapshots()
    with no_descriptors():
        await kept(snapshots, snapshot(1000))
        assert snapshots.newest("stock-1", STOCK, LATEST) == snapshot(1000)


async def test_an_older_one_takes_the_place_of_no_newer(open_snapshots: OpenSnapshots) -> None:
    snapshots = await open_snapshots()
    await kept(snapshots, snapshot(2000), snapshot(1000))
    assert snapshots.newest("stock-1", STOCK, LATEST) == snapshot(2000)


@pytest.mark.parametrize(
    ("until", "version"),
    [
        (Until(version=1999), 1000),
        (Until(version=2000), 2000),
        (Until(position=19_999), 1000),
        (Until(position=20_000), 2000),
        (Until(time=199_999), 1000),
        (Until(time=200_000), 2000),
        (Until(version=3000, position=10_000), 1000),
    ],
    ids=str,
)
async def test_it_is_within_the_bounds(open_snapshots: OpenSnapshots, until: Until, version: int) -> None:
    snapshots = await open_snapshots()
    await kept(snapshots, snapshot(1000), snapshot(2000))
    assert snapshots.newest("stock-1", STOCK, until) == snapshot(version)
    assert snapshots.newest("stock-1", STOCK, until._replace(version=999)) is None


async def test_it_is_of_the_stream_alone(open_snapshots: OpenSnapshots) -> None:
    snapshots = await open_snapshots()
    await kept(snapshots, snapshot(1000), stream="stock-2")
    assert snapshots.newest("stock-1", STOCK, LATEST) is None


async def test_another_revision_uses_none_and_clears_them_away(
    open_snapshots: OpenSnapshots, tmp_path: Path
) -> None:
    snapshots = await open_snapshots()
    await kept(snapshots, snapshot(1000))
    revised = replace(STOCK, revision=STOCK.revision + 1)
    assert snapshots.newest("stock-1", revised, LATEST) is None
    snapshots = await open_snapshots(decider=revised)
    assert snapshots.newest("stock-1", STOCK, LATEST) is None


async def test_those_of_another_log_are_thrown_away(open_snapshots: OpenSnapshots) -> None:
    await kept(await open_snapshots(), snapshot(1000))
    snapshots = await open_snapshots(log_id="restored")
    assert snapshots.newest("stock-1", STOCK, LATEST) is None
    await kept(snapshots, snapshot(1000))
    assert snapshots.newest("stock-1", STOCK, LATEST) == snapshot(1000)


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + bytes(4096)])
async def test_a_file_that_is_none_is_made_anew(
    open_snapshots: OpenSnapshots, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "snapshots.db").write_bytes(content)
    snapshots = await open_snapshots()
    await kept(snapshots, snapshot(1000))
    assert snapshots.newest("stock-1", STOCK, LATEST) == snapshot(1000)


@pytest.mark.parametrize(
    "damage",
    [
        "state = x'5b5d'",
        "crc = crc + 1",
        "state = CAST(state AS TEXT)",
        "position = position + 1",
        "event_id = 'another'",
    ],
)
async def test_a_damaged_one_is_not_used_and_is_healed(
    open_snapshots: OpenSnapshots, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    snapshots = await open_snapshots()
    await kept(snapshots, snapshot(1000))
    with closing(sqlite3.connect(tmp_path / "snapshots.db", isolation_level=None)) as connection:
        connection.execute(f"UPDATE snapshots SET {damage}")
    assert snapshots.newest("stock-1", STOCK, LATEST) is None
    assert "the log is folded instead" in caplog.text
    await kept(snapshots, snapshot(1000))
    assert snapshots.newest("stock-1", STOCK, LATEST) == snapshot(1000)


async def test_one_of_another_revision_is_not_taken_for_this_ones(
    open_snapshots: OpenSnapshots, tmp_path: Path
) -> None:
    snapshots = await open_snapshots()
    other = replace(STOCK, revision=STOCK.revision + 1)
    snapshots.keep("stock-1", other, snapshot(1000))
    await kept(snapshots)
    with closing(sqlite3.connect(tmp_path / "snapshots.db", isolation_level=None)) as connection:
        connection.execute("UPDATE snapshots SET kind = ?", (kind(STOCK),))
    assert snapshots.newest("stock-1", STOCK, LATEST) is None


def remove(file: Path) -> None:
    file.unlink()


def replace_file(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(b"no snapshots" * 1000)
    other.replace(file)


@pytest.mark.parametrize("befall", [remove, replace_file])
async def test_what_befalls_an_open_file_is_told_once_and_cured(
    open_snapshots: OpenSnapshots,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    befall: Callable[[Path], None],
) -> None:
    snapshots = await open_snapshots()
    await kept(snapshots, snapshot(1000))
    befall(tmp_path / "snapshots.db")
    for _ in range(3):
        assert snapshots.newest("stock-1", STOCK, LATEST) in (None, snapshot(1000), snapshot(2000))
        await kept(snapshots, snapshot(2000))
    assert snapshots.newest("stock-1", STOCK, LATEST) == snapshot(2000)
    assert caplog.text.count("The snapshots start again empty") == 1
    assert not any(record.exc_info for record in caplog.records)
    snapshots = await open_snapshots()
    assert snapshots.newest("stock-1", STOCK, LATEST) == snapshot(2000)


async def test_nothing_is_made_where_the_directory_was(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    snapshots = await SqliteSnapshots.open(data, "log", [STOCK], WriterThread(), lambda: True)
    await kept(snapshots, snapshot(1000))
    data.rename(tmp_path / "elsewhere")
    data.mkdir()
    await kept(snapshots, snapshot(2000))
    assert snapshots.newest("stock-1", STOCK, LATEST) == snapshot(2000)
    assert list(data.iterdir()) == []
    await snapshots.close()


async def test_one_that_is_too_large_for_what_it_spares_is_not_kept(open_snapshots: OpenSnapshots) -> None:
    snapshots = await open_snapshots()
    large = snapshot(2, name="n" * 2 * BYTES_PER_EVENT)
    await kept(snapshots, large)
    assert snapshots.newest("stock-1", STOCK, LATEST) is None
    fitting = large._replace(version=3)
    await kept(snapshots, fitting)
    assert snapshots.newest("stock-1", STOCK, LATEST) == fitting
    await kept(snapshots, large._replace(version=5))
    assert snapshots.newest("stock-1", STOCK, LATEST) == fitting
    await kept(snapshots, large._replace(version=6))
    assert snapshots.newest("stock-1", STOCK, LATEST) == large._replace(version=6)


async def test_one_that_cannot_be_kept_is_told_and_harms_nobody(
    open_snapshots: OpenSnapshots, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    snapshots = await open_snapshots()
    with closing(sqlite3.connect(tmp_path / "snapshots.db", isolation_level=None)) as connection:
        connection.execute("ALTER TABLE snapshots RENAME TO others")
    with caplog.at_level(logging.WARNING):
        await kept(snapshots, snapshot(1000))
        await kept(snapshots)
    assert "Snapshots cannot be kept" in caplog.text
    assert snapshots.newest("stock-1", STOCK, LATEST) is None
    await kept(snapshots, snapshot(2000))
    assert snapshots.newest("stock-1", STOCK, LATEST) == snapshot(2000)
