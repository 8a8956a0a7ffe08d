"""Replay a retailer's CSV file and compare every read model with it.

    python -m examples.online_retail 2010-12.csv.gz --day 2010-12-01

Exit codes: 0 everything agrees; 1 something differs, or it could not be finished, and stderr says why; 2 the
command line or the file is wrong; 130 it was interrupted. Run it again, and it continues where it stopped.
"""

import asyncio
import re
import shlex
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from examples.online_retail.comparison import compare
from examples.online_retail.invoices import Invoices, read_invoices
from examples.online_retail.progress import shown, steps
from examples.online_retail.read_models import ReadModels
from examples.online_retail.replay import Replay, Tally
from examples.online_retail.report import Result, print_json, print_tables
from examples.online_retail.rows import NotRetailRows, read_rows
from examples.online_retail.totals import Totals, sum_up
from examples.serving import ServerFailed, cancel_at_sigterm, serve
from foldlog_client import FoldlogError, connect

_FAILED, _WRONG, _INTERRUPTED = 1, 2, 130
# A server that is killed, and back within two minutes, does not interrupt the replay.
_SECONDS_A_CALL = 120.0


@dataclass(frozen=True, slots=True)
class Source:
    """The contents of the file, read twice: as orders to send, and as totals to expect."""

    invoices: Invoices
    totals: Totals


@dataclass(frozen=True, slots=True)
class Wish:
    """The arguments of the command line."""

    data: Path
    day: str
    whole: bool
    in_flight: int
    address: str
    """The address of a running server; empty = start one."""
    directory: Path
    """The directory of the log, for a server that is started."""

    def again(self) -> str:
        """The command that continues where this one stopped."""
        place = ["--address", self.address] if self.address else ["--data-dir", str(self.directory)]
        day = ["--day", self.day] if self.day else []
        whole = ["--whole"] if self.whole else []
        return shlex.join(
            [sys.executable, "-m", "examples.online_retail", str(self.data), *day, *whole, *place]
        )


def main(
    data: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The data: a .csv or .csv.gz.")],
    day: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Only the rows of this day.")] = "",
    whole: Annotated[bool, typer.Option("--whole", help="Create filled orders, not line by line.")] = False,
    in_flight: Annotated[int, typer.Option(min=1, help="How many orders are worked on at once.")] = 64,
    address: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="A running server; without it one is started.")
    ] = "",
    data_dir: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Where the started one keeps its log; else a fresh place."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Replay a retailer's invoices, then compare every read model with the file.

    The log must hold nothing else. An interrupted replay can be run again on the same server or data
    directory: it continues where it stopped, and nothing is doubled.
    """
    if address and data_dir:
        raise typer.BadParameter("the running server has its own", param_hint="--data-dir")
    _check_day(day)
    source = _read(data, day)
    fresh = not address and not data_dir
    directory = Path(tempfile.mkdtemp(prefix="foldlog-retail-")) if fresh else data_dir or Path()
    wish = Wish(data, day, whole, in_flight, address, directory)
    result = _result(wish, source)
    (print_json if as_json else print_tables)(result)
    if fresh and result.agrees:
        shutil.rmtree(directory)
    elif fresh:
        print(f"The log is kept in {directory}.", file=sys.stderr)
    raise typer.Exit(0 if result.agrees else _FAILED)


def _check_day(day: str) -> None:
    if day and not re.fullmatch(r"\d{4}-\d\d-\d\d", day, re.ASCII):
        raise typer.BadParameter(f"{day!r} is not a day such as 2010-12-01", param_hint="--day")


def _read(data: Path, day: str) -> Source:
    print(f"Reading {data}.", file=sys.stderr, flush=True)
    try:
        source = Source(read_invoices(read_rows(data, day)), sum_up(read_rows(data, day)))
    except (NotRetailRows, OSError) as failure:
        _stop(_WRONG, str(failure))
    if not source.totals.orders:
        _stop(_WRONG, f"{data} has no order{' of ' + day if day else ''}.")
    return source


def _result(wish: Wish, source: Source) -> Result:
    tally = Tally()
    try:
        return asyncio.run(_run(wish, source, tally))
    except (KeyboardInterrupt, asyncio.CancelledError):
        standing = ", ".join(
            f"{step.name}: {step.done:,} of {step.total:,}" for step in steps(tally, source.invoices)
        )
        _stop(_INTERRUPTED, f"Interrupted. {standing}. To continue: {wish.again()}")
    except (FoldlogError, ServerFailed) as failure:
        _stop(_FAILED, f"Not finished. {failure} To continue: {wish.again()}")


async def _run(wish: Wish, source: Source, tally: Tally) -> Result:
    cancel_at_sigterm()
    if wish.address:
        return await _replayed(wish.address, wish, source, tally)
    async with serve(wish.directory) as server:
        print(f"A server is started at {server.address} on {wish.directory}.", file=sys.stderr, flush=True)
        return await server.unless_it_ends(_replayed(server.address, wish, source, tally))


async def _replayed(address: str, wish: Wish, source: Source, tally: Tally) -> Result:
    clock = time.perf_counter
    async with (
        shown(tally, source.invoices),
        connect(address, timeout=_SECONDS_A_CALL) as client,
    ):
        began = clock()
        await Replay(client, tally, whole=wish.whole, in_flight=wish.in_flight).run(source.invoices)
        replayed = clock()
        models = ReadModels(client, tally, in_flight=wish.in_flight)
        compared = await compare(client, models, source.totals)
    return Result(
        source.totals, source.invoices.skipped, tally.found, compared, replayed - began, clock() - replayed
    )


def _stop(code: int, line: str) -> NoReturn:
    print(line, file=sys.stderr)
    raise typer.Exit(code)


def run() -> None:
    """Run the command line and exit."""
    typer.run(main)
