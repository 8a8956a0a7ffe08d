"""Exact amounts on their way to the server and back; no float touches one."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from examples.online_retail.invoices import CURRENCY
from foldlog.v1.money_pb2 import Money

_NANOS = 1_000_000_000


@dataclass(frozen=True, order=True, slots=True)
class Amount:
    """An amount that equals another one exactly or not at all."""

    value: Fraction
    currency_code: str = CURRENCY

    def __repr__(self) -> str:
        """With all its digits and at least the pennies: "1,234.50 GBP"."""
        digits = Decimal(self.value.numerator) / Decimal(self.value.denominator)
        exact = format(digits.normalize(), "f")
        places = max(2, len(exact.partition(".")[2]))
        return f"{digits:,.{places}f} {self.currency_code}".rstrip()


def to_money(pounds: Decimal) -> Money:
    """The amount as a message. Raises ValueError for one finer than a billionth of a pound."""
    nanos = pounds.scaleb(9)
    if nanos != int(nanos):
        raise ValueError(f"{pounds} is finer than a billionth of a pound.")
    units, rest = divmod(int(nanos), _NANOS)
    return Money(currency_code=CURRENCY, units=units, nanos=rest)


def amount(money: Money) -> Amount:
    """The amount of a message; one that is not set is 0 of no currency."""
    return Amount(Fraction(money.units * _NANOS + money.nanos, _NANOS), money.currency_code)


def sums(field: Iterable[Money]) -> list[Amount]:
    """The amounts of a field that holds one sum a currency. A sum of 0 says what none says."""
    return [amount(money) for money in field if money.units or money.nanos]
