"""`python -m bench`: measures everything, and reports how it was measured.

Exit codes: 0 measured, whatever the figures; 1 a measurement failed; 2 the command line is wrong, or there
is no h2load.
"""

import argparse
import asyncio
import random
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from bench import h2load, machine, rows
from bench.processes import BenchFailed
from bench.report import Report
from bench.stand import Sizes, standing
from foldlog_server.process import loop_factory

FULL = Sizes({1: 1_500, 16: 3_000, 64: 5_000}, history=40_000, readings=4)
QUICK = Sizes({1: 100, 16: 200, 64: 300}, history=2_000, readings=1)

_RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Measure, write the results and print them."""
    wanted = _arguments()
    if not h2load.is_installed():
        print(f"bench: {h2load.MISSING}", file=sys.stderr)
        return 2
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            report = runner.run(
                measure(wanted.sizes, wanted.repetitions, wanted.seed, wanted.data, _progress)
            )
    except BenchFailed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    if wanted.results:
        report.write(wanted.results)
    print(report.markdown())
    return 0


async def measure(
    sizes: Sizes, repetitions: int, seed: int, data: Path, progress: Callable[[str], None]
) -> Report:
    """Measure once, with the data in a temporary directory. Raises `BenchFailed`."""
    began = time.monotonic()
    with TemporaryDirectory(prefix="foldlog-bench-", dir=data) as directory:
        place = Path(directory)
        described = machine.describe(place)
        progress(f"seed {seed}; a log of {sizes.history:,} events is written, and four servers are started")
        async with standing(place, sizes, seed) as stand:
            measured = await rows.repeat(
                stand,
                repetitions,
                random.Random(seed),
                lambda done: progress(f"repetition {done + 1} of {repetitions}"),
            )
    command = f"python -m bench --repetitions {repetitions} --seed {seed}"
    return Report(described, command, seed, repetitions, time.monotonic() - began, sizes, measured)


def _progress(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure against the bare gRPC echo."
    )
    parser.add_argument("--repetitions", type=int, metavar="N", help="how often each row is measured (5)")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10_000), help="of the order of the rows"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a few hundred calls, once: only to see that it works"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=_disk(),
        metavar="DIR",
        help="where the data is written; a disk, not memory",
    )
    parser.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        help="where to write latest.md and latest.json (bench/results; quick: nowhere)",
    )
    wanted = parser.parse_args()
    wanted.sizes = QUICK if wanted.quick else FULL
    wanted.repetitions = max(wanted.repetitions or (1 if wanted.quick else 5), 1)
    if wanted.results is None and not wanted.quick:
        wanted.results = _RESULTS
    return wanted


def _disk() -> Path:
    """Return a directory for temporary files on a disk, /var/tmp where it exists."""
    on_disk = Path("/var/tmp")
    return on_disk if on_disk.is_dir() else Path(gettempdir())


if __name__ == "__main__":
    sys.exit(main())
