"""The domain of examples/enrolment is one as a team would write it: it needs nothing but what is public."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.documents import ROOT

PROJECT = ROOT / "examples" / "enrolment"
PUBLIC = {"foldlog_server.domain", "foldlog_server.domain.testing", "foldlog_server.testing"}


def imported(file: Path) -> Iterator[str]:
    """The modules that a file imports from, one that is imported from its package by its full name."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "foldlog_server":
            yield from (f"foldlog_server.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("folder", ["src", "tests"])
def test_it_imports_what_is_public_alone(folder: str) -> None:
    ours = {
        (path.relative_to(PROJECT).as_posix(), module)
        for path in (PROJECT / folder).rglob("*.py")
        for module in imported(path)
        if module.partition(".")[0] == "foldlog_server"
    }
    assert ours, f"nothing of Foldlog is imported in {folder}"
    assert [one for one in sorted(ours) if one[1] not in PUBLIC] == []
