"""Tools of other projects that some tests call: from the PATH, or else built with Go and kept in `.tools`."""

import asyncio
import os
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
PROTOC_GEN_GO = "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12"
PROTOC_GEN_GO_GRPC = "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2"


@cache
def tool(package: str) -> Path:
    """The program of a Go package, such as `GRPCURL`; skips the test, with the reason, if it cannot be had."""
    path, _, version = package.partition("@")
    name = path.rpartition("/")[2]
    present = shutil.which(name)
    if present:
        return Path(present)
    kept = KEPT / f"{name}-{version}" / name
    if not kept.exists():
        _install(package, kept)
    return kept


def _install(package: str, program: Path) -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip(f"there is no {program.name} on the PATH, and no Go to install it with")
    program.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(program.parent), "GOFLAGS": "-mod=mod"}
    done = subprocess.run(
        [go, "install", package], env=environment, cwd=program.parent, capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"{program.name} cannot be installed: {done.stderr.strip().splitlines()[-1]}")


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
