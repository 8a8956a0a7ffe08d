"""`python -m bench.compare PART COMMIT`: compares the CPU time of a part of the server with that of a commit.

Both are measured in turn, in processes of their own and by CPU time, so that neither the disk nor other
programs affect the ratio; and the commit a second time, which shows how large a difference the machine makes
up. The parts are those of `bench.parts`: `appends` is the log alone, `commands` a whole command except gRPC.
Both have request ids, which `bench.against` does not. A commit needs the modules that `bench.parts` imports.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from bench.checkout import HERE, NoSuchCommit, checked_out
from bench.comparison import Side, estimate
from bench.processes import SOURCES, end_in_order

PARTS = ("appends", "commands")
_PROGRAM = Path(__file__).with_name("parts.py")


def measured(checkout: Path, part: str, count: int, in_flight: int) -> float:
    """Return the CPU time of a call in microseconds, in a process that runs a checkout."""
    paths = os.pathsep.join(str(checkout / source) for source in SOURCES)
    with TemporaryDirectory(prefix="foldlog-bench-", dir=gettempdir()) as directory:
        done = subprocess.run(
            [sys.executable, "-P", str(_PROGRAM), part, directory, str(count), str(in_flight)],
            env={**os.environ, "PYTHONPATH": paths},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    return float(done.stdout)


def main() -> int:
    """Measure, and print a line for each round and the ratios of all."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare")
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("commit", help="the other commit")
    parser.add_argument("--count", type=int, default=8_000, help="calls of a run (8000)")
    parser.add_argument("--in-flight", type=int, default=64, help="calls under way at once (64)")
    parser.add_argument("--rounds", type=int, default=11, help="of three runs (11)")
    wanted = parser.parse_args()
    end_in_order()
    try:
        with (
            TemporaryDirectory(prefix="foldlog-bench-") as place,
            checked_out(wanted.commit, Path(place)) as checkout,
        ):
            _compare(checkout, wanted)
    except NoSuchCommit as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _compare(checkout: Path, wanted: argparse.Namespace) -> None:
    checkouts = {Side.HERE: HERE, Side.THERE: checkout, Side.THERE_AGAIN: checkout}
    rounds: list[dict[Side, float]] = []
    for _ in range(wanted.rounds):
        sides = random.sample(list(Side), len(Side))
        taken = {
            side: measured(checkouts[side], wanted.part, wanted.count, wanted.in_flight) for side in sides
        }
        rounds.append(taken)
        print(*(f"{side.name.lower()} {taken[side]:.1f} µs" for side in Side), sep=", ", flush=True)
    for side in (Side.HERE, Side.THERE_AGAIN):
        ratio = estimate([taken[side] / taken[Side.THERE] for taken in rounds])
        print(f"{side.name.lower().replace('_', ' ')} ÷ there: {ratio}")
    print(f"there: {statistics.median(taken[Side.THERE] for taken in rounds):.1f} µs a call")


if __name__ == "__main__":
    sys.exit(main())
