"""`python -m bench.against COMMIT`: the working tree's server against another commit's, in one run.

Each round measures three servers one after the other, in random order: that of the working tree, that of the
commit, and a second process of the commit. The last shows how large a difference the machine makes up.
Exit codes: 0 measured, whatever the figures; 1 a measurement failed; 2 the command line is wrong, or there
is no h2load; 130 Ctrl-C or SIGTERM.
"""

import argparse
import asyncio
import random
import secrets
import shlex
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import foldlog_client
from bench import h2load, machine
from bench.checkout import HERE, NoSuchCommit, checked_out, described
from bench.comparison import Comparison, Row, Side
from bench.processes import BenchFailed, end_in_order, foldlog, serving
from bench.shop import Shop, Window
from foldlog_server.process import loop_factory

CALLS = {1: 400, 16: 1_600, 64: 3_200}
QUICK_CALLS = {1: 40, 16: 80, 64: 128}
_QUERIES_IN_FLIGHT = 16


@dataclass(frozen=True, slots=True)
class Contender:
    """One of the servers that are compared."""

    checkout: Path
    directory: Path
    shop: Shop
    starts: "count[int]"

    async def start(self) -> Window:
        """Start another server of the same files, until it prints where it serves."""
        data = self.directory / f"start-{next(self.starts)}"
        began = time.perf_counter()
        async with serving(*foldlog(data), checkout=self.checkout) as server:
            taken = time.perf_counter() - began
            return Window(1 / taken, server_us=server.cpu_seconds() * 1e6)


Measure = Callable[[Contender], Awaitable[Window]]


def measures(calls: Mapping[int, int]) -> dict[str, Measure]:
    """Return what to measure, by the name of its row."""

    def commands(in_flight: int, contender: Contender) -> Awaitable[Window]:
        return contender.shop.commands(in_flight, calls[in_flight])

    def queries(contender: Contender) -> Awaitable[Window]:
        return contender.shop.queries(_QUERIES_IN_FLIGHT, calls[_QUERIES_IN_FLIGHT])

    return {
        **{f"commands, {in_flight} in flight": partial(commands, in_flight) for in_flight in calls},
        f"point queries, {_QUERIES_IN_FLIGHT} in flight": queries,
        "start on an empty directory": Contender.start,
    }


async def compare(
    checkout: Path,
    directory: Path,
    calls: Mapping[int, int],
    only: str,
    rounds: int,
    chance: random.Random,
    progress: Callable[[str], None],
) -> list[Row]:
    """Compare the servers of the working tree and of another checkout. Raises `BenchFailed`.

    Only rows whose names contain `only` are measured.
    """
    wanted = {name: measure for name, measure in measures(calls).items() if only in name}
    rows = {name: Row(name) for name in wanted}
    checkouts = {Side.HERE: HERE, Side.THERE: checkout, Side.THERE_AGAIN: checkout}
    async with AsyncExitStack() as opened:
        contenders = {
            side: await opened.enter_async_context(_contending(files, directory / side.name.lower()))
            for side, files in checkouts.items()
        }
        for number in range(rounds):
            progress(f"round {number + 1} of {rounds}")
            for name in chance.sample(list(wanted), len(wanted)):
                sides = chance.sample(list(contenders), len(contenders))
                windows = {side: await wanted[name](contenders[side]) for side in sides}
                rows[name].rounds.append(windows)
    return list(rows.values())


@asynccontextmanager
async def _contending(checkout: Path, directory: Path) -> AsyncIterator[Contender]:
    async with (
        serving(*foldlog(directory / "served"), checkout=checkout) as server,
        foldlog_client.connect(server.address) as client,
    ):
        shop = Shop(server, client)
        await shop.create_what_is_asked_for()
        contender = Contender(checkout, directory, shop, count())
        await contender.start()  # so that Python has compiled everything before the first start is measured
        yield contender


def main() -> int:
    """Measure, and print the table."""
    end_in_order()
    wanted = _arguments()
    if not h2load.is_installed():
        print(f"bench: {h2load.MISSING}", file=sys.stderr)
        return 2
    try:
        print(_measured(wanted).markdown())
    except NoSuchCommit as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except BenchFailed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _measured(wanted: argparse.Namespace) -> Comparison:
    calls = QUICK_CALLS if wanted.quick else CALLS
    chance, began = random.Random(wanted.seed), time.monotonic()
    against = described(wanted.commit)
    _progress(f"against {against}; seed {wanted.seed}; three servers are started")
    with (
        TemporaryDirectory(prefix="foldlog-bench-", dir=wanted.data) as place,
        checked_out(wanted.commit, Path(place)) as checkout,
        asyncio.Runner(loop_factory=loop_factory()) as runner,
    ):
        facts = machine.describe(Path(place))
        rows = runner.run(
            compare(checkout, Path(place), calls, wanted.only, wanted.rounds, chance, _progress)
        )
    only = f" --only {shlex.quote(wanted.only)}" if wanted.only else ""
    command = f"python -m bench.against {wanted.commit} --rounds {wanted.rounds}{only} --seed {wanted.seed}"
    return Comparison(against, command, calls, time.monotonic() - began, facts, rows)


def _progress(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.against",
        description="Measure the working tree's server against another commit's.",
    )
    parser.add_argument("commit", help="the other commit; HEAD measures uncommitted changes")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each row is measured (15)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000), help="of the order")
    parser.add_argument(
        "--only",
        default="",
        metavar="TEXT",
        help="measure only rows whose names contain it, such as commands",
    )
    parser.add_argument("--quick", action="store_true", help="little, once: only to see that it works")
    parser.add_argument(
        "--data",
        type=Path,
        default=_disk(),
        metavar="DIR",
        help="where the data is written; a disk, not memory",
    )
    wanted = parser.parse_args()
    wanted.rounds = max(wanted.rounds or (1 if wanted.quick else 15), 1)
    return wanted


def _disk() -> Path:
    """Return a directory for temporary files on a disk, /var/tmp where it exists."""
    on_disk = Path("/var/tmp")
    return on_disk if on_disk.is_dir() else Path(gettempdir())


if __name__ == "__main__":
    sys.exit(main())
