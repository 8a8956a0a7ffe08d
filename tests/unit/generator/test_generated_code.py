"""What is generated comes to its place whole, and whatever else lies there stays."""

import shutil
from pathlib import Path

import pytest

from foldlog_generator.compiling import CannotGenerate, compiled
from foldlog_generator.generated_code import Differences, bring_about, differences
from foldlog_generator.protos import directory
from tests.support.own_domains import PROTOS, write_protos

BANK = [
    "bank/v1/async_client.py",
    "bank/v1/bank_pb2.py",
    "bank/v1/bank_pb2.pyi",
    "bank/v1/bank_pb2_grpc.py",
    "bank/v1/bank_pb2_grpc.pyi",
    "bank/v1/events_pb2.py",
    "bank/v1/events_pb2.pyi",
    "bank/v1/reasons.py",
    "bank/v1/sync_client.py",
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    made = compiled(write_protos(tmp_path_factory.mktemp("protos")), directory())
    assert made.said == ""
    return dict(made.files)


def content(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def write(out: Path, files: dict[str, bytes]) -> Differences:
    found = differences(out, files)
    bring_about(out, files, found)
    return found


def test_each_proto_has_its_modules_and_each_package_its_clients(files: dict[str, bytes]) -> None:
    assert [name for name in files if name.startswith("bank/")] == BANK
    assert "acme/cards/v2/sync_client.py" in files
    assert "acme/cards/v2/reasons.py" not in files
    assert not any(name.startswith("foldlog/") for name in files)


def test_all_of_it_is_written_with_what_makes_packages_of_folders(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    write(tmp_path / "a" / "src", files)
    packages = {"acme", "acme/cards", "acme/cards/v2", "bank", "bank/v1"}
    empty = {f"{package}/__init__.py" for package in packages} | {"acme/py.typed", "bank/py.typed"}
    assert content(tmp_path / "a" / "src") == {**files, **dict.fromkeys(empty, b"")}
    assert not differences(tmp_path / "a" / "src", files)


def test_what_is_as_it_must_be_is_not_written_again(files: dict[str, bytes], tmp_path: Path) -> None:
    write(tmp_path, files)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    (tmp_path / BANK[0]).write_bytes(files[BANK[0]] + b"# edited\n")
    assert write(tmp_path, files).written == [BANK[0]]
    changed = {path for path in tmp_path.rglob("*") if path.stat().st_mtime_ns != stamps[path]}
    assert changed <= {tmp_path / BANK[0], (tmp_path / BANK[0]).parent, tmp_path}


def test_what_other_people_wrote_there_stays(files: dict[str, bytes], tmp_path: Path) -> None:
    theirs = {"bank/__init__.py": b"VALUE = 1\n", "bank/v1/more.py": b"", "bank/v1/my_client.py": b"X = 1\n"}
    for name, text in theirs.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text)
    assert not write(tmp_path, files).removed
    assert content(tmp_path).items() >= theirs.items()


def test_what_comes_from_a_proto_that_is_no_more_is_removed(files: dict[str, bytes], tmp_path: Path) -> None:
    write(tmp_path, files)
    fewer = write_protos(
        tmp_path / "protos", {name: text for name, text in PROTOS.items() if "events" not in name}
    )
    found = write(tmp_path, dict(compiled(fewer, directory()).files))
    assert found.removed == ["bank/v1/events_pb2.py", "bank/v1/events_pb2.pyi"]
    assert not (tmp_path / "bank/v1/events_pb2.py").exists()
    assert (tmp_path / "acme/cards/v2/cards_pb2.py").exists()


def test_a_file_that_somebody_wrote_is_not_written_over(files: dict[str, bytes], tmp_path: Path) -> None:
    theirs = tmp_path / "bank" / "v1" / "reasons.py"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("REASONS = ()\n")
    with pytest.raises(CannotGenerate, match=r"reasons\.py is where a generated file goes.*: move it"):
        differences(tmp_path, files)


def test_a_failure_leaves_everything_as_it_was(files: dict[str, bytes], tmp_path: Path) -> None:
    """The first file is replaced, and new ones are written, before a folder cannot be made."""
    write(tmp_path, files)
    (tmp_path / "acme/cards/v2/async_client.py").write_bytes(files["acme/cards/v2/async_client.py"] + b"\n")
    (tmp_path / "acme/cards/v2/cards_pb2.py").unlink()
    shutil.rmtree(tmp_path / "bank" / "v1")
    (tmp_path / "bank" / "v1").touch()
    before = content(tmp_path)
    with pytest.raises(OSError, match="bank/v1"):
        write(tmp_path, files)
    assert content(tmp_path) == before


def test_a_failure_leaves_no_folder_behind(files: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "bank").touch()
    with pytest.raises(OSError, match="bank"):
        write(tmp_path, files)
    assert [path.name for path in tmp_path.iterdir()] == ["bank"]
