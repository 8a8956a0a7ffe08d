"""Checks whether the extra `server` is installed: the client's installation has this package without it."""

from importlib.util import find_spec

NEEDED = ("aiosqlite", "filelock", "grpc_health", "grpc_reflection", "msgspec", "rich", "typer")
"""The modules of the extra that a server needs."""


def missing() -> str:
    """A line that says what to install; empty if nothing is missing."""
    names = [name for name in NEEDED if find_spec(name) is None]
    if not names:
        return ""
    return (
        f"The server is not installed: no {', '.join(names)}. "
        "Run: pip install 'foldlog[server]' (from a checkout of it: pip install '.[server]')"
    )
