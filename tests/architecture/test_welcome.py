"""What `foldlog serve --examples` prints works as pasted."""

import re
from pathlib import Path

import pytest

from tests.architecture.pasting import Served

pytestmark = pytest.mark.slow


def test_the_lines_work_as_pasted(server: Served, tmp_path: Path) -> None:
    [grpcurl] = re.findall(r"^grpcurl .*?/CreateOrder$", server.printed, re.MULTILINE | re.DOTALL)
    [python] = re.findall(r"^\.venv/bin/python .*?^END$", server.printed, re.MULTILINE | re.DOTALL)
    [tail] = re.findall(r"^\.venv/bin/foldlog .*$", server.printed, re.MULTILINE)

    assert "foldlog.orders.v1.ItemAdded" in server.paste(grpcurl)
    assert "status: ORDER_STATUS_DRAFT" in server.paste(python)
    server.paste_and_watch(tail, "ItemAdded", tmp_path / "tailed")
