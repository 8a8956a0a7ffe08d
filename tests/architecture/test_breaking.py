"""What would break a client of the last release is refused."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.documents import ROOT

BUF = Path(sys.executable).parent / "buf"
COMMANDS = "foldlog/orders/v1/commands.proto"


def compared(root: Path) -> "subprocess.CompletedProcess[str]":
    command = [str(BUF), "breaking", "protos", "--against", "protos/released.binpb"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


@pytest.fixture
def protos(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "protos", tmp_path / "protos")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    return tmp_path / "protos"


def change(protos: Path, pattern: str, instead: str) -> None:
    file = protos / COMMANDS
    text, count = re.subn(pattern, instead, file.read_text(), count=1, flags=re.MULTILINE)
    assert count == 1
    file.write_text(text)


def test_it_is_part_of_the_checks() -> None:
    lint = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    assert "buf breaking protos --against protos/released.binpb" in lint


@pytest.mark.parametrize(
    ("pattern", "instead", "rule"),
    [
        (r"string customer_name = 3", "string customer_name = 30", "customer_name"),
        (r"string customer_name = 3", "string full_name = 3", "customer_name"),
        (r"int32 quantity = 3", "int64 quantity = 3", "quantity"),
        (r"^message RemoveItem", "message TakeItemOut", "RemoveItem"),
    ],
    ids=["renumbered", "renamed", "retyped", "removed"],
)
def test_a_change_that_breaks_is_told(protos: Path, pattern: str, instead: str, rule: str) -> None:
    change(protos, pattern, instead)
    if rule == "RemoveItem":
        service = protos / "foldlog/orders/v1/command_service.proto"
        service.write_text(re.sub(r"\bRemoveItem command", "TakeItemOut command", service.read_text()))
    told = compared(protos.parent)
    assert told.returncode == 100, told.stderr
    assert rule in told.stdout


def test_a_field_can_be_added(protos: Path) -> None:
    change(protos, r"(string customer_name = 3 \[)", r"string salutation = 9;\n  \1")
    told = compared(protos.parent)
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")
