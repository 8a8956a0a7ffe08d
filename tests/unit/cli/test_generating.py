"""`foldlog generate`."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.own_domains import BANK, write_protos


def generate(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "foldlog_server", "generate", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_protos(tmp_path / "protos", {"bank/v1/bank.proto": BANK})
    return tmp_path


def test_it_writes_the_code_of_a_project_and_checks_it(project: Path) -> None:
    done = generate(project)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "10 written, 0 removed; src is what protos say.\n"
    assert (project / "src/bank/v1/async_client.py").exists()
    checked = generate(project, "--check")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_a_check_names_what_is_not_as_it_must_be_and_writes_nothing(project: Path) -> None:
    checked = generate(project, "--check", "--protos", "protos", "--out", "made")
    assert checked.returncode == 1
    assert "made/bank/v1/bank_pb2.py" in checked.stdout.splitlines()
    assert checked.stderr == "foldlog: made is not what protos say: run foldlog generate.\n"
    assert not (project / "made").exists()


def test_what_protoc_says_is_reported_with_what_to_do(project: Path) -> None:
    write_protos(project / "protos", {"bank/v1/bank.proto": BANK.replace("int64", "int46", 1)})
    done = generate(project)
    assert (done.returncode, done.stdout) == (1, "")
    *said, line = done.stderr.splitlines()
    assert said[0] == 'protos/bank/v1/bank.proto:33:3: "int46" is not defined.'
    assert line == "foldlog: protoc refuses the protos, and nothing was changed. Correct what it names."
    assert not (project / "src").exists()


def test_a_project_without_protos_is_reported(tmp_path: Path) -> None:
    done = generate(tmp_path)
    assert done.returncode == 2
    assert "protos" in done.stderr


def test_what_is_not_installed_is_reported(project: Path) -> None:
    code = (
        "import sys\n"
        "from foldlog_generator import compiling\n"
        "compiling.NEEDED = ('foldlog', 'grpc_tools_that_are_not_there')\n"
        "sys.argv = ['foldlog', 'generate']\n"
        "from foldlog_server.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert (
        "foldlog: The packages that generate code are not installed: no grpc_tools_that_are_not_there."
        in done.stderr
    )
    assert "pip install 'foldlog[generate]'" in done.stderr
