"""A server, and a client of it."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from foldlog_client import Client
from tests.format.trading import trade
from tests.support.in_threads import BOTH, Connect
from tests.support.server import Server, client_of, serving


@pytest.fixture(scope="session")
def new_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a log without events: to be copied, which costs less than to sync a new one."""
    data = tmp_path_factory.mktemp("log") / "data"

    async def make() -> None:
        async with serving(data):
            pass

    asyncio.run(make())
    return data


@pytest.fixture(scope="session")
def traded_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a log with something of everything, of a server that has stopped: to be copied."""
    data = tmp_path_factory.mktemp("traded") / "data"

    async def make() -> None:
        async with serving(data) as server:
            await trade(server)

    asyncio.run(make())
    return data


@pytest.fixture
async def server(new_log: Path, tmp_path: Path) -> AsyncIterator[Server]:
    shutil.copytree(new_log, tmp_path / "data")
    async with serving(tmp_path / "data") as server:
        yield server


@pytest.fixture
async def traded(traded_log: Path, tmp_path: Path) -> AsyncIterator[Server]:
    """A server of a log with something of everything."""
    shutil.copytree(traded_log, tmp_path / "data")
    async with serving(tmp_path / "data") as server:
        yield server


@pytest.fixture(params=BOTH)
def connect(request: pytest.FixtureRequest) -> Connect:
    """For tests of the client: connects the async one and, in another run of the test, the sync one."""
    return BOTH[request.param]


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with client_of(server) as client:
        yield client
