"""A difference is claimed only where chance is not likely to have made it."""

import random

import pytest

from bench.comparison import Comparison, Estimate, Row, Side, estimate
from bench.shop import Window


def test_an_estimate_is_the_median_in_its_interval() -> None:
    ratios = [float(number) for number in range(1, 16)]
    random.Random(7).shuffle(ratios)
    assert estimate(ratios) == Estimate(8, 4, 12)
    assert estimate([1.0, 2, 3, 4, 5, 6]) == Estimate(3.5, 1, 6)


def test_of_few_ratios_nothing_is_claimed() -> None:
    found = estimate([2.0, 2, 2, 2, 2])
    assert found == Estimate(2, 2, 2, False)
    assert not found.differs


@pytest.mark.parametrize(("low", "high", "differs"), [(0.9, 0.99, True), (0.9, 1.0, False), (1.01, 2, True)])
def test_a_difference_is_an_interval_without_1(low: float, high: float, differs: bool) -> None:
    found = Estimate(1.0, low, high)
    assert found.differs == differs
    assert str(found).startswith("**") == differs


def test_the_interval_holds_the_median_in_nineteen_runs_of_twenty() -> None:
    chance, held = random.Random(7), 0
    for _ in range(2000):
        found = estimate([chance.gauss(1, 0.1) for _ in range(15)])
        held += found.low <= 1 <= found.high
    assert 0.95 <= held / 2000 < 0.98


def row(*rounds: tuple[float, float, float], us: float | None = 100) -> Row:
    """Of rates a second: here, there, there again."""
    windows = [dict(zip(Side, (Window(rate, server_us=us) for rate in one), strict=True)) for one in rounds]
    return Row("commands", windows)


def test_a_ratio_is_one_within_a_round() -> None:
    found = row((100, 200, 200), (1000, 2000, 1000), (10, 20, 20))
    assert found.rate(Side.HERE).median == 0.5
    assert found.rate(Side.THERE_AGAIN) == Estimate(1, 0.5, 1, False)
    assert found.per_second(Side.THERE) == 200


def test_where_the_system_does_not_tell_the_time_of_the_processor_there_is_no_ratio() -> None:
    assert row((1, 1, 1), us=None).cpu(Side.HERE) is None
    assert row((1, 1, 1)).cpu(Side.HERE) == Estimate(1, 1, 1, False)


def test_the_table_has_a_line_for_each_row() -> None:
    rows = [row(*[(300, 200, 200)] * 6), row((1, 1, 1), us=None)]
    comparison = Comparison("abc Something", "python", {1: 10}, 3, {"file system": "ext4"}, rows)
    text = comparison.markdown()
    assert "| commands | 300 | 200 | **1.500 (1.500 … 1.500)** | 1.000 (1.000 … 1.000) | 1.000 (1.000" in text
    assert "| commands | 1.00 | 1.00 | 1.000 (1.000 … 1.000) | 1.000 (1.000 … 1.000) |  |  |" in text
