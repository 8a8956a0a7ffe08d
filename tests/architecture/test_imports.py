"""Imports run one way, in the source and in a running process."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.documents import ROOT

# Imports every module of some packages, then prints which of some modules came along.
_LOADED = """
import importlib, pkgutil, sys
packages, unwanted = (argument.split() for argument in sys.argv[1:])
for package in packages:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        importlib.import_module(module.name)
print(*(name for name in unwanted if name in sys.modules))
"""

PURE = ["log", "domain", "commands", "views", "queries", "domains"]
TRANSPORT = "grpc"
DATABASES = "sqlite3 aiosqlite"


def loaded(packages: str, unwanted: str) -> list[str]:
    command = [sys.executable, "-c", _LOADED, packages, unwanted]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize("room", PURE)
def test_what_is_not_at_an_edge_loads_no_transport_and_no_database(room: str) -> None:
    assert loaded(f"foldlog_server.{room}", f"{TRANSPORT} {DATABASES}") == []


def test_engines_load_no_transport() -> None:
    assert loaded("foldlog_server.stores", TRANSPORT) == []


def test_the_client_loads_nothing_of_the_server() -> None:
    assert loaded("foldlog_client", f"foldlog_server typer rich filelock {DATABASES}") == []


def test_the_client_loads_nothing_of_its_testing() -> None:
    code = "import sys, foldlog_client.sync; print('grpc_testing' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_what_is_loaded_is_seen() -> None:
    assert loaded("foldlog_server.transport foldlog_server.stores", f"{TRANSPORT} {DATABASES}") == [
        "grpc",
        "sqlite3",
        "aiosqlite",
    ]


def test_the_rules_for_imports_hold() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
