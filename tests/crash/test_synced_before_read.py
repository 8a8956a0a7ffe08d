"""What a killed process left in the write-ahead log is synced before the next one reads it."""

import asyncio
import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from tests.crash.test_commit_points import ADD, ID, crash, data
from tests.support.processes import FOLDLOG
from tests.support.wire import SECONDS, Wire, connected

__all__ = ["data"]

TRACED = "trace=openat,close,pread64,pwrite64,fsync,fdatasync"
LINE = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed (apt install strace)"),
]


async def replayed(address: str) -> bool:
    wire = Wire()
    wire.channel = connected(address)
    answer = await wire.send(ADD, request_id=ID)
    await wire.channel.close()
    return bool(answer.result.replayed)


async def test_no_byte_is_read_by_sqlite_before_all_are_written_anew_and_synced(
    data: Path, tmp_path: Path
) -> None:
    await crash(data, ADD, "after_the_commit")
    size = (data / "log.db-wal").stat().st_size
    trace = tmp_path / "trace"
    server = await asyncio.create_subprocess_exec(
        *("strace", "-f", "-y", "-e", TRACED, "-o", trace),
        *(FOLDLOG, "serve", "--data", data, "--listen", "127.0.0.1:0"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdout is not None
    greeting = (await asyncio.wait_for(server.stdout.readline(), 3 * SECONDS)).decode()
    assert await replayed(greeting.partition(" at ")[2].partition(". ")[0])
    # strace itself keeps signals for later; the process that it started is the first in its trace.
    os.kill(int(trace.read_text().split(maxsplit=1)[0]), signal.SIGTERM)
    await asyncio.wait_for(server.wait(), 3 * SECONDS)

    calls = [
        (match[1], match[2], int(match[3]))
        for line in trace.read_text().splitlines()
        if (match := LINE.match(line)) and "log.db-wal" in line and int(match[3]) >= 0
    ]
    names = [name for name, _, _ in calls]
    synced = names.index("fsync")
    assert names[: synced + 1].count("openat") == 1
    assert sum(result for name, _, result in calls[:synced] if name == "pwrite64") == size
    assert names[synced + 1] == "close"  # ours; whatever opens it again is SQLite
    assert "openat" in names[synced + 1 :]
