"""A run that did not do what it was to do counts for nothing."""

import pytest

from bench.processes import BenchFailed
from bench.rows import Gate, Measured, Row
from bench.stand import Window, check_growth, check_size


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


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.95, "aim met"), (0.8, "must met"), (0.7, "floor met"), (0.69, "not met")]
)
def test_a_verdict_is_the_best_bound_that_is_met(value: float, verdict: str) -> None:
    assert Gate(must=0.8, aim=0.9, floor=0.7).verdict(value) == verdict
