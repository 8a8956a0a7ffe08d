"""A server process to paste lines beside, once with each tool that calls it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.pasting import BIN, Served, served

_GRPCURL = "github.com/fullstorydev/grpcurl/cmd/grpcurl@latest"

# Understands grpcurl -plaintext -d DATA ADDRESS METHOD, which is how our documents write it.
_BY_BUF = f"""#!/bin/sh
exec "{BIN}/buf" curl --protocol grpc --http2-prior-knowledge -d "$3" "http://$4/$5"
"""


@pytest.fixture(scope="session")
def with_grpcurl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the real grpcurl."""
    present = shutil.which("grpcurl")
    if present:
        return Path(present).parent
    go = shutil.which("go")
    if go is None:
        pytest.skip("there is no grpcurl, and no Go to install it with")
    directory = tmp_path_factory.mktemp("grpcurl")
    installed = subprocess.run(
        [go, "install", _GRPCURL],
        env={**os.environ, "GOBIN": str(directory), "GOFLAGS": "-mod=mod"},
        cwd=directory,
        capture_output=True,
        text=True,
    )
    if installed.returncode:
        pytest.skip(f"grpcurl cannot be installed: {installed.stderr.strip().splitlines()[-1]}")
    return directory


@pytest.fixture(scope="session")
def with_buf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a grpcurl that is buf."""
    directory = tmp_path_factory.mktemp("buf")
    script = directory / "grpcurl"
    script.write_text(_BY_BUF)
    script.chmod(0o755)
    return directory


@pytest.fixture(params=["with_grpcurl", "with_buf"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, request.getfixturevalue(request.param)) as server:
        yield server
