"""The `foldlog` command as a process of its own, which is ended by its id."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.wire import SECONDS

FOLDLOG = Path(sys.executable).with_name("foldlog")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    output: str
    errors: str


async def started(
    *arguments: object, under: Sequence[str] = (), **variables: str
) -> asyncio.subprocess.Process:
    """`under` is a command that runs the rest of its arguments."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOLDLOG_")}
    return await asyncio.create_subprocess_exec(
        *under,
        FOLDLOG,
        *map(str, arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environment, **variables, "COLUMNS": "200"},
    )


async def ended(process: asyncio.subprocess.Process) -> Ended:
    try:
        output, errors = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Ended(process.returncode, (output or b"").decode(), errors.decode())


def limits(set_by: str) -> Sequence[str]:
    """Runs a command under limits of the system, as a shell sets them."""
    return ("sh", "-c", f'{set_by} && exec "$@"', "limited")


async def foldlog(*arguments: object, **variables: str) -> Ended:
    return await ended(await started(*arguments, **variables))


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs in a process of its own."""

    process: asyncio.subprocess.Process
    greeting: str

    @property
    def address(self) -> str:
        return self.greeting.partition(" at ")[2].partition(". ")[0]

    async def stop(self, number: int = signal.SIGTERM) -> Ended:
        self.process.send_signal(number)
        return await ended(self.process)


@asynccontextmanager
async def serving(
    data: Path, *arguments: object, under: Sequence[str] = (), **variables: str
) -> AsyncIterator[Served]:
    arguments = ("serve", "--data", data, *(arguments or ("--listen", "127.0.0.1:0")))
    process = await started(*arguments, under=under, **variables)
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        greeting = (await asyncio.wait_for(process.stdout.readline(), SECONDS)).decode()
        if not greeting:
            raise AssertionError((await process.stderr.read()).decode())
        yield Served(process, greeting)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
