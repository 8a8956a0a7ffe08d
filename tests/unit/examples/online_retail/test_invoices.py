"""The mapping rules: which rows become which lines of which orders, and what stock they need."""

from decimal import Decimal
from pathlib import Path

import pytest

from examples.online_retail.invoices import Invoice, Line, read_invoices
from examples.online_retail.rows import NotRetailRows, Row, read_rows


def row(
    invoice: str = "536365",
    product: str = "85123A",
    quantity: int = 1,
    price: str = "2.55",
    customer: str = "17850.0",
    description: str = "HEART",
) -> Row:
    return Row(invoice, product, description, quantity, price, customer)


def only_order(*rows: Row) -> Invoice:
    (order,) = read_invoices(rows).orders
    return order


def lines(*rows: Row) -> list[tuple[str, int]]:
    return [(line.line_id, line.quantity) for line in only_order(*rows).lines.values()]


def test_an_invoice_is_an_order_of_its_customer() -> None:
    order = only_order(row())
    assert (order.order_id, order.customer_id, order.customer_name) == ("536365", "17850", "Customer 17850")
    assert list(order.lines.values()) == [Line("85123A", "85123A", "HEART", Decimal("2.55"), 1)]


def test_nobody_is_guest() -> None:
    assert only_order(row(customer="")).customer_id == "guest"


def test_rows_of_one_product_at_one_price_add_up() -> None:
    assert lines(row(quantity=2), row(quantity=3, price="2.550", description="other")) == [("85123A", 5)]


def test_a_further_price_is_a_line_with_the_price_in_its_id() -> None:
    found = lines(row(), row(price="2.1"), row(price="0"), row(price="2.1"))
    assert found == [("85123A", 1), ("85123A@2.1", 2), ("85123A@0", 1)]


def test_codes_that_differ_by_case_are_two_products() -> None:
    assert lines(row(product="15056BL"), row(product="15056bl")) == [("15056BL", 1), ("15056bl", 1)]


def test_codes_keep_their_blanks() -> None:
    assert lines(row(product="BANK CHARGES")) == [("BANK CHARGES", 1)]


def test_credit_notes_and_adjustments_are_skipped_and_counted_once_each() -> None:
    found = read_invoices([row("C1"), row("C1"), row("C2"), row("A1", price="-5")])
    assert found.orders == []
    assert found.receipts == []
    assert (found.skipped.credit_notes, found.skipped.adjustments) == (2, 1)
    assert (found.skipped.rows_of_price, found.skipped.without_rows) == (0, 0)


def test_rows_that_take_back_are_skipped_and_free_rows_are_kept() -> None:
    found = read_invoices([row(quantity=-1), row(quantity=0), row(price="-0.01"), row(price="0.0")])
    assert (found.skipped.rows_of_quantity, found.skipped.rows_of_price) == (2, 1)
    assert [line.unit_price for line in found.orders[0].lines.values()] == [0]


def test_an_invoice_without_a_kept_row_is_skipped_and_counted() -> None:
    found = read_invoices([row("1", quantity=-1), row("1", quantity=-2), row("2")])
    assert [order.order_id for order in found.orders] == ["2"]
    assert found.skipped.without_rows == 1


def test_rows_of_an_invoice_need_not_stand_together() -> None:
    found = read_invoices([row("1"), row("2"), row("1", product="B")])
    assert [(order.order_id, len(order.lines)) for order in found.orders] == [("1", 2), ("2", 1)]


def test_every_product_receives_what_the_kept_rows_order() -> None:
    found = read_invoices(
        [
            row("1", quantity=2),
            row("2", quantity=3, price="9"),
            row("2", "B"),
            row("3", quantity=-4),
            row("C1"),
        ]
    )
    assert [(receipt.product_id, receipt.quantity) for receipt in found.receipts] == [("85123A", 5), ("B", 1)]


HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def read(path: Path, text: str, day: str | None = None) -> list[Row]:
    path.write_text(text, encoding="utf-8")
    return list(read_rows(path, day))


def test_rows_are_read_as_they_are_written(tmp_path: Path) -> None:
    text = (
        HEADER
        + '1,A,"SET 7, ""BIG""\nBOX",6,2010-12-01 08:26:00,2.550,17850.0,UK\n2,B,,-1,2010-12-02 08:00:00,0.0,,UK\n'
    )
    assert read(tmp_path / "a.csv", text) == [
        Row("1", "A", 'SET 7, "BIG"\nBOX', 6, "2.550", "17850.0"),
        Row("2", "B", "", -1, "0.0", ""),
    ]


def test_a_day_leaves_the_others_out(tmp_path: Path) -> None:
    text = HEADER + "1,A,,6,2010-12-01 08:26:00,2,,UK\n2,B,,1,2010-12-02 08:00:00,0.0,,UK\n"
    assert [row.invoice for row in read(tmp_path / "a.csv", text, "2010-12-02")] == ["2"]


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    text = (
        "\ufeffCustomerID,UnitPrice,InvoiceDate,Quantity,Description,StockCode,InvoiceNo\n17.0,2,d,6,N,A,1\n"
    )
    assert read(tmp_path / "a.csv", text) == [Row("1", "A", "N", 6, "2", "17.0")]


@pytest.mark.parametrize("cells", ["1,A,,x,d,1,,", "1,A,,1,d,cheap,,", "1,A,,1,d,,,", "1,A"])
def test_what_is_no_row_is_refused_with_its_line(tmp_path: Path, cells: str) -> None:
    with pytest.raises(NotRetailRows, match="Line 3 is no row"):
        read(tmp_path / "a.csv", HEADER + "1,A,,1,d,1,,\n" + cells + "\n")
