"""What a process finds around it when it is started does not keep it from its work."""

import asyncio
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import foldlog_client
from tests.support.processes import FOLDLOG, Ended, foldlog, serving
from tests.support.slow import slow
from tests.support.wire import SECONDS


@pytest.fixture
def data(new_log: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(new_log, tmp_path / "data"))


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory with a short name: a socket's path is at most 107 bytes long."""
    directory = Path(tempfile.mkdtemp(prefix="foldlog-"))
    yield directory
    shutil.rmtree(directory)


_CLOSED = """
import os, sys
os.close(int(sys.argv[1]))
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_a_server_with_a_closed_standard_stream_serves_and_stops_in_order(
    data: Path, short: Path, number: int
) -> None:
    address = f"unix:{short / 's'}"
    arguments = (str(number), str(FOLDLOG), "serve", "--data", str(data), "--listen", address)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CLOSED, *arguments, stdout=pipe, stderr=pipe
    )
    try:
        if number == 1:  # nobody is told that it serves, but it answers
            async with foldlog_client.connect(address, timeout=SECONDS) as client:
                await client.events.head()
        else:
            assert process.stdout is not None
            assert b" serves " in await asyncio.wait_for(process.stdout.readline(), SECONDS)
        process.terminate()
        _, errors = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, errors) == (0, b"")


async def test_what_an_output_cannot_encode_is_escaped(new_log: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(new_log, tmp_path / "żółw"))
    async with serving(data, PYTHONIOENCODING="ascii") as server:
        assert r"\u017c\xf3\u0142w" in server.greeting
        async with foldlog_client.connect(server.address) as client:
            await client.orders.create_order(order_id="żółw", customer_id="ü", currency_code="GBP")
        command = ("events", "tail", "--after", "0", "--no-follow", "--address", server.address)
        told = await foldlog(*command, PYTHONIOENCODING="ascii")
        assert (told.code, told.errors) == (0, "")
        assert r"order-\u017c\xf3\u0142w@1" in told.output
        assert await server.stop() == Ended(0, "", "")


async def test_a_terminal_that_goes_away_stops_a_server_in_order(data: Path) -> None:
    async with serving(data) as server:
        assert await server.stop(signal.SIGHUP) == Ended(0, "", "")


async def test_a_server_under_nohup_outlives_its_terminal(data: Path) -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what it starts inherits it
    try:
        async with serving(data) as server:
            server.process.send_signal(signal.SIGHUP)
            async with foldlog_client.connect(server.address) as client:
                assert (await client.events.head()).position == 0
            assert await server.stop() == Ended(0, "", "")
    finally:
        signal.signal(signal.SIGHUP, former)


async def test_a_proxy_does_not_hide_a_server_on_loopback(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = "http://127.0.0.1:1"
    async with serving(data) as server:
        for name in ("http_proxy", "https_proxy", "grpc_proxy"):
            monkeypatch.setenv(name, nowhere)
        port = server.address.rpartition(":")[2]
        for target in (server.address, f"dns:///localhost:{port}", f"ipv4:{server.address}"):
            async with foldlog_client.connect(target) as client:
                assert (await client.events.head()).position == 0
        listed = await foldlog("views", "list", "--address", server.address)
        assert (listed.code, listed.errors) == (0, "")


@pytest.mark.parametrize("value", ["nan", "87601", *slow(["inf", "-inf", "1e30"])])
@pytest.mark.parametrize(
    ("option", "variable"),
    [("--request-window", "FOLDLOG_REQUEST_WINDOW_HOURS"), ("--grace", "FOLDLOG_GRACE_SECONDS")],
)
async def test_a_time_that_no_clock_can_count_is_refused(
    tmp_path: Path, option: str, variable: str, value: str
) -> None:
    data = tmp_path / "data"
    for told in (
        await foldlog("serve", "--data", data, f"{option}={value}"),
        await foldlog("serve", "--data", data, **{variable: value}),
    ):
        assert told.code == 2
        assert re.search(f"Invalid value for '{option}'", told.errors)
        assert not data.exists()


@pytest.mark.parametrize("command", [("--version",), ("config",), ("events", "tail", "--help")])
async def test_a_misspelt_setting_is_told_in_one_line_and_refuses_nothing(command: tuple[str, ...]) -> None:
    kubernetes = {"FOLDLOG_PORT": "tcp://10.0.0.1:50051", "FOLDLOG_SERVICE_HOST": "10.0.0.1"}
    told = await foldlog(*command, FOLDLOG_LISTN="[::1]:1", **kubernetes)
    expected = "foldlog: FOLDLOG_LISTN is not a setting and is ignored. Did you mean FOLDLOG_LISTEN?\n"
    assert (told.code, told.errors) == (0, expected)
    assert "::1" not in told.output
    assert "10.0.0.1" not in told.output
