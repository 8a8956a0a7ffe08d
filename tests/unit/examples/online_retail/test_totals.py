"""The totals, summed up from rows by hand; and the orders, which must come to the same."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from examples.online_retail.invoices import read_invoices
from examples.online_retail.rows import Row
from examples.online_retail.totals import sum_up

ROWS = [
    Row("1", "A", "", 6, "2.55", "17850.0"),
    Row("1", "A", "", 2, "2.55", "17850.0"),
    Row("1", "A", "", 1, "2.1", "17850.0"),
    Row("2", "BANK CHARGES", "", 5, "0.001", "17850.0"),
    Row("3", "BANK CHARGES", "", 15, "0.001", ""),
    Row("3", "A", "", -9, "2.55", ""),
    Row("C4", "A", "", 1, "2.55", "12583.0"),
    Row("A5", "B", "", 1, "11062.06", ""),
    Row("6", "B", "", 1, "-11062.06", ""),
]


def test_orders() -> None:
    orders = sum_up(ROWS).orders
    assert orders.keys() == {"1", "2", "3"}
    assert (orders["1"].customer_id, orders["3"].customer_id) == ("17850", "guest")
    assert (orders["1"].units, orders["1"].value) == (9, Fraction("22.5"))
    assert orders["1"].lines == {("A", Fraction("2.55")): 8, ("A", Fraction("2.1")): 1}


def test_a_half_penny_goes_to_the_even_penny() -> None:
    orders = sum_up(ROWS).orders
    assert (orders["2"].value, orders["2"].due) == (Fraction("0.005"), Fraction(0))
    assert (orders["3"].value, orders["3"].due) == (Fraction("0.015"), Fraction("0.02"))


def test_customers() -> None:
    customers = sum_up(ROWS).customers
    assert customers.keys() == {"17850", "guest"}
    assert (customers["17850"].orders, customers["17850"].ordered) == ({"1", "2"}, Fraction("22.5"))
    assert customers["guest"].ordered == Fraction("0.02")


def test_products() -> None:
    products = sum_up(ROWS).products
    assert products.keys() == {"A", "BANK CHARGES"}
    assert (products["A"].units, products["A"].value) == (9, Fraction("22.5"))
    assert (products["BANK CHARGES"].units, products["BANK CHARGES"].value) == (20, Fraction("0.02"))


def test_all_together() -> None:
    totals = sum_up(ROWS)
    assert (totals.line_count, totals.units) == (4, 29)
    assert (totals.value, totals.ordered) == (Fraction("22.52"), Fraction("22.52"))


PRICES = st.one_of(st.sampled_from(["0.0", "2.1", "2.10", "-3"]), st.decimals(0, 99, places=3).map(str))
SOME_ROWS = st.lists(
    st.builds(
        Row,
        invoice=st.sampled_from(["1", "2", "C3", "A4"]),
        product=st.sampled_from(["a", "A", "B B"]),
        description=st.just(""),
        quantity=st.integers(-2, 9),
        price=PRICES,
        customer=st.sampled_from(["", "17850.0"]),
    )
)


@given(SOME_ROWS)
def test_orders_come_to_the_totals(rows: list[Row]) -> None:
    invoices, totals = read_invoices(rows), sum_up(rows)
    units: dict[str, int] = defaultdict(int)
    for order in invoices.orders:
        expected = totals.orders[order.order_id]
        value = sum((line.quantity * line.unit_price for line in order.lines.values()), Decimal(0))
        assert Fraction(value) == expected.value
        assert len({line.line_id for line in order.lines.values()}) == len(expected.lines)
        for line in order.lines.values():
            units[line.product_id] += line.quantity
    assert len(invoices.orders) == len(totals.orders)
    assert units == {product: total.units for product, total in totals.products.items()}
    assert units == {receipt.product_id: receipt.quantity for receipt in invoices.receipts}
