"""Makes unary gRPC calls with h2load: one body, posted repeatedly over some connections.

h2load is a C program that costs about 50 µs of CPU a call, so it is not what limits the rate. It ignores
grpc-status, so what its calls did must be counted by other means.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.processes import BenchFailed, output_of

_SECONDS_AT_MOST = 120
_RATE = re.compile(r"^finished in \S+, ([\d.]+) req/s", re.MULTILINE)
_SUCCEEDED = re.compile(r"^requests: .* (\d+) succeeded", re.MULTILINE)
_DATA = re.compile(r"^traffic: .*\((\d+)\) data", re.MULTILINE)

MESSAGE_HEAD = 5
"""Bytes before each message on a gRPC stream: a flag, and the length in four bytes."""

MISSING = "h2load is not installed; it is in Debian's nghttp2-client."


def is_installed() -> bool:
    """Whether h2load is installed."""
    return shutil.which("h2load") is not None


@dataclass(frozen=True, slots=True)
class Shape:
    """How many calls are in flight: always connections times streams."""

    connections: int
    streams: int
    """On each connection."""

    @property
    def in_flight(self) -> int:
        """Calls in flight at any time."""
        return self.connections * self.streams


SHAPES = {shape.in_flight: shape for shape in (Shape(1, 1), Shape(4, 4), Shape(4, 16))}


@dataclass(frozen=True, slots=True)
class Call:
    """The call that is made."""

    path: str
    message: bytes


@dataclass(frozen=True, slots=True)
class Load:
    """The result of a run of h2load."""

    calls: int
    seconds: float
    data_bytes: int
    """The bytes of all messages received, with their headers; a refused call sends none."""
    p50_ms: float
    p99_ms: float


def command_line(calls: int, shape: Shape, url: str, body: str, log: str) -> list[str]:
    """Return the command to run."""
    return [
        *("h2load", "-n", str(calls), "-c", str(shape.connections), "-m", str(shape.streams)),
        *("-H", "content-type: application/grpc", "-H", "te: trailers"),
        *("-d", body, f"--log-file={log}", url),
    ]


async def load(address: str, call: Call, shape: Shape, calls: int) -> Load:
    """Make so many calls. Raises `BenchFailed` unless all of them ended with an HTTP success."""
    with TemporaryDirectory(prefix="foldlog-h2load-") as directory:
        body, log = _write_body(Path(directory, "body"), call), Path(directory, "log")
        command = command_line(calls, shape, f"http://{address}{call.path}", str(body), str(log))
        said = await output_of(*command, seconds=_SECONDS_AT_MOST)
        milliseconds = _read_log(log)
    rate, succeeded = float(_number(_RATE, said)), int(_number(_SUCCEEDED, said))
    if succeeded != calls or len(milliseconds) != calls:
        raise BenchFailed(f"h2load: {succeeded} of {calls} calls of {call.path} succeeded.")
    return Load(
        calls,
        calls / rate,
        int(_number(_DATA, said)),
        milliseconds[calls // 2],
        milliseconds[calls * 99 // 100],
    )


def _write_body(file: Path, call: Call) -> Path:
    file.write_bytes(b"\0" + len(call.message).to_bytes(4, "big") + call.message)
    return file


def _read_log(file: Path) -> list[float]:
    """Return the duration of each call in milliseconds, the shortest first."""
    return sorted(int(line.split("\t")[2]) / 1000 for line in file.read_text().splitlines())


def _number(pattern: re.Pattern[str], said: str) -> str:
    found = pattern.search(said)
    if found is None:
        raise BenchFailed(f"h2load printed something unexpected: {said.strip()[-200:]!r}")
    return found[1]
