"""Every log line of the server obeys `--log-level`, which sets the level of the logger "foldlog"."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[2] / "server" / "foldlog_server"
FILES = sorted(SERVER.rglob("*.py"))


def loggers_of(file: Path) -> Iterator[str]:
    """The name that each call of `getLogger` asks for, as it is written."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("getLogger"):
            yield ast.unparse(node)


def is_below_foldlog(call: str) -> bool:
    """Whether a call asks for the logger "foldlog" or one below it."""
    return call.startswith(("logging.getLogger('foldlog')", "logging.getLogger('foldlog."))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SERVER)))
def test_a_module_logs_below_the_logger_foldlog(file: Path) -> None:
    """A logger named after its module would be "foldlog_server.…", which `--log-level` does not reach."""
    assert [call for call in loggers_of(file) if not is_below_foldlog(call)] == []


def test_loggers_are_found() -> None:
    """The test above sees what it is about."""
    assert sum(len(list(loggers_of(file))) for file in FILES) > 10
