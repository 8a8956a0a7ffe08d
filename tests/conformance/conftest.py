"""The contract, sentence by sentence, against any server: its tests import nothing of the server.

    make conformance ADDRESS=127.0.0.1:50051

Without an address, a server is started for it. Every test makes ids of its own, so the log may hold anything.
"""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.report import ADDRESS, SENTENCE
from tests.conformance.shop import Shop
from tests.support.wire import connected

_STARTED = re.compile(r" at (\S+:\d+)\. ")


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the server that is judged."""
    given = os.environ.get(ADDRESS)
    if given:
        yield given
        return
    with _started(tmp_path_factory.mktemp("conformance") / "log") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = _STARTED.search(line)
        assert found, f"The server did not start; it said {line!r}."
        yield found[1]
        process.terminate()


def _started(log: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "foldlog_server", "serve", "--listen", "127.0.0.1:0", "--data", str(log)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


@pytest.fixture
async def shop(address: str) -> AsyncIterator[Shop]:
    """A customer's view of the server."""
    shop = Shop(connected(address))
    yield shop
    await shop.channel.close()


def sentence_of(item: pytest.Item) -> tuple[str, str]:
    """What a test says of the contract: its section, and its docstring with what it is about in this case."""
    function: Any = item.function  # type: ignore[attr-defined]
    module: Any = item.getparent(pytest.Module)
    callspec = getattr(item, "callspec", None)
    text = " ".join((function.__doc__ or "").split())
    assert text, f"{item.name} says nothing of the contract."
    return module.obj.__doc__.strip(), text.format(**callspec.params) if callspec else text


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have each test know its sentence."""
    for item in items:
        if "conformance" in item.path.parts:
            item.stash[SENTENCE] = section, sentence = sentence_of(item)
            item.user_properties += [("section", section), ("sentence", sentence)]
