"""A signal that comes before anybody could stop in order ends the process, wherever Python is."""

import signal
import subprocess
import sys

import pytest

# Runs the command with something in place of all that it would load; `{first}` comes before it.
_COMMAND = """
import os, signal, sys, types
{first}
class Dying:
    def __del__(self):
        os.kill(os.getpid(), int(sys.argv[1]))
        for _ in range(1000):  # Python looks for signals between its steps
            pass
def loaded():
    Dying()
    print("went on")
import foldlog_server
foldlog_server.cli = sys.modules["foldlog_server.cli"] = types.ModuleType("foldlog_server.cli")
foldlog_server.cli.main = sys.modules["foldlog_server.cli.main"] = types.ModuleType("foldlog_server.cli.main")
foldlog_server.cli.main.main = loaded
from foldlog_server.__main__ import main
main()
"""

ENDING = [signal.SIGINT, signal.SIGTERM]


def run(number: int, first: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _COMMAND.format(first=first), str(int(number))]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_it_where_python_would_lose_an_exception(number: signal.Signals) -> None:
    done = run(number)
    assert (done.returncode, done.stdout, done.stderr) == (-number, "", "")


@pytest.mark.parametrize("number", ENDING)
def test_it_ends_also_as_the_first_process_of_a_container(number: signal.Signals) -> None:
    """For which the system does nothing: the process must end itself."""
    renamed = "own, kill = os.getpid(), os.kill"
    as_first = "os.getpid, os.kill = lambda: 1, lambda _, number: kill(own, number)"
    done = run(number, f"{renamed}\n{as_first}")
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", "")


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_that_its_parent_ignores_stays_ignored(number: signal.Signals) -> None:
    done = run(number, "signal.signal(int(sys.argv[1]), signal.SIG_IGN)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")
