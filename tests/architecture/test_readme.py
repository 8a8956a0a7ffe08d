"""The README, the page of the Python client and that of the command line work as pasted."""

import re
from pathlib import Path

import pytest

from tests.architecture import snippets
from tests.architecture.documents import ROOT, fences
from tests.architecture.pasting import Served

README = ROOT / "README.md"
PYTHON = ROOT / "docs" / "python.md"
COMMANDS = ROOT / "docs" / "command-line.md"

pytestmark = pytest.mark.slow


def test_the_first_commands_are_targets_of_make() -> None:
    commands = [line.partition("#")[0].split() for line in fences(README, "")[0].splitlines()]
    assert commands == [["make", "run"], ["make", "test"]]
    for _, target in commands:
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_what_is_pasted_into_a_shell_does_what_it_says(server: Served, tmp_path: Path) -> None:
    from_python, _, place, follow = fences(README, "sh")

    assert "foldlog.orders.v1.OrderSubmitted" in server.paste(from_python)
    assert '"replayed"' not in server.paste(place)
    assert '"replayed": true' in server.paste(place)
    server.paste_and_watch(follow, "OrderCreated", tmp_path / "followed")


def test_the_first_python_is_eight_lines() -> None:
    lines = fences(README, "sh")[0].splitlines()
    assert len(lines) == 10, "and the two of the shell"


def test_the_pages_of_the_client_and_the_command_line_do_what_they_say(
    server: Served, tmp_path: Path
) -> None:
    from_python, watch = fences(PYTHON, "sh")
    [tail] = fences(COMMANDS, "sh")

    assert "foldlog.orders.v1.OrderSubmitted" in server.paste(from_python)
    server.paste_and_watch(watch, "{", tmp_path / "watched")
    server.paste_and_watch(tail, "OrderSubmitted", tmp_path / "tailed")


async def test_the_python_snippets_run_one_after_the_other(server: Served) -> None:
    await snippets.run(PYTHON, server.address)
