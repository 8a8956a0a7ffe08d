"""The wheel and the sdist, built as `make dist` does, and environments that have nothing else."""

import subprocess
import sys
import venv
from pathlib import Path

import foldlog_server

VERSION = foldlog_server.__version__
WHEEL = f"foldlog-{VERSION}-py3-none-any.whl"
SDIST = f"foldlog-{VERSION}.tar.gz"


def build(root: Path, directory: Path) -> Path:
    """Build both into a directory, which is given back."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", directory, cwd=root)
    return directory


def environment(directory: Path, *requirements: str) -> Path:
    """An environment with these and what they need; gives its directory of programs."""
    venv.create(directory, symlinks=True)
    bin = directory / "bin"
    run(sys.executable, "-m", "pip", "--python", bin / "python", "install", "--quiet", *requirements)
    return bin


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
