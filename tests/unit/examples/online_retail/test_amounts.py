"""Amounts keep every digit on their way."""

from decimal import Decimal
from fractions import Fraction

import pytest

from examples.online_retail.amounts import Amount, amount, sums, to_money
from foldlog.v1.money_pb2 import Money


@pytest.mark.parametrize(
    ("pounds", "units", "nanos"),
    [("2.55", 2, 550_000_000), ("0.001", 0, 1_000_000), ("13541.33", 13541, 330_000_000), ("0.0", 0, 0)],
)
def test_pounds_become_money_and_come_back(pounds: str, units: int, nanos: int) -> None:
    money = to_money(Decimal(pounds))
    assert money == Money(currency_code="GBP", units=units, nanos=nanos)
    assert amount(money) == Amount(Fraction(pounds))


def test_what_money_cannot_hold_is_not_rounded() -> None:
    with pytest.raises(ValueError, match="finer than a billionth"):
        to_money(Decimal("0.0000000001"))


def test_another_currency_is_another_amount() -> None:
    assert amount(Money(currency_code="EUR", units=1)) != Amount(Fraction(1))


def test_a_sum_of_nothing_is_no_sum() -> None:
    assert sums([Money(currency_code="GBP"), Money(currency_code="GBP", units=1)]) == [Amount(Fraction(1))]


@pytest.mark.parametrize(
    ("value", "text"),
    [("1234.5", "1,234.50 GBP"), ("0.0005", "0.0005 GBP"), ("100", "100.00 GBP"), ("0", "0.00 GBP")],
)
def test_an_amount_is_written_with_all_its_digits(value: str, text: str) -> None:
    assert str(Amount(Fraction(value))) == text
