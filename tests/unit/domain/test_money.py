"""Money is exact, signed alike in both its parts, and rounded half to even."""

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foldlog.orders.v1.queries_pb2 import Customer
from foldlog.v1.money_pb2 import Money
from foldlog_server.domain.money import NANOS, add_to_sums, round_to_minor, to_money, to_nanos

AMOUNTS = st.integers(-(10**12) * NANOS, 10**12 * NANOS)
DIGITS = {"GBP": 2, "JPY": 0, "KWD": 3, "CLF": 4}


@given(AMOUNTS)
def test_an_amount_survives_the_message(nanos: int) -> None:
    assert to_nanos(to_money("GBP", nanos)) == nanos


@given(AMOUNTS)
def test_units_and_nanos_share_the_sign(nanos: int) -> None:
    money = to_money("GBP", nanos)
    assert money.units * money.nanos >= 0
    assert abs(money.nanos) < NANOS


def test_a_negative_amount_below_one_unit_has_negative_nanos_alone() -> None:
    assert to_money("GBP", -1) == Money(currency_code="GBP", nanos=-1)
    assert to_money("GBP", -NANOS - 1) == Money(currency_code="GBP", units=-1, nanos=-1)


@pytest.mark.parametrize(
    ("currency", "nanos", "rounded"),
    [
        ("GBP", 4_999_999, 0),
        ("GBP", 5_000_000, 0),
        ("GBP", 5_000_001, 10_000_000),
        ("GBP", 15_000_000, 20_000_000),
        ("GBP", 25_000_000, 20_000_000),
        ("GBP", -5_000_000, 0),
        ("GBP", -15_000_000, -20_000_000),
        ("JPY", 500_000_000, 0),
        ("JPY", 1_500_000_000, 2_000_000_000),
        ("KWD", 500_000, 0),
        ("KWD", 1_500_000, 2_000_000),
        ("CLF", 50_000, 0),
        ("CLF", 150_000, 200_000),
        ("XXX", 15_000_000, 20_000_000),
    ],
)
def test_halves_go_to_the_even_minor_unit(currency: str, nanos: int, rounded: int) -> None:
    assert round_to_minor(currency, nanos) == rounded


@given(st.sampled_from(sorted(DIGITS)), AMOUNTS)
def test_rounding_is_what_decimal_arithmetic_says(currency: str, nanos: int) -> None:
    exact = Decimal(nanos).scaleb(-9)
    step = Decimal(1).scaleb(-DIGITS[currency])
    expected = exact.quantize(step, rounding=ROUND_HALF_EVEN)
    assert Decimal(round_to_minor(currency, nanos)).scaleb(-9) == expected


@given(st.lists(st.tuples(st.sampled_from(sorted(DIGITS)), AMOUNTS), max_size=20))
def test_sums_are_kept_apart_by_currency_and_sorted(amounts: list[tuple[str, int]]) -> None:
    sums = Customer().ordered
    for currency, nanos in amounts:
        add_to_sums(sums, currency, nanos)
    used = sorted({currency for currency, _ in amounts})
    assert [money.currency_code for money in sums] == used
    for money in sums:
        assert to_nanos(money) == sum(nanos for code, nanos in amounts if code == money.currency_code)


def test_a_sum_that_becomes_zero_stays() -> None:
    sums = Customer().ordered
    add_to_sums(sums, "GBP", 5)
    add_to_sums(sums, "GBP", -5)
    assert list(sums) == [Money(currency_code="GBP")]
