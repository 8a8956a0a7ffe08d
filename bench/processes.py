"""Server processes of the benchmark's own: started on a free port of the loopback, ended by their id."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

_ADDRESS = re.compile(r" at (127\.0\.0\.1:\d+)\. ")
_SECONDS_TO_START = 120
_SECONDS_TO_STOP = 20

ECHO = ("-m", "bench.echo")


class BenchFailed(Exception):
    """A measurement that cannot be trusted, or could not be made; the message is one line for people."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server process."""

    address: str
    """Host and port."""
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time that the process has used; 0 where the system does not tell."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def foldlog(data: Path) -> tuple[str, ...]:
    """The arguments that serve a data directory with the default settings."""
    return ("-m", "foldlog_server", "serve", "--listen", "127.0.0.1:0", "--data", str(data))


def appends(data: Path) -> tuple[str, ...]:
    """The arguments that serve appends to a log in a data directory, and nothing else."""
    return ("-m", "bench.appends", str(data))


@asynccontextmanager
async def serving(*arguments: str) -> AsyncIterator[Server]:
    """Run Python with these arguments for as long as the block lasts. Raises `BenchFailed`."""
    # A session of its own: Ctrl-C ends the benchmark, which then ends the server in order.
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    try:
        yield Server(await _address(process), process.pid)
    finally:
        await _end(process)


async def output_of(*command: str, seconds: float) -> str:
    """What a program prints until it ends. Raises `BenchFailed` when it fails or takes longer."""
    # Not by the event loop: uvloop forks, and with gRPC's threads about a child may wait for ever to begin.
    try:
        ended = await asyncio.to_thread(
            subprocess.run,
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise BenchFailed(f"{command[0]} did not end within {seconds:g} seconds.") from None
    if ended.returncode:
        said = f"{ended.stdout}{ended.stderr}".strip()
        raise BenchFailed(f"{command[0]} ended with exit code {ended.returncode}: {said}")
    return ended.stdout


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), _SECONDS_TO_START)).decode()
    except TimeoutError:
        raise BenchFailed(f"A server did not start within {_SECONDS_TO_START} seconds.") from None
    found = _ADDRESS.search(line)
    if found is None:
        raise BenchFailed(f"A server did not start; it said {line.strip()!r} and what stands above.")
    return found[1]


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _SECONDS_TO_STOP)
    except TimeoutError:
        process.kill()
        await process.wait()
