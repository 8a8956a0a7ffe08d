"""Foldlog as processes of their own, for what one process cannot show: kills, and two releases."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SRC = Path(__file__).parents[1] / "src"
TESTS = Path(__file__).parent
DOMAIN = ("--no-shop", "--domain", "enrolment.domain:ENROLMENT")


def run(arguments: Sequence[object], path: Sequence[Path] = (SRC,)) -> "subprocess.CompletedProcess[str]":
    """Run Python with the modules of some directories, and wait for its end."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=environment(path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def foldlog(*arguments: object, path: Sequence[Path] = (SRC,)) -> "subprocess.CompletedProcess[str]":
    """Run the command `foldlog`, and wait for its end."""
    return run(["-m", "foldlog_server", *arguments], path)


@contextmanager
def served(
    data: Path, listen: str = "127.0.0.1:0", path: Sequence[Path] = (SRC,)
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A server over a directory, and its address; it is killed at the end, unless it has ended."""
    command = ["-m", "foldlog_server", "serve", *DOMAIN, "--data", str(data), "--listen", listen]
    with subprocess.Popen(
        [sys.executable, *command], env=environment(path), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            address = re.search(r"127\.0\.0\.1:\d+", said)
            assert address is not None, said
            yield process, address.group()
        finally:
            process.kill()


def environment(path: Sequence[Path]) -> dict[str, str]:
    """The variables of this process, but for those of Foldlog."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("FOLDLOG_")}
    return {**others, "PYTHONPATH": os.pathsep.join(map(str, path))}
