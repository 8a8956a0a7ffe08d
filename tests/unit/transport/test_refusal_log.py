"""Refusals in the log: the first of a second a line each, the rest as a number."""

import logging
from collections.abc import Iterable

import pytest

from foldlog_server.errors import Draining, FoldlogError, InvalidRequest
from foldlog_server.transport.refusal_log import LINES_A_SECOND, RefusalLog
from tests.support.manual_timer import ManualTimer

TOKEN = InvalidRequest.page_token()


class Log:
    """A log of refusals under a clock of its own, and what it has written."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "foldlog.calls")
        self.timer = ManualTimer()
        self.refusals = RefusalLog(lambda: self.timer)
        self._caplog = caplog

    def refuse(
        self, times: int, method: str = "List", error: FoldlogError = TOKEN, personal: Iterable[str] = ()
    ) -> None:
        for _ in range(times):
            self.refusals.refused(method, error, lambda: personal)

    def written(self) -> list[str]:
        """The lines since it was last asked."""
        lines = [record.getMessage() for record in self._caplog.records]
        self._caplog.clear()
        return lines


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    return Log(caplog)


def line(method: str = "List", error: FoldlogError = TOKEN) -> str:
    return f"{method} refused: {error.reason.name}: {error.message}"


def left_out(count: int, method: str = "List") -> str:
    return f"{method} refused: PAGE_TOKEN_INVALID: {count} more times within a second"


async def test_a_few_refusals_are_a_line_each_and_nothing_more(log: Log) -> None:
    log.refuse(LINES_A_SECOND)
    await log.timer.advance(1)
    assert log.written() == [line()] * LINES_A_SECOND


async def test_the_rest_of_a_second_is_one_line_when_it_is_over(log: Log) -> None:
    log.refuse(LINES_A_SECOND + 4321)
    assert log.written() == [line()] * LINES_A_SECOND
    await log.timer.advance(0.9)
    log.refuse(1)
    assert log.written() == []
    await log.timer.advance(0.1)
    assert log.written() == [left_out(4322)]
    await log.timer.advance(10)
    assert log.written() == []


async def test_every_second_begins_anew(log: Log) -> None:
    for _ in range(3):
        log.refuse(LINES_A_SECOND + 2)
        await log.timer.advance(1)
        assert log.written() == [line()] * LINES_A_SECOND + [left_out(2)]


async def test_methods_and_reasons_are_counted_apart(log: Log) -> None:
    log.refuse(LINES_A_SECOND + 1)
    log.written()
    log.refuse(1, "Get")
    log.refuse(1, error=Draining())
    assert log.written() == [line("Get"), line(error=Draining())]
    await log.timer.advance(1)
    assert log.written() == [left_out(1)]


async def test_what_was_left_out_is_told_also_when_the_server_stops(log: Log) -> None:
    log.refuse(LINES_A_SECOND + 5)
    log.refuse(LINES_A_SECOND + 6, "Get")
    log.written()
    log.refusals.end_all()
    assert log.written() == [left_out(5), left_out(6, "Get")]
    await log.timer.advance(1)
    assert log.written() == []


REUSED = InvalidRequest.request_id_reused("ada")


async def test_a_text_that_quotes_something_personal_is_not_logged(log: Log) -> None:
    log.refuse(1, error=REUSED, personal=["bob", "ada"])
    [line] = log.written()
    assert line.startswith("List refused: REQUEST_ID_REUSED: (its text says something about a person")
    log.refuse(1, error=REUSED, personal=["bob"])
    assert "ada" in log.written()[0]


async def test_at_debug_all_is_logged(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "foldlog.calls")
    log.refuse(1, error=REUSED, personal=["ada"])
    assert log.written() == [line(error=REUSED)]
