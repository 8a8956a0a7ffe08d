"""Starts the benchmark's server processes on a free port of the loopback, and ends them by their id."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

_ADDRESS = re.compile(r" at (127\.0\.0\.1:\d+)\. ")
_SECONDS_TO_START = 120
_SECONDS_TO_STOP = 20

ECHO = ("-m", "bench.echo")

SOURCES = ("server", "generated")
"""The folders of a checkout that a server imports from."""


class BenchFailed(Exception):
    """A measurement that cannot be trusted, or could not be made; the message is one line for people."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server process."""

    address: str
    """Host and port."""
    pid: int

    def cpu_seconds(self) -> float:
        """Return the user and system time of the process; 0 if the system does not report it.

        In nanoseconds if the system counts them, for the threads that exist; else in hundredths of a second.
        """
        try:
            threads = [file.read_text() for file in Path(f"/proc/{self.pid}/task").glob("*/schedstat")]
        except OSError:
            threads = []
        if threads:
            return sum(int(thread.split()[0]) for thread in threads) / 1e9
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def end_in_order() -> None:
    """Have SIGTERM do what Ctrl-C does: servers are ended and directories removed on the way out."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


def foldlog(data: Path) -> tuple[str, ...]:
    """Return the arguments that serve a data directory with the default settings."""
    return ("-m", "foldlog_server", "serve", "--listen", "127.0.0.1:0", "--data", str(data))


def appends(data: Path) -> tuple[str, ...]:
    """Return the arguments that serve appends to a log in a data directory, and nothing else."""
    return ("-m", "bench.appends", str(data))


@asynccontextmanager
async def serving(*arguments: str, checkout: Path | None = None) -> AsyncIterator[Server]:
    """Run Python with these arguments while the block lasts. Raises `BenchFailed`.

    It uses the packages of a checkout, or else the installed ones.
    """
    process = _started(arguments, checkout)
    try:
        yield Server(await _address(process), process.pid)
    finally:
        await _end(process)


def _started(arguments: Sequence[str], checkout: Path | None) -> "subprocess.Popen[str]":
    # In a session of its own: Ctrl-C ends the benchmark, which then stops the server. Not started by the
    # event loop: uvloop forks, and with gRPC's threads running, a child may wait for ever before it starts.
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **_paths(checkout)},
        text=True,
        start_new_session=True,
    )


def _paths(checkout: Path | None) -> dict[str, str]:
    """Return the environment in which Python prefers a checkout's packages to the installed ones."""
    if checkout is None:
        return {}
    return {"PYTHONPATH": os.pathsep.join(str(checkout / part) for part in SOURCES)}


async def output_of(*command: str, seconds: float) -> str:
    """Return what a program prints until it ends. Raises `BenchFailed` if it fails or takes longer."""
    try:  # not started by the event loop: see `_started`
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


async def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), _SECONDS_TO_START)
    except TimeoutError:
        raise BenchFailed(f"A server did not start within {_SECONDS_TO_START} seconds.") from None
    found = _ADDRESS.search(line)
    if found is None:
        raise BenchFailed(f"A server did not start; it said {line.strip()!r} and what stands above.")
    return found[1]


async def _end(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGTERM)  # does nothing if it has ended
    try:
        await asyncio.to_thread(process.wait, _SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        await asyncio.to_thread(process.wait)
    finally:
        assert process.stdout is not None
        process.stdout.close()
