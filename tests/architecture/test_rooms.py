"""The tree is what docs/architecture.md draws: every module is on a layer, and the tests mirror it."""

import re
import tomllib

import pytest

from tests.architecture.documents import ROOT

SERVER = ROOT / "server" / "foldlog_server"
PAGE = ROOT / "docs" / "architecture.md"
NOT_OF_THE_SERVER = {"bench", "client", "examples", "generator", "support"}
"""Folders of tests/unit that mirror something else."""


def layered() -> set[str]:
    """Every name of `foldlog_server` in the layers of the import linter."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [one["layers"] for one in contracts if one["type"] == "layers"]
    return {name for layer in layers for name in re.findall(r"foldlog_server\.(\w+)", layer)}


def test_every_module_is_on_a_layer() -> None:
    """But for the command itself, which is above all of them."""
    rooms = {file.parent.name for file in SERVER.glob("*/__init__.py")}
    modules = {file.stem for file in SERVER.glob("*.py")} - {"__init__", "__main__"}
    assert rooms | modules == layered()


def test_every_room_says_in_a_line_what_it_is() -> None:
    for file in SERVER.rglob("__init__.py"):
        assert re.match(r'"""\w[^\n]+', file.read_text()), file


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([a-z_]+/[a-z_/]+)`", PAGE.read_text()))))
def test_what_the_page_names_is_there(path: str) -> None:
    places = [root / path for root in (ROOT, SERVER, SERVER / "stores")]
    assert any(place.exists() or place.with_suffix(".py").exists() for place in places)


def test_the_page_tells_of_every_room() -> None:
    told = set(re.findall(r"^\| `([a-z_]+)`", PAGE.read_text(), re.MULTILINE))
    assert {file.parent.name for file in SERVER.glob("*/__init__.py")} <= told


def test_unit_tests_mirror_the_rooms() -> None:
    unit = ROOT / "tests" / "unit"
    for place in {file.parent.relative_to(unit) for file in unit.rglob("test_*.py")}:
        if not NOT_OF_THE_SERVER & set(place.parts):
            assert (SERVER / place).is_dir(), place
