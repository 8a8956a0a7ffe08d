"""The wheel holds what it must, and nothing else; the sdist makes the same wheel."""

import email
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.distributions import SDIST, VERSION, WHEEL, build
from tests.architecture.documents import ROOT

METADATA = f"foldlog-{VERSION}.dist-info"
PACKAGES = {
    "foldlog": ROOT / "generated" / "foldlog",
    "foldlog_client": ROOT / "client" / "foldlog_client",
    "foldlog_generator": ROOT / "generator" / "foldlog_generator",
    "foldlog_server": ROOT / "server" / "foldlog_server",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel and the sdist, as `make dist` builds them."""
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(built: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(built / WHEEL) as wheel:
        yield wheel


def test_it_holds_the_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    assert {name.partition("/")[0] for name in wheel.namelist()} == {*PACKAGES, METADATA}


@pytest.mark.parametrize("package", PACKAGES)
def test_it_holds_every_file_of_a_package(wheel: zipfile.ZipFile, package: str) -> None:
    root = PACKAGES[package]
    files = {
        f"{package}/{file.relative_to(root)}"
        for file in root.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    protos = {"foldlog/protos"} if package == "foldlog" else set()
    found = {name for name in wheel.namelist() if name.startswith(f"{package}/")}
    assert {name for name in found if not any(name.startswith(one) for one in protos)} == files


def test_it_holds_every_proto_that_others_import(wheel: zipfile.ZipFile) -> None:
    protos = {file.relative_to(ROOT): file.read_bytes() for file in (ROOT / "protos").rglob("*.proto")}
    names = [name for name in wheel.namelist() if name.startswith("foldlog/protos/")]
    assert {Path(name).relative_to("foldlog"): wheel.read(name) for name in names} == protos


@pytest.mark.parametrize(
    "file",
    [
        "foldlog/orders/v1/events_pb2.py",
        "foldlog/orders/v1/command_service_pb2_grpc.py",
        "foldlog/async_domains.py",
        "foldlog/py.typed",
        "foldlog_client/py.typed",
        "foldlog_server/py.typed",
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
    assert metadata.get_all("Provides-Extra") == ["dev", "generate", "server", "testing"]
    script = wheel.read(f"{METADATA}/entry_points.txt").decode()
    assert "foldlog = foldlog_server.__main__:main" in script
    assert "protoc-gen-foldlog_client = foldlog_generator.plugin:main" in script


def test_a_wheel_made_from_the_sdist_is_the_same_to_the_byte(built: Path, tmp_path: Path) -> None:
    with tarfile.open(built / SDIST) as sdist:
        sdist.extractall(tmp_path, filter="data")
    again = build(tmp_path / SDIST.removesuffix(".tar.gz"), tmp_path / "again")
    assert (again / WHEEL).read_bytes() == (built / WHEEL).read_bytes()


def test_the_sdist_holds_what_it_takes_to_work_on_it(built: Path) -> None:
    with tarfile.open(built / SDIST) as sdist:
        names = {name.partition("/")[2].partition("/")[0] for name in sdist.getnames()}
    assert names >= {"protos", "tests", "tools", "docs", "examples", "Makefile", "requirements.lock"}
    assert not names & {".venv", "dist", "foldlog-data"}
