"""The file of a server that has stopped, and what can be done to a copy of it."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from tests.format.log_file import read
from tests.format.trading import trade
from tests.support.server import serving, until


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def written(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The file of a server that has stopped."""
    data = tmp_path_factory.mktemp("format") / "data"
    async with serving(data) as server:
        await trade(server)
        head = (await server.head()).position
        await until(lambda: all(projector.position == head for projector in server.app.parts.projectors.all))
    yield data / "log.db"


@pytest.fixture
def file(written: Path, tmp_path: Path) -> Path:
    """A copy."""
    return Path(shutil.copy(written, tmp_path / "log.db"))


@pytest.fixture
def loose(file: Path) -> Path:
    """A copy whose tables take any damage, with the same columns and rows."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("DROP INDEX events_by_stream")
        connection.execute("DROP VIEW requests")
        tables = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        for table, create in tables:
            free = create.replace(" NOT NULL", "").replace(f"TABLE {table}", "TABLE loose")
            connection.executescript(
                f"{free.replace(' WITHOUT ROWID', '')}; INSERT INTO loose SELECT * FROM {table};"
                f"DROP TABLE {table}; ALTER TABLE loose RENAME TO {table};"
            )
    read(file)
    return file
