"""A server process to paste lines beside, once with each tool that calls it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.pasting import BIN, Served, served
from tests.support.tools import GRPCURL, tool

# Understands grpcurl -plaintext -d DATA ADDRESS METHOD, which is how our documents write it.
_BY_BUF = f"""#!/bin/sh
exec "{BIN}/buf" curl --protocol grpc --http2-prior-knowledge -d "$3" "http://$4/$5"
"""


@pytest.fixture(scope="session")
def with_grpcurl() -> Path:
    """A directory with the real grpcurl."""
    return tool(GRPCURL).parent


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
