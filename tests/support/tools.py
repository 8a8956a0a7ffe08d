"""Tools of other projects that some tests call: from the PATH, or else built or fetched, and kept in `.tools`."""

import asyncio
import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.wire import SECONDS

BUF = Path(sys.executable).with_name("buf")
KEPT = Path(__file__).parents[2] / ".tools"

GRPCURL = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3"
_PROTOC = "36.2"
_LEAST_PROTOC = 35
PROTOC_GEN_GO = "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12"
PROTOC_GEN_GO_GRPC = "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2"


def tool(package: str) -> Path:
    """The program of a Go package, such as `GRPCURL`; skips the test, with the reason, if it cannot be had."""
    path, _, version = package.partition("@")
    name = path.rpartition("/")[2]
    present = shutil.which(name)
    if present:
        return Path(present)
    kept = KEPT / f"{name}-{version}" / name
    _skip_for(_built(package, kept))
    return kept


def protoc() -> Path:
    """A protoc that takes the protos that buf brings along; grpcio-tools has none but Python's generators.

    Skips the test, with the reason, if there is none.
    """
    present = shutil.which("protoc")
    if present and _version(present) >= _LEAST_PROTOC:
        return Path(present)
    kept = KEPT / f"protoc-{_PROTOC}" / "protoc"
    _skip_for(_copied(kept))
    return kept


def _skip_for(reason: str) -> None:
    if reason:
        pytest.skip(reason)


def _version(protoc: str) -> int:
    said = subprocess.run([protoc, "--version"], capture_output=True, text=True).stdout
    return int(said.split()[-1].partition(".")[0])


@cache
def _built(package: str, program: Path) -> str:
    """Why there is no program; tried once, as it takes long to fail without a network."""
    if program.exists():
        return ""
    go = shutil.which("go")
    if go is None:
        return f"there is no {program.name} on the PATH, and no Go to install it with"
    program.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(program.parent), "GOFLAGS": "-mod=mod"}
    done = subprocess.run(
        [go, "install", package], env=environment, cwd=program.parent, capture_output=True, text=True
    )
    return f"{program.name} cannot be installed: {_last_line(done.stderr)}" if done.returncode else ""


@cache
def _copied(program: Path) -> str:
    """Why there is no protoc: Maven Central has it for each system."""
    if program.exists():
        return ""
    maven = shutil.which("mvn")
    if maven is None:
        return f"there is no protoc {_LEAST_PROTOC} or later on the PATH, and no Maven to have it from"
    system = {"Linux": "linux", "Darwin": "osx"}.get(platform.system(), "windows")
    machine = {"aarch64": "aarch_64", "arm64": "aarch_64"}.get(platform.machine(), "x86_64")
    program.parent.mkdir(parents=True, exist_ok=True)
    copy = [
        *(maven, "-q", "-B", "dependency:copy", "-Dmdep.stripVersion=true"),
        f"-Dartifact=com.google.protobuf:protoc:4.{_PROTOC}:exe:{system}-{machine}",
        f"-DoutputDirectory={program.parent}",
    ]
    done = subprocess.run(copy, cwd=program.parent, capture_output=True, text=True)
    if done.returncode:
        return f"protoc cannot be had from Maven: {_last_line(done.stdout + done.stderr)}"
    [copied] = program.parent.glob("protoc-*.exe")
    copied.chmod(0o755)
    copied.rename(program)
    return ""


def _last_line(text: str) -> str:
    return (text.strip() or "it does not say why").splitlines()[-1]


class Said(NamedTuple):
    """How a tool ended, and what it printed."""

    code: int
    output: str
    errors: str


async def called(*command: object) -> Said:
    """Run a tool beside a server that is in the loop of this test."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Said(process.returncode, output.decode(), errors.decode())
