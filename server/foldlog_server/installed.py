"""Whether the extra `server` is installed: the client comes without it, and with it this package."""

from importlib.util import find_spec

NEEDED = ("aiosqlite", "filelock", "grpc_health", "grpc_reflection", "msgspec", "rich", "typer")
"""The modules of the extra that a server cannot do without."""


def missing() -> str:
    """One line on what to install before there is a server; empty if there is one."""
    names = [name for name in NEEDED if find_spec(name) is None]
    if not names:
        return ""
    return (
        f"The server is not installed: no {', '.join(names)}. "
        "Run: pip install 'foldlog[server]' (from a checkout of it: pip install '.[server]')"
    )
