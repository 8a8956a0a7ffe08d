"""What `make` installs: for serving what serving takes, of the very versions that are tested."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.documents import ROOT
from tests.architecture.pasting import ended, wait_for

WHOLE, SERVING = (ROOT / name for name in ("requirements.lock", "requirements-serving.lock"))
TO_SERVE, TO_WORK = ("run", "demo", "retail"), ("test", "lint", "types", "check-slow", "dist")


def pins(lock: Path) -> set[str]:
    """Every pin with its hashes, without the comments on who needs it."""
    text = lock.read_text().replace("\\\n", "")
    return {line for line in text.splitlines() if "==" in line and not line.lstrip().startswith("#")}


def recipe(*arguments: str) -> str:
    """What make would do."""
    make = ["make", "--dry-run", "DATA=any.csv", *arguments]
    return subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_what_is_served_with_is_a_part_of_what_is_tested() -> None:
    assert pins(SERVING) < pins(WHOLE)


def test_what_is_served_with_has_no_tools_of_those_who_work_on_it() -> None:
    names = {pin.partition("==")[0] for pin in pins(SERVING)}
    assert {"grpcio", "aiosqlite", "hatchling"} <= names
    assert not names & {"pytest", "ruff", "mypy", "hypothesis", "buf-bin", "grpcio-tools", "pip-tools"}


@pytest.mark.parametrize("target", TO_SERVE)
def test_who_serves_waits_for_that_alone(target: str, tmp_path: Path) -> None:
    made = recipe(f"VENV={tmp_path}", target)
    assert SERVING.name in made
    assert WHOLE.name not in made


@pytest.mark.parametrize("target", TO_WORK)
def test_who_works_on_it_gets_all_of_it(target: str, tmp_path: Path) -> None:
    made = recipe(f"VENV={tmp_path}", target)
    assert made.index(SERVING.name) < made.index(WHOLE.name)


def test_work_goes_on_from_an_environment_that_serves(tmp_path: Path) -> None:
    (tmp_path / ".serving").touch()
    made = recipe(f"VENV={tmp_path}", "test")
    assert SERVING.name not in made
    assert WHOLE.name in made


@pytest.mark.parametrize(
    ("changed", "serving", "working"),
    [(SERVING, True, True), (WHOLE, False, True), (ROOT / "README.md", False, False)],
)
def test_a_changed_lock_is_noticed(changed: Path, serving: bool, working: bool, tmp_path: Path) -> None:
    for stamp in (".serving", ".ready"):
        (tmp_path / stamp).touch()
    for target, noticed in (("run", serving), ("test", working)):
        assert ("tools/install.py" in recipe(f"VENV={tmp_path}", "-W", changed.name, target)) == noticed


def test_what_pip_says_is_told_when_it_fails(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    lock.write_text("foldlog==0.0.0 --hash=sha256:" + "0" * 64 + "\n")
    install = [sys.executable, str(ROOT / "tools" / "install.py"), str(lock)]
    done = subprocess.run(install, env={**os.environ, "PIP_NO_INDEX": "1"}, capture_output=True, text=True)
    assert done.returncode == 1
    assert "foldlog==0.0.0" in done.stderr


@pytest.mark.slow
def test_a_fresh_clone_serves_and_tells_how_far_it_is(tmp_path: Path) -> None:
    count = len(pins(SERVING))
    environ = {**os.environ, "FOLDLOG_LISTEN": "127.0.0.1:0", "FOLDLOG_DATA": str(tmp_path / "data")}
    output = tmp_path / "printed"
    make = ["make", f"VENV={tmp_path / 'venv'}", "run"]
    with output.open("w") as file, ended(make, file.fileno(), environ) as process:
        printed = wait_for(output, lambda text: "foldlog events tail" in text, process)
    told = re.findall(rf"^ *(\d+)/{count} [\w.-]+ [\w.]+$", printed, re.MULTILINE)
    assert [int(number) for number in told] == list(range(1, count + 1))
    assert printed.index("Making the environment") < printed.index(f"1/{count}")
    assert not list((tmp_path / "venv").rglob("pytest*"))
    examples = "import examples.demo.cli, examples.online_retail.cli"
    subprocess.run([tmp_path / "venv" / "bin" / "python", "-c", examples], cwd=ROOT, check=True)
