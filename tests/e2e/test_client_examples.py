"""The example clients of other languages see everything once, through kills of their server."""

import subprocess
import sys
from pathlib import Path

import pytest

from examples.clients.languages import LANGUAGES

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_sees_everything_once_through_kills_of_its_server(language: str) -> None:
    done = subprocess.run(
        (sys.executable, "-m", "examples.clients", language), cwd=ROOT, capture_output=True, text=True
    )
    told = done.stdout + done.stderr
    [*_, verdict] = done.stdout.splitlines()
    if verdict.startswith(f"{language}: skipped: "):
        pytest.skip(verdict)
    assert done.returncode == 0, told
    assert verdict.startswith(f"{language}: passed"), told
