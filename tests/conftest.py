"""What holds for every test."""

import logging
import signal
from collections.abc import Iterator

import pytest


def pytest_configure() -> None:
    """Undo what a shell does to commands it runs in the background, and what they start would inherit."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def nothing_goes_wrong_unseen(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """An exception in a callback, or in a task that nobody asks, fails the test: asyncio only logs it."""
    yield
    unseen = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.name == "asyncio" and record.levelno >= logging.ERROR
    ]
    assert unseen == []
