"""Runs a small shop from an empty directory, and explains what happens: `python -m examples.demo`.

Exit codes: 0 everything was as expected; 1 it was not, and stderr says what; 130 it was interrupted.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from examples.demo.feed import Feed
from examples.demo.story import Story
from examples.serving import ServerFailed, cancel_at_sigterm, serve
from foldlog_client import FoldlogError, connect


def main() -> int:
    """Open the shop, run its day, close it. Returns the exit code."""
    console = Console(highlight=False)
    try:
        with tempfile.TemporaryDirectory(prefix="foldlog-demo-") as directory:
            wrong = asyncio.run(_run(Path(directory), console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("Interrupted. Nothing is left of it; run it again from the start.", file=sys.stderr)
        return 130
    except (FoldlogError, ServerFailed) as failure:
        print(f"The story stopped. {failure}", file=sys.stderr)
        return 1
    for line in wrong:
        print(f"This should hold, and does not: {line}.", file=sys.stderr)
    if not wrong:
        console.print("\nThe shop is closed; everything turned out as it must.")
    return 1 if wrong else 0


async def _run(directory: Path, console: Console) -> list[str]:
    cancel_at_sigterm()
    async with serve(directory) as server:
        console.print(f"A server is started at {server.address}, on an empty directory.")
        return await server.unless_it_ends(_day(server.address, console))


async def _day(address: str, console: Console) -> list[str]:
    async with (
        connect(address) as client,
        Feed(client, lambda line: console.print(line, style="cyan", markup=False)) as feed,
    ):
        story = Story(client, feed, console)
        await story.run()
        return story.wrong
