"""The tree is what docs/architecture.md draws: every module is on a layer, and the tests mirror it."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.architecture.documents import ROOT

SERVER = ROOT / "server" / "foldlog_server"
PAGE = ROOT / "docs" / "architecture.md"
GENERATOR = ROOT / "generator"
UNIT = ROOT / "tests" / "unit"
ROOTS = {
    "bench": ROOT / "bench",
    "client": ROOT / "client" / "foldlog_client",
    "examples": ROOT / "examples",
    "generator": ROOT / "generator" / "foldlog_generator",
    "support": ROOT / "tests" / "support",
}
"""What folders of tests/unit mirror; all others mirror rooms of the server."""
OF_SOMETHING_ELSE = {
    "generator/test_own_clients.py": "a client that a package of somebody else's extends, as it is generated",
    "stores/sqlite/test_query_plans.py": "the statements in stores/sql",
}
"""The only tests that mirror no module."""


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
    places = [root / path for root in (ROOT, SERVER, SERVER / "stores", GENERATOR)]
    assert any(place.exists() or place.with_suffix(".py").exists() for place in places)


def test_the_page_tells_of_every_room() -> None:
    told = set(re.findall(r"^\| `([a-z_]+)`", PAGE.read_text(), re.MULTILINE))
    assert {file.parent.name for file in SERVER.glob("*/__init__.py")} <= told


def mirrored(test: Path) -> Path:
    """The place in the tree that a file of tests/unit mirrors, by its name: a module, or a package."""
    place = test.relative_to(UNIT)
    root = ROOTS.get(place.parts[0], SERVER)
    below = place.parent if root == SERVER else place.parent.relative_to(place.parts[0])
    return root / below / test.stem.removeprefix("test_")


def is_there(place: Path) -> bool:
    """Whether it has a module, or a room; or a module in each of the two rooms of the client."""
    if place.is_dir():
        return True
    if all((place.parent / kind / f"{place.name}.py").exists() for kind in ("aio", "sync")):
        return True
    names = {place.name, f"__{place.name}__"}
    found = {file.stem for file in place.parent.glob("*.py")}
    return bool(names & found) or any(place.name.startswith(f"{name}_") for name in found)


def test_unit_tests_mirror_the_tree() -> None:
    """`x/test_y.py` is about `x/y.py` or the room `x/y`, and so is `x/test_y_z.py`; `test_main.py` is of `__main__`."""
    assert all((test.parent == UNIT or mirrored(test).parent.is_dir()) for test in UNIT.rglob("test_*.py"))
    lost = {str(test.relative_to(UNIT)) for test in UNIT.rglob("test_*.py") if not is_there(mirrored(test))}
    assert lost == set(OF_SOMETHING_ELSE)
