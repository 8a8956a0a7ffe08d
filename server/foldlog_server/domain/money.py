"""Exact money: whole billionths of a unit in Python integers, `Money` messages at the edges."""

from __future__ import annotations

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

from foldlog.v1.money_pb2 import Money

NANOS = 1_000_000_000

# ISO 4217:2015 lists these minor units that are not hundredths.
_MINOR_DIGITS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}


def to_nanos(money: Money) -> int:
    """The amount in billionths of a unit."""
    return money.units * NANOS + money.nanos


def to_money(currency_code: str, nanos: int) -> Money:
    """An amount in billionths of a unit as a message; units and nanos share the sign."""
    money = Money()
    set_money(money, currency_code, nanos)
    return money


def set_money(money: Money, currency_code: str, nanos: int) -> None:
    """Set a message to an amount in billionths of a unit."""
    units, rest = divmod(abs(nanos), NANOS)
    sign = -1 if nanos < 0 else 1
    money.currency_code = currency_code
    money.units = sign * units
    money.nanos = sign * rest


def round_to_minor(currency_code: str, nanos: int) -> int:
    """The amount rounded half even to the currency's minor unit, in billionths of a unit."""
    step: int = NANOS // 10 ** _MINOR_DIGITS.get(currency_code, 2)
    quotient, rest = divmod(nanos, step)
    if 2 * rest > step or (2 * rest == step and quotient % 2 == 1):
        quotient += 1
    return quotient * step


def add_to_sums(sums: RepeatedCompositeFieldContainer[Money], currency_code: str, nanos: int) -> None:
    """Add an amount to a repeated Money field that holds one sum a currency, sorted by currency.

    A sum that becomes zero stays: the currency was used.
    """
    for money in sums:
        if money.currency_code == currency_code:
            money.CopyFrom(to_money(currency_code, to_nanos(money) + nanos))
            return
    sums.append(to_money(currency_code, nanos))
    sums.sort(key=lambda money: money.currency_code)
