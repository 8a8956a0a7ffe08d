"""A program is built, or it is told why not."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from examples.clients.languages import Command, Language

_SECONDS = 900


class Skipped(Exception):
    """What the language needs is not on this machine, or cannot be had from here."""


class BuildFailed(Exception):
    """The program does not build; the text is what its tools said."""


def build(language: Language) -> None:
    """Have the program ready to be run. Raises Skipped or BuildFailed."""
    for tool in language.tools:
        if shutil.which(tool, path=environment()["PATH"]) is None:
            raise Skipped(f"{tool} is not on this machine")
    for command in language.fetch:
        failure = _failure(language, command)
        if failure is not None:
            raise Skipped(f"{' '.join(command)}: {_telling_line(failure)}")
    for command in language.build:
        failure = _failure(language, command)
        if failure is not None:
            raise BuildFailed(f"{' '.join(command)}:\n{failure}")


def environment() -> dict[str, str]:
    """The environment's variables, with the commands of the project's own environment before all others."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path}


def _failure(language: Language, command: Command) -> str | None:
    """What a command said that failed; None if it did not."""
    variables = environment()
    # Looked up by ourselves: subprocess looks in the PATH of this process, not in the one that it gives on.
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


def _telling_line(output: str) -> str:
    """The first line that speaks of an error, or else the last: Maven and npm end with where to read more."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return next(iter(errors + lines[-1:]), "it failed and said nothing")
