"""Acknowledged events survive the process that acknowledged them."""

import os
import subprocess
import sys
from pathlib import Path

from foldlog_server.log.event_store import RequestKey
from foldlog_server.stores.files.data_directory import DataDirectoryLocked
from tests.contract.appends import chain_of, everything, outcome, positions, to, versions
from tests.unit.stores.conftest import OpenStore

PROGRAM = Path(__file__).with_name("append_until_killed.py")


def appending(directory: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(directory)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


async def test_nothing_acknowledged_is_lost_when_the_process_is_killed(
    tmp_path: Path, open_store: OpenStore
) -> None:
    with appending(tmp_path) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(200)]
        process.kill()
        lines += process.stdout.readlines()
    acknowledged = [line.split() for line in lines if line.endswith("\n")]

    store = await open_store()
    log = await everything(store)
    assert len(acknowledged) >= 200
    assert positions(log) == list(range(1, store.head.position + 1))
    assert chain_of(log) == store.head.chain_hash
    for stream, version, request_id in acknowledged:
        recorded = await store.find_request(RequestKey("ann", request_id))
        assert recorded is not None
        assert (recorded.streams[0].stream, recorded.streams[0].last) == (stream, int(version))
        found = versions(await store.read_stream(stream))
        assert found == list(range(1, len(found) + 1))
        assert len(found) >= int(version)
        assert len(found) % 2 == 0


async def test_the_lock_of_another_process_holds_until_it_ends(tmp_path: Path, open_store: OpenStore) -> None:
    with appending(tmp_path) as process:
        assert process.stdout
        process.stdout.readline()
        refusal = await outcome(open_store())
        process.kill()
        process.stdout.read()

    assert isinstance(refusal, DataDirectoryLocked)
    assert str(tmp_path) in str(refusal)
    store = await open_store()
    await store.append(to("another", 0, b"x"))
