"""Builds the programs, runs each through kills of its server, and reports the results.

Exit codes: 0 none failed (some may have been skipped); 1 one failed; 130 it was interrupted.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from examples.clients.building import BuildFailed, Skipped, build
from examples.clients.judge import judged
from examples.clients.languages import LANGUAGES, Language
from examples.clients.log import Truth, read
from examples.clients.mortal_server import MortalServer
from examples.clients.running import Run, run
from examples.serving import ServerFailed, cancel_at_sigterm
from foldlog_client import FoldlogError

_FIRST, _LAST, _COMPLAINTS = 10, 6, 5


def main() -> int:
    """Run the programs of the named languages, or all. Returns the exit code."""
    options = _parser().parse_args()
    names = options.languages or list(LANGUAGES)
    failed = [
        name for name in names if not _passed(LANGUAGES[name], options.foldlog, options.orders, options.kills)
    ]
    if failed:
        print(f"Failed: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.clients",
        description="Build example clients, and run each through kills of its server.",
    )
    parser.add_argument(
        "languages", nargs="*", metavar="language", help=f"of {', '.join(LANGUAGES)}; all if none"
    )
    own = Path(sys.executable).with_name("foldlog")
    parser.add_argument(
        "--foldlog", type=Path, default=own, help="the command that serves, such as an older release's"
    )
    parser.add_argument(
        "--orders", type=int, default=120, help="how many orders each program writes (%(default)s)"
    )
    parser.add_argument("--kills", type=int, default=4, help="how often the server is killed (%(default)s)")
    return parser


def _passed(language: Language, foldlog: Path, orders: int, kills: int) -> bool:
    """Build, run and judge one program, and print the result. False = it failed."""
    try:
        _print(language, "is being built")
        began = time.monotonic()
        build(language)
        _print(language, f"built in {time.monotonic() - began:.1f} s; runs through {kills} kills")
        came, truth = asyncio.run(_observed(language, foldlog, orders, kills))
    except Skipped as reason:
        _print(language, f"skipped: {reason}")
        return True
    except (BuildFailed, ServerFailed, FoldlogError) as failure:
        _print(language, f"FAILED: {failure}")
        return False
    for line in _shortened(came.lines):
        print(f"  {line}")
    complaints = judged(came, truth, orders, kills)
    _print(language, _verdict(came, truth, complaints))
    return not complaints


async def _observed(language: Language, foldlog: Path, orders: int, kills: int) -> tuple[Run, Truth]:
    """Return what the program printed, and what the log contains afterwards."""
    cancel_at_sigterm()
    with tempfile.TemporaryDirectory(prefix=f"foldlog-{language.name}-") as directory:
        async with MortalServer(foldlog, Path(directory) / "data") as server:
            came = await run(language, server, orders, kills)
            return came, await asyncio.to_thread(read, server.address)


def _shortened(lines: Sequence[str]) -> list[str]:
    left_out = len(lines) - _FIRST - _LAST
    if left_out <= 1:
        return list(lines)
    return [*lines[:_FIRST], f"… {left_out} lines", *lines[-_LAST:]]


def _verdict(came: Run, truth: Truth, complaints: Sequence[str]) -> str:
    if complaints:
        more = len(complaints) - _COMPLAINTS
        listed = [*complaints[:_COMPLAINTS], *([f"and {more} more"] if more > 0 else [])]
        return "FAILED:" + "".join(f"\n  {complaint}" for complaint in listed)
    last = max(event.recorded_time for event in truth.events)
    while_writing = sum(killed < last for killed in came.kill_times)
    killed = f"{len(came.kill_times)} kills, {while_writing} of them while orders were written"
    return f"passed in {came.seconds:.1f} s: {killed}; no gap, no duplicate, each order once"


def _print(language: Language, what: str) -> None:
    print(f"{language.name}: {what}", flush=True)
