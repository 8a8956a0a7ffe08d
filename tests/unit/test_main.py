"""The `foldlog` command where a part of the extra `server` is not installed."""

import importlib.metadata
import subprocess
import sys
import tomllib

import pytest

from foldlog_server.__main__ import main
from foldlog_server.cli import main as cli
from foldlog_server.installed import NEEDED
from tests.architecture.documents import ROOT

# Runs the command with some modules as good as absent.
_WITHOUT = """
import runpy, sys
missing, *sys.argv[1:] = sys.argv[1:]
sys.modules.update(dict.fromkeys(missing.split()))
runpy.run_module("foldlog_server", run_name="__main__", alter_sys=True)
"""


def without(missing: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _WITHOUT, missing, *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("missing", ["typer", "aiosqlite", " ".join(NEEDED)])
@pytest.mark.parametrize("argument", ["serve", "--version"])
def test_what_to_install_is_told_in_one_line(missing: str, argument: str) -> None:
    done = without(missing, argument)
    assert (done.returncode, done.stdout) == (1, "")
    [told] = done.stderr.splitlines()
    assert told.startswith(f"foldlog: The server is not installed: no {missing.replace(' ', ', ')}.")
    assert told.endswith("pip install 'foldlog[server]' (from a checkout of it: pip install '.[server]')")


def test_with_all_of_it_the_command_runs() -> None:
    done = without("uvloop", "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("foldlog ")


def test_all_of_the_extra_is_looked_for_but_what_is_optional() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {line.partition(">=")[0] for line in project["optional-dependencies"]["server"]} - {"uvloop"}
    distributions = importlib.metadata.packages_distributions()
    assert {distributions[name][0] for name in NEEDED} == wanted


def test_ctrl_c_before_anybody_could_stop_in_order_shows_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupted)
    with pytest.raises(SystemExit) as raised:
        main()
    assert raised.value.code == 130
