"""`make third-party` lays out what tools need that read protos, and no more."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.documents import ROOT
from tests.support.protos import PROTOS, compiled


@pytest.fixture
def laid_out(tmp_path: Path) -> Path:
    directory = tmp_path / "third_party"
    command = [sys.executable, str(ROOT / "tools" / "third_party.py"), str(directory)]
    for _ in ("once", "again"):
        subprocess.run(command, check=True, capture_output=True)
    return directory


def test_it_has_the_protos_that_carry_refusals(laid_out: Path) -> None:
    found = {str(file.relative_to(laid_out)) for file in laid_out.rglob("*.proto")}
    assert found == {"google/rpc/status.proto", "google/rpc/error_details.proto"}


def test_they_compile_beside_ours(laid_out: Path) -> None:
    files = compiled(
        [PROTOS, laid_out],
        "google/rpc/status.proto",
        "google/rpc/error_details.proto",
        "foldlog/v1/errors.proto",
    )
    assert {"google/rpc/error_details.proto", "foldlog/v1/options.proto"} <= {*files}


def test_it_is_a_target_of_make_and_ignored() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\nthird-party:")[2].partition("\n\n")[0]
    assert "tools/third_party.py third_party" in recipe
    assert "/third_party/" in (ROOT / ".gitignore").read_text().splitlines()
