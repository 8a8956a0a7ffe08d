"""The README works as pasted."""

import re
from pathlib import Path

import pytest

from tests.architecture import snippets
from tests.architecture.documents import ROOT, fences
from tests.architecture.pasting import Served

README = ROOT / "README.md"
FOLLOWS = re.compile(r"EventService/Subscribe|foldlog events tail")

pytestmark = pytest.mark.slow


def test_the_first_commands_are_targets_of_make() -> None:
    commands = [line.partition("#")[0].split() for line in fences(README, "")[0].splitlines()]
    assert commands == [["make", "run"], ["make", "test"]]
    for _, target in commands:
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_what_is_pasted_into_a_shell_does_what_it_says(server: Served, tmp_path: Path) -> None:
    place, follow, from_python, watch, tail = fences(README, "sh")

    assert '"replayed"' not in server.paste(place)
    assert '"replayed": true' in server.paste(place)
    server.paste_and_watch(follow, "OrderCreated", tmp_path / "followed")
    assert "foldlog.orders.v1.OrderSubmitted" in server.paste(from_python)
    server.paste_and_watch(watch, "'1001': 2", tmp_path / "watched")
    server.paste_and_watch(tail, "OrderSubmitted", tmp_path / "tailed")


async def test_the_python_snippets_run_one_after_the_other(server: Served) -> None:
    await snippets.run(README, server.address)
