"""Shows progress: bars on a terminal, elsewhere a line every few seconds; all on stderr."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from examples.online_retail.invoices import Invoices
from examples.online_retail.replay import Tally

_SECONDS_A_FRAME = 0.2
_SECONDS_A_LINE = 5.0


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the work: how much of it is done, and how much there is."""

    name: str
    done: int
    total: int


def steps(tally: Tally, invoices: Invoices) -> list[Step]:
    """The parts of the work, in their order."""
    orders = len(invoices.orders)
    customers = {order.customer_id for order in invoices.orders}
    return [
        Step("products received", tally.receipts, len(invoices.receipts)),
        Step("lines added", tally.lines, invoices.line_count),
        Step("orders submitted", tally.orders, orders),
        # Each order is read twice, with its lines and with its history, and each customer once.
        Step("answers compared", tally.compared, 2 * orders + len(customers)),
    ]


@asynccontextmanager
async def shown(tally: Tally, invoices: Invoices) -> AsyncIterator[None]:
    """Show the tally for as long as the block lasts, and as it stands at the end."""
    console = Console(stderr=True)
    draw = _bars if console.is_terminal else _lines
    showing = asyncio.create_task(draw(tally, invoices))
    try:
        yield
    finally:
        showing.cancel()
        with suppress(asyncio.CancelledError):
            await showing


async def _bars(tally: Tally, invoices: Invoices) -> None:
    columns = TextColumn("{task.description:>18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as progress:
        bars = [progress.add_task(step.name, total=step.total) for step in steps(tally, invoices)]
        try:
            while True:
                await asyncio.sleep(_SECONDS_A_FRAME)
                for bar, step in zip(bars, steps(tally, invoices), strict=True):
                    progress.update(bar, completed=step.done)
                progress.refresh()
        finally:
            for bar, step in zip(bars, steps(tally, invoices), strict=True):
                progress.update(bar, completed=step.done)


async def _lines(tally: Tally, invoices: Invoices) -> None:
    while True:
        await asyncio.sleep(_SECONDS_A_LINE)
        print(", ".join(map(_written, steps(tally, invoices))), file=sys.stderr, flush=True)


def _written(step: Step) -> str:
    return f"{step.name}: {step.done:,} of {step.total:,}"
