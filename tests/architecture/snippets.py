"""Runs a document's Python snippets one after the other, beside a server, as if they were one program.

Also by itself, where nothing but the client is installed: `python -m tests.architecture.snippets docs/python.md ADDRESS`.
"""

import ast
import asyncio
import sys
from pathlib import Path
from typing import Any

import foldlog_client
from tests.architecture.documents import fences


async def run(document: Path, address: str) -> None:
    """Run them, with a `client` of the server at an address."""
    snippets = fences(document, "python")
    assert snippets
    async with foldlog_client.connect(address) as client:
        names: dict[str, Any] = {"client": client, "foldlog_client": foldlog_client}
        for snippet in snippets:
            snippet = snippet.replace("127.0.0.1:50051", address)
            code = compile(snippet, str(document), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            running = eval(code, names)
            if running is not None:
                await running


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2]))
