"""`generated/` is what the protos say, and a stale one is reported."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.architecture.documents import ROOT

GENERATED = ROOT / "generated"


def check(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, root / "tools" / "generate.py", "--check"],
        capture_output=True,
        text=True,
    )


def test_what_is_committed_is_what_would_be_generated() -> None:
    checked = check(ROOT)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_stale_file_is_reported_and_left_as_it_is(tmp_path: Path) -> None:
    for name in ("protos", "tools", "generated", "generator"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    stale = tmp_path / "generated" / "foldlog" / "v1" / "money_pb2.pyi"
    stale.write_text(stale.read_text() + "# edited\n")

    checked = check(tmp_path)

    assert checked.returncode == 1
    assert "money_pb2.pyi" in checked.stderr
    assert checked.stderr.splitlines()[-1].startswith("generated/ does not match protos/: run make generate")
    assert stale.read_text().endswith("# edited\n")


def test_nothing_else_lies_beside_it() -> None:
    packages = {file.parent.relative_to(ROOT / "protos") for file in (ROOT / "protos").rglob("*.proto")}
    folders = packages | {parent for package in packages for parent in package.parents if parent.name}
    there = {file.parent.relative_to(GENERATED) for file in GENERATED.rglob("*.py*") if file.suffix != ".pyc"}
    assert there == folders
