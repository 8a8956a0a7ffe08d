"""The result, as a table for people or as JSON for programs."""

import json
from dataclasses import asdict, dataclass

from rich import box
from rich.console import Console
from rich.table import Table

from examples.online_retail.amounts import Amount
from examples.online_retail.comparison import Compared
from examples.online_retail.invoices import Skipped
from examples.online_retail.totals import Totals

_DIFFERENCES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a replay."""

    totals: Totals
    skipped: Skipped
    found: int
    """Receipts and orders that an earlier run had made or begun."""
    compared: list[Compared]
    seconds_to_replay: float
    seconds_to_compare: float

    @property
    def agrees(self) -> bool:
        """Every read model says what the rows say, and the rows say something."""
        return bool(self.totals.orders) and not any(one.differences for one in self.compared)


def print_json(result: Result) -> None:
    """One object on stdout."""
    totals = result.totals
    written = {
        "agrees": result.agrees,
        "orders": len(totals.orders),
        "lines": totals.line_count,
        "units": totals.units,
        "value": str(Amount(totals.value)),
        "ordered": str(Amount(totals.ordered)),
        "customers": len(totals.customers),
        "products": len(totals.products),
        "skipped": asdict(result.skipped),
        "found": result.found,
        "seconds_to_replay": round(result.seconds_to_replay, 2),
        "seconds_to_compare": round(result.seconds_to_compare, 2),
        "compared": [asdict(one) for one in result.compared],
    }
    print(json.dumps(written, indent=2))


def print_tables(result: Result) -> None:
    """What was replayed, what was compared, and every difference up to a screenful, on stdout."""
    console = Console(highlight=False)
    print(_summary(result))
    console.print(_table(result.compared))
    for one in result.compared:
        _print_differences(one)
    print("Equal to the last unit and penny." if result.agrees else "The read models DIFFER.")


def _table(compared: list[Compared]) -> Table:
    table = Table("query", "what of it", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("expected", "found", "differ"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in compared:
        counts = (one.expected, one.found, len(one.differences))
        table.add_row(one.query, one.facts, *(f"{count:,}" for count in counts))
    return table


def _print_differences(one: Compared) -> None:
    for line in one.differences[:_DIFFERENCES_SHOWN]:
        print(f"{one.query} {line}")
    if len(one.differences) > _DIFFERENCES_SHOWN:
        print(f"{one.query} … {len(one.differences) - _DIFFERENCES_SHOWN:,} more")


def _summary(result: Result) -> str:
    totals, skipped = result.totals, result.skipped
    return (
        f"{len(totals.orders):,} orders with {totals.line_count:,} lines and {totals.units:,} units of "
        f"{len(totals.products):,} products for {len(totals.customers):,} customers: "
        f"{Amount(totals.ordered)} (lines: {Amount(totals.value)}).\n"
        f"Skipped: {skipped.credit_notes:,} credit notes, {skipped.adjustments:,} adjustments, "
        f"{skipped.without_rows:,} invoices without a row that counts, {skipped.rows_of_quantity:,} rows "
        f"without a positive quantity, {skipped.rows_of_price:,} with a negative price.\n"
        f"Replayed in {result.seconds_to_replay:.1f} s ({result.found:,} products and orders were there "
        f"already), compared in {result.seconds_to_compare:.1f} s."
    )
