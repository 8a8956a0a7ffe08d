"""A program is run while its server is killed again and again."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from examples.clients.building import environment
from examples.clients.languages import Language
from examples.clients.mortal_server import MortalServer

_SECONDS = 120


@dataclass(slots=True)
class Run:
    """What came of a run."""

    lines: list[str] = field(default_factory=list)
    """What the program printed, in order."""
    errors: str = ""
    """What it said on stderr."""
    exit_code: int | None = None
    """None = it did not end in time, and was killed."""
    kill_times: list[float] = field(default_factory=list)
    """When its server was killed, in seconds since the epoch."""
    seconds: float = 0.0
    """How long it ran."""


async def run(language: Language, server: MortalServer, orders: int, kills: int) -> Run:
    """Run the program to its end. After the n-th sixth of the orders was told, the server is killed
    for the n-th time.

    Raises ServerFailed.
    """
    began, listening = time.monotonic(), Listening(Run())
    process = await _started(language, server.address, orders)
    assert process.stdout is not None
    assert process.stderr is not None
    thresholds = [n * orders // 6 for n in range(1, kills + 1)]
    try:
        async with asyncio.timeout(_SECONDS):
            _, errors, _ = await asyncio.gather(
                listening.to(process.stdout),
                process.stderr.read(),
                _kill_on(listening, server, thresholds),
            )
            listening.run.errors = errors.decode(errors="replace").strip()
            listening.run.exit_code = await process.wait()
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    listening.run.seconds = time.monotonic() - began
    return listening.run


async def _started(language: Language, address: str, orders: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        # A path is one in the program's directory; a name is looked for as a shell does.
        *("env", *language.run, address, str(orders)),
        cwd=language.directory,
        env=environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


class Listening:
    """Takes down what a program prints, and tells others how many events there were."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.events = 0
        self._ended = False
        self._changed = asyncio.Condition()

    async def to(self, output: asyncio.StreamReader) -> None:
        """Take down every line up to the end of the output."""
        async for line in output:
            self.run.lines.append(line.decode(errors="replace").rstrip())
            async with self._changed:
                self.events += line.startswith(b"event ")
                self._changed.notify_all()
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    async def heard(self, events: int) -> bool:
        """Wait until so many events were told. False = the program ended before."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._ended or self.events >= events)
        return self.events >= events


async def _kill_on(listening: Listening, server: MortalServer, thresholds: Sequence[int]) -> None:
    for threshold in thresholds:
        # One more than so far: each kill hits a program that has found the server again.
        if not await listening.heard(max(threshold, listening.events + 1)):
            return
        listening.run.kill_times.append(time.time())
        await server.restart()
