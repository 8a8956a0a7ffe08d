"""A scripted server, and clients of it: every test of a client is run over both kinds."""

from collections.abc import AsyncIterator

import pytest

from foldlog_client import Client, Retry
from tests.support.in_threads import BOTH, Connect
from tests.unit.client.scripted_server import Pauses, ScriptedServer


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def retry(pauses: Pauses) -> Retry:
    """Pauses as long as they may be, and not slept."""
    return Retry(random=lambda: 1.0, sleep=pauses, wait=pauses.wait)


@pytest.fixture(params=BOTH)
def connect(request: pytest.FixtureRequest) -> Connect:
    """Connects the async client and, in another run of the test, the sync one."""
    return BOTH[request.param]


@pytest.fixture
async def client(connect: Connect, server: ScriptedServer, retry: Retry) -> AsyncIterator[Client]:
    async with connect(server.target, retry=retry) as client:
        yield client
