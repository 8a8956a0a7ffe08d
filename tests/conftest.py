"""What holds for every test."""

import asyncio
import asyncio.constants
import logging
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# No result depends on a duration: on a busy machine, Hypothesis's 200 ms for an example are soon over. What
# Hypothesis itself chooses where CI is set stays as it is.
settings.register_profile("foldlog", settings(deadline=None))
settings.load_profile("foldlog")


def pytest_configure() -> None:
    """Undo what a shell does to commands it runs in the background, and what they start would inherit.

    And drop asyncio's warnings of callbacks that took 0.1 seconds: they describe the machine, not the code.
    """
    _check_without_tracebacks()
    logging.getLogger("asyncio").addFilter(lambda record: not record.getMessage().startswith("Executing <"))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as `nohup` does
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _check_without_tracebacks() -> None:
    """Keep every check of asyncio's debug mode, and leave out its tracebacks, which double the time of the tests.

    Loops check threads and callbacks by an attribute of theirs. Futures, tasks, handles and coroutines ask
    `get_debug`, or this depth, whether to record where they were made: with PYTHONASYNCIODEBUG=1, they do.
    """
    if not os.environ.get("PYTHONASYNCIODEBUG"):
        patch = pytest.MonkeyPatch()
        patch.setattr(asyncio.constants, "DEBUG_STACK_DEPTH", 0)
        patch.setattr(asyncio.BaseEventLoop, "get_debug", lambda _: False)


@pytest.fixture(autouse=True)
def nothing_goes_wrong_unseen(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """An exception in a callback, or in a task that nobody asks, fails the test: asyncio only logs it."""
    yield
    unseen = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.name == "asyncio" and record.levelno >= logging.ERROR and not _is_of_an_earlier_loop(record)
    ]
    assert unseen == []


def _is_of_an_earlier_loop(record: logging.LogRecord) -> bool:
    """gRPC has one queue for all loops of a process: what comes late for a test that is over is told here."""
    error = record.exc_info[1] if record.exc_info else None
    is_late = isinstance(error, RuntimeError) and str(error) == "Event loop is closed"
    return is_late and "PollerCompletionQueue" in record.getMessage()
