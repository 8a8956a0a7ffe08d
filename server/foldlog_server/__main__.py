"""The `foldlog` command, also as `python -m foldlog_server`; without the extra `server`, it says so."""

import sys
from importlib.util import find_spec
from typing import NoReturn

NEEDED = ("aiosqlite", "filelock", "grpc_health", "grpc_reflection", "msgspec", "rich", "typer")
"""The modules of the extra `server` that the command cannot do without."""


def main() -> NoReturn:
    """Run the command line and exit."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        sys.exit(
            f"foldlog: The server is not installed: no {', '.join(missing)}. "
            "Run: pip install 'foldlog[server]'"
        )
    try:
        # Imported here: it needs the extra.
        from foldlog_server import cli

        cli.main()
    except KeyboardInterrupt:  # before there is somebody to stop in order
        sys.exit(130)


if __name__ == "__main__":
    main()
