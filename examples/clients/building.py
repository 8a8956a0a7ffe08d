"""Builds a program, or reports why it cannot be built."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from examples.clients.languages import Command, Language

_SECONDS = 900


class Skipped(Exception):
    """What the language needs is not on this machine, and cannot be fetched."""


class BuildFailed(Exception):
    """The program does not build; the text is the output of its tools."""


def build(language: Language) -> None:
    """Build the program, so that it can be run. Raises Skipped or BuildFailed."""
    for tool in language.tools:
        if shutil.which(tool, path=environment()["PATH"]) is None:
            raise Skipped(f"{tool} is not on this machine")
    for command in language.fetch:
        failure = _failure(language, command)
        if failure is not None:
            raise Skipped(f"{' '.join(command)}: {_most_relevant_line(failure)}")
    for command in language.build:
        failure = _failure(language, command)
        if failure is not None:
            raise BuildFailed(f"{' '.join(command)}:\n{failure}")


def environment() -> dict[str, str]:
    """Return the environment variables, with the commands of the project's own environment first in
    the PATH."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path}


def _failure(language: Language, command: Command) -> str | None:
    """Run a command, and return its output if it failed; None if it did not."""
    variables = environment()
    # Looked up here: subprocess searches the PATH of this process, not the one that it passes on.
    program = shutil.which(command[0], path=variables["PATH"])
    if program is None:
        return f"{command[0]}: no such command"
    try:
        done = subprocess.run(
            (program, *command[1:]),
            cwd=language.directory,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"not done within {_SECONDS} seconds"
    return None if done.returncode == 0 else done.stdout


def _most_relevant_line(output: str) -> str:
    """Return the first line that mentions an error, else the last: Maven and npm end with links."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return next(iter(errors + lines[-1:]), "it failed without output")
