"""The client is installed by itself, the server with its extra, by the lowest and the newest versions allowed."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.distributions import SDIST, WHEEL, build, environment, run
from tests.architecture.documents import ROOT, fences
from tests.architecture.pasting import served

PYTHON = ROOT / "docs" / "python.md"
LOWEST = [
    re.sub(r"^([\w-]+)>=([\w.]+).*$", r"\1==\2", line)
    for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
]

_TYPED = """
from typing import assert_type

import foldlog_client
import foldlog_server
from foldlog.orders.v1.command_service_pb2 import CreateOrderResponse
from foldlog_client import sync

with sync.connect() as client:
    assert_type(client.orders.create_order(customer_id="ada", currency_code="GBP"), CreateOrderResponse)
assert_type(foldlog_server.__version__, str)
client.orders.create_order(customer=1)
"""

_TESTED = """
import foldlog_client.testing, foldlog_server.testing
from foldlog.orders.v1.command_service_pb2 import CreateOrderResponse
from foldlog.v1.commands_pb2 import CommandResult

def position(client):
    return client.orders.create_order(customer_id="ada", currency_code="GBP").result.position

with foldlog_client.testing.Fake() as fake, foldlog_server.testing.server() as server, server.connect() as client:
    fake.answer(CreateOrderResponse(result=CommandResult(position=1)))
    print(position(fake.client), position(client))
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def lowest(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel, and of all that the client needs the lowest version."""
    return environment(tmp_path_factory.mktemp("lowest"), str(built / WHEEL), *LOWEST)


@pytest.fixture(scope="module")
def newest(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the sdist and the extras `server` and `testing`, and the newest versions."""
    return environment(tmp_path_factory.mktemp("newest"), f"{built / SDIST}[server,testing]")


def test_the_client_alone_brings_nothing_of_the_server(lowest: Path) -> None:
    freeze = [sys.executable, "-m", "pip", "--python", str(lowest / "python"), "freeze"]
    installed = {re.split("==| @ ", line)[0].replace("_", "-") for line in run(*freeze).splitlines()}
    declared = {line.partition("==")[0] for line in LOWEST}
    assert installed == {"foldlog", *declared, "typing-extensions"}  # the last one is grpcio's


@pytest.mark.parametrize("name", ["lowest", "newest"])
def test_the_page_of_the_client_runs_there(
    name: str, newest: Path, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The server is the newest one; the client the one or the other."""
    bin: Path = request.getfixturevalue(name)
    from_python, _ = fences(PYTHON, "sh")
    with served(tmp_path, tmp_path, newest) as server:
        here = f"exec {bin}/python -m tests.architecture.snippets {PYTHON} {server.address}"
        assert "OrderSubmitted" in server.paste(from_python.replace(".venv/bin", str(bin)))
        server.paste(here)


def test_both_ways_to_test_are_there(newest: Path) -> None:
    assert run(newest / "python", "-c", _TESTED) == "1 1\n"


def test_the_command_says_what_to_install(lowest: Path) -> None:
    done = subprocess.run([lowest / "foldlog", "serve"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    [told] = done.stderr.splitlines()
    assert "pip install 'foldlog[server]'" in told


def test_a_type_checker_sees_the_types(lowest: Path, tmp_path: Path) -> None:
    """What is right passes, and what is wrong is found: nothing is taken for Any."""
    (tmp_path / "typed.py").write_text(_TYPED)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    mypy += ["--config-file", "", "--python-executable", str(lowest / "python"), "typed.py"]
    done = subprocess.run(mypy, cwd=tmp_path, capture_output=True, text=True)
    errors = [line for line in done.stdout.splitlines() if " error: " in line]
    assert all(line.startswith("typed.py:12: ") for line in errors), done.stdout
    assert any('Unexpected keyword argument "customer"' in line for line in errors)
