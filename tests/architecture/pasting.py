"""Runs lines as a person would paste them, beside a server process of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.documents import ROOT

BIN = Path(sys.executable).parent
SECONDS = 60
"""How long a pasted line may take to do what it says."""

_USUAL_ADDRESS = "127.0.0.1:50051"


@dataclass(frozen=True, slots=True)
class Served:
    """A running server, and a directory that stands first on the PATH of what is pasted."""

    address: str
    printed: str
    """What the server printed when it was ready."""
    tools: Path
    bin: Path = BIN
    """Of the environment that stands for .venv."""

    def paste(self, lines: str) -> str:
        """What the lines print; they must succeed."""
        done = subprocess.run(
            self._shell(lines), env=self._env, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def paste_and_watch(self, lines: str, until: str, output: Path) -> None:
        """Leave the lines running until they have printed this, then end them."""
        with output.open("w") as file, ended(self._shell(lines), file.fileno(), self._env) as process:
            wait_for(output, lambda text: until in text, process)

    def _shell(self, lines: str) -> list[str]:
        here = lines.replace(_USUAL_ADDRESS, self.address).replace(".venv/bin/", f"{self.bin}/")
        return ["sh", "-ec", here]

    @property
    def _env(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.tools}{os.pathsep}{os.environ['PATH']}"}


@contextmanager
def served(directory: Path, tools: Path, bin: Path = BIN) -> Iterator[Served]:
    """Serve an empty log in a directory, on any free port, as `make run` does."""
    serve = [str(bin / "foldlog"), "serve", "--examples"]
    serve += ["--listen", "127.0.0.1:0", "--data", str(directory / "data")]
    output = directory / "printed"
    with output.open("w") as file, ended(serve, file.fileno(), dict(os.environ)) as process:
        printed = wait_for(output, lambda text: "foldlog events tail" in text, process)
        address = printed.partition(" at ")[2].partition(". ")[0]
        yield Served(address, printed, tools, bin)


@contextmanager
def ended(
    command: list[str], stdout: int, env: dict[str, str], cwd: Path = ROOT
) -> Iterator[subprocess.Popen[bytes]]:
    """A process group that ends with the block, as if by Ctrl-C."""
    process = subprocess.Popen(
        command, stdout=stdout, stderr=subprocess.STDOUT, env=env, cwd=cwd, start_new_session=True
    )
    try:
        yield process
    finally:
        for number in (signal.SIGINT, signal.SIGKILL):
            if process.poll() is None:
                os.killpg(process.pid, number)
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    continue


def wait_for(output: Path, enough: Callable[[str], bool], process: subprocess.Popen[bytes]) -> str:
    """What was printed, as soon as it is enough."""
    deadline = time.monotonic() + SECONDS
    while not enough(text := output.read_text()):
        assert process.poll() is None, f"it ended too early:\n{text}"
        assert time.monotonic() < deadline, f"it printed no more than:\n{text}"
        time.sleep(0.05)
    return text
