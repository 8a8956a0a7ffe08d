"""A run that did not do what it was to do counts for nothing."""

import asyncio

import pytest
from google.protobuf.any_pb2 import Any

from bench.appends import Appends
from bench.processes import BenchFailed
from bench.rows import Gate, Measured, Row
from bench.shop import Window, check_growth, check_size
from bench.stand import ECHO_BYTES, check_appended
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_server.errors import StoreFull
from foldlog_server.log.event_store import Append, Appended
from tests.support.manual_timer import settle


def test_a_log_that_grew_by_one_event_a_command_counts() -> None:
    check_growth(10, 310, 300)


@pytest.mark.parametrize("after", [309, 311, 10])
def test_a_log_that_grew_by_more_or_less_fails_the_run(after: int) -> None:
    with pytest.raises(BenchFailed, match=r"300 calls were to add"):
        check_growth(10, after, 300)


def test_answers_that_are_all_there_count() -> None:
    check_size("GetOrder", 300, 300 * (5 + 40), 40)


def test_a_refused_query_fails_the_run() -> None:
    with pytest.raises(BenchFailed, match=r"GetOrder had 13,455 bytes instead of 13,500"):
        check_size("GetOrder", 300, 299 * (5 + 40), 40)


def test_a_row_is_the_median_of_the_ratios_to_the_echoes_around_its_windows() -> None:
    rates = [(100.0, 80.0, 100.0), (400.0, 200.0, 400.0), (200.0, 60.0, 100.0)]
    measured = [Measured(*map(Window, between)) for between in rates]
    row = Row("queries", "queries", 64, measured=measured)
    assert row.ratios() == pytest.approx([0.8, 0.5, 0.45])
    assert row.value() == 0.5
    assert row.noisy() == 1


def appended(stream: str, size: int = ECHO_BYTES) -> RecordedEvent:
    return RecordedEvent(stream=stream, payload=Any(value=bytes(size)))


def test_appends_that_are_all_there_count() -> None:
    check_appended([appended("a"), appended("b")], 2)


@pytest.mark.parametrize(
    "stored",
    [
        [appended("a")],
        [appended("a"), appended("a")],
        [appended("a"), appended("b", ECHO_BYTES - 1)],
        [appended("a"), appended("b"), appended("c")],
    ],
)
def test_appends_that_left_something_else_fail_the_run(stored: list[RecordedEvent]) -> None:
    with pytest.raises(BenchFailed):
        check_appended(stored, 2)


async def test_an_append_is_answered_when_it_is_stored_and_not_before() -> None:
    waiting: list[asyncio.Future[Appended]] = []

    def append(_: Append) -> asyncio.Future[Appended]:
        waiting.append(asyncio.get_running_loop().create_future())
        return waiting[-1]

    appends = Appends(append)
    call = asyncio.create_task(appends.answer(b"data", None))
    await settle()
    assert not call.done()
    waiting[0].set_result(Appended(()))
    assert await call == b"data"

    call = asyncio.create_task(appends.answer(b"data", None))
    await settle()
    waiting[1].set_exception(StoreFull())
    with pytest.raises(StoreFull):
        await call


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.95, "aim met"), (0.8, "must met"), (0.7, "floor met"), (0.69, "not met")]
)
def test_a_verdict_is_the_best_bound_that_is_met(value: float, verdict: str) -> None:
    assert Gate(must=0.8, aim=0.9, floor=0.7).verdict(value) == verdict
