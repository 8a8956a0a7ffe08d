"""docs/domains.md builds a domain, followed to the letter: each block goes where the line above it says."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.architecture.documents import ROOT

PAGE = ROOT / "docs" / "domains.md"
_BLOCK = re.compile(
    r"^(?:In|At the end of|As) `(?P<file>[^`]+)`(?:, (?P<how>below|above|in place of) `(?P<line>[^`]+)`)?:\n\n"
    r"```\w+\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Edit(NamedTuple):
    """What a reader does with one block."""

    file: str
    how: str | None
    line: str | None
    text: str

    def apply(self, project: Path) -> None:
        """Write the block; a line that it goes to is there once, and gives the block its indentation."""
        path = project / self.file
        if self.how is None:
            with path.open("a") as opened:
                opened.write(f"{self._blank_lines}{self.text}" if opened.tell() else self.text)
            return
        lines = path.read_text().splitlines(keepends=True)
        [at] = [index for index, line in enumerate(lines) if line.strip() == self.line]
        margin = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        if self.how == "below" and self.line and self.line.endswith("{"):
            margin += "  "
        block = [f"{margin}{line}" if line.strip() else line for line in self.text.splitlines(keepends=True)]
        if self.text.startswith("def "):
            block.append("\n")
        begin, end = {"below": (at + 1, at + 1), "above": (at, at), "in place of": (at, at + 1)}[self.how]
        path.write_text("".join([*lines[:begin], *block, *lines[end:]]))

    @property
    def _blank_lines(self) -> str:
        return "\n\n" if self.file.endswith(".py") else "\n"


def sections() -> dict[str, list[Edit]]:
    """The edits of each section, by its title."""
    titled = re.split(r"^## (.+)$", PAGE.read_text(), flags=re.MULTILINE)[1:]
    return {
        title: [Edit(*found.group("file", "how", "line", "text")) for found in _BLOCK.finditer(text)]
        for title, text in zip(titled[::2], titled[1::2], strict=True)
    }


def run(project: Path, *command: str) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_block_of_code_says_where_it_goes() -> None:
    written = len(re.findall(r"^```(?:proto|python|text)$", PAGE.read_text(), re.MULTILINE))
    assert sum(map(len, sections().values())) == written


@pytest.mark.slow
def test_each_step_leaves_a_domain_that_is_served_and_whose_tests_pass(tmp_path: Path) -> None:
    run(tmp_path, "foldlog", "new", "bank")
    project, tests = tmp_path / "bank", 0
    for title, edits in sections().items():
        for edit in edits:
            edit.apply(project)
        if edits or title == "From an empty directory":
            ran = re.search(r"Ran (\d+) tests", run(project, "make", "generate", "test"))
            assert ran is not None, title
            assert int(ran[1]) >= tests, title
            tests = int(ran[1])
            fit = "from bank.domain import BANK; from foldlog_server.domains.fit import problems; "
            run(project, "env", "PYTHONPATH=src", "python3", "-c", fit + "assert not problems([BANK])")
            run(project, sys.executable, "-m", "mypy", "--strict", "src", "tests")
    assert tests == 10
