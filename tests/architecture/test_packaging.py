"""The wheel holds what it must, and nothing else."""

import email
import subprocess
import sys
import zipfile
from collections.abc import Iterator

import pytest

import foldlog_server
from tests.architecture.documents import ROOT

VERSION = foldlog_server.__version__
METADATA = f"foldlog-{VERSION}.dist-info"
PACKAGES = {
    "foldlog": ROOT / "generated" / "foldlog",
    "foldlog_client": ROOT / "client" / "foldlog_client",
    "foldlog_server": ROOT / "server" / "foldlog_server",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(directory / f"foldlog-{VERSION}-py3-none-any.whl") as wheel:
        yield wheel


def test_it_holds_the_three_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    assert {name.partition("/")[0] for name in wheel.namelist()} == {*PACKAGES, METADATA}


@pytest.mark.parametrize("package", PACKAGES)
def test_it_holds_every_file_of_a_package(wheel: zipfile.ZipFile, package: str) -> None:
    root = PACKAGES[package]
    files = {
        f"{package}/{file.relative_to(root)}"
        for file in root.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert {name for name in wheel.namelist() if name.startswith(f"{package}/")} == files


@pytest.mark.parametrize(
    "file",
    [
        "foldlog/orders/v1/events_pb2.py",
        "foldlog/orders/v1/command_service_pb2_grpc.py",
        "foldlog/async_domains.py",
        "foldlog/py.typed",
        "foldlog_client/py.typed",
        "foldlog_server/stores/sql/insert_appended.sql",
        f"{METADATA}/licenses/LICENSE",
        f"{METADATA}/licenses/NOTICE",
    ],
)
def test_it_holds_what_is_easily_forgotten(wheel: zipfile.ZipFile, file: str) -> None:
    assert file in wheel.namelist()


def test_its_metadata_are_the_projects(wheel: zipfile.ZipFile) -> None:
    metadata = email.message_from_bytes(wheel.read(f"{METADATA}/METADATA"))
    assert metadata["Name"] == "foldlog"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata.get_all("Provides-Extra") == ["dev", "server"]
    script = wheel.read(f"{METADATA}/entry_points.txt").decode()
    assert "foldlog = foldlog_server.__main__:main" in script
