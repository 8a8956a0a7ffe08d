"""No property fails because an example took long."""

import ast
from pathlib import Path

from hypothesis import settings

TESTS = Path(__file__).parents[1]


def test_properties_have_no_deadline() -> None:
    assert settings.default is not None
    assert settings.default.deadline is None


def test_no_property_sets_a_deadline_of_its_own() -> None:
    found = [
        f"{file.relative_to(TESTS)}:{call.lineno}"
        for file in sorted(TESTS.rglob("*.py"))
        for call in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "settings"
        for keyword in call.keywords
        if keyword.arg == "deadline" and ast.unparse(keyword.value) != "None"
    ]
    assert found == []
