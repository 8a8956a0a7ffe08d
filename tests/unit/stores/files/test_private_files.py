"""Only their owner can read or write data files, whatever the umask, and whatever created them."""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from foldlog_server.app.app import App
from foldlog_server.settings import Settings


@pytest.fixture
def open_umask() -> Iterator[None]:
    former = os.umask(0)
    yield
    os.umask(former)


def modes(directory: Path) -> dict[str, int]:
    return {
        str(path.relative_to(directory)): stat.S_IMODE(path.stat().st_mode) for path in directory.rglob("*")
    }


async def served(directory: Path) -> dict[str, int]:
    app = await App.start(Settings(listen="127.0.0.1:0", data=directory, reflection=False))
    found = modes(directory)
    await app.stop(0)
    return found


@pytest.mark.usefixtures("open_umask")
async def test_what_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    found = await served(directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert found.pop("views") == 0o700
    assert {"lock", "log.db", "log.db-wal", "snapshots.db"} <= set(found)
    assert set(found.values()) == {0o600}


@pytest.mark.usefixtures("open_umask")
async def test_files_that_were_open_are_closed_and_their_directory_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await served(tmp_path / "data")
    directory = tmp_path / "data"
    directory.chmod(0o755)
    for file in directory.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)
    with caplog.at_level(logging.WARNING, "foldlog"):
        found = await served(directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o755
    assert {mode for name, mode in found.items() if name != "views"} == {0o600}
    assert f"{directory} is open to other users (mode 755)" in caplog.text
