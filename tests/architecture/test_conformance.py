"""The conformance suite: it judges any server, and docs/conformance.md has what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.documents import ROOT
from tests.conformance.report import ADDRESS

SUITE = ROOT / "tests" / "conformance"


def report(*arguments: str, address: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "tests.conformance.report"]
    return subprocess.run(
        [*command, *arguments, str(SUITE)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, ADDRESS: address},
    )


def sentences(text: str) -> list[str]:
    return [line[6:] for line in text.splitlines() if re.match(r"- \[.\] ", line)]


@pytest.fixture(scope="module")
def said() -> list[str]:
    return sentences(report("--collect-only").stdout)


def test_the_document_has_every_sentence_and_each_was_kept(said: list[str]) -> None:
    document = (ROOT / "docs" / "conformance.md").read_text()
    assert sentences(document) == said, "Write it anew: `make run`, and beside it `make conformance`."
    assert document.count("\n- [x] ") == len(said)
    assert document.endswith(f"\n{len(said)} of {len(said)} sentences are kept.\n")


def test_no_sentence_is_said_twice(said: list[str]) -> None:
    assert len(said) == len(set(said))
    assert not [sentence for sentence in said if not sentence.endswith(".")]


def test_it_imports_nothing_of_the_server() -> None:
    used = [SUITE / name for name in os.listdir(SUITE) if name.endswith(".py")]
    for file in [*used, Path(ROOT / "tests" / "support" / "wire.py")]:
        assert not re.search(r"^(from|import) foldlog_(server|client)", file.read_text(), re.MULTILINE), file


def test_an_address_where_nobody_answers_is_told_in_one_line() -> None:
    done = report(address="127.0.0.1:1")
    assert done.returncode == 4
    assert done.stderr.strip().startswith("ERROR: No server answers at 127.0.0.1:1: ")
    assert "make run" in done.stderr
    assert not sentences(done.stdout)
