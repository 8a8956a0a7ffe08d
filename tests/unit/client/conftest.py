"""A scripted server and a client of it."""

from collections.abc import AsyncIterator

import pytest

import foldlog_client
from foldlog_client import Client, Retry
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
    return Retry(random=lambda: 1.0, sleep=pauses)


@pytest.fixture
async def client(server: ScriptedServer, retry: Retry) -> AsyncIterator[Client]:
    async with foldlog_client.connect(server.target, retry=retry) as client:
        yield client
