"""The `foldlog` command, also run by `python -m foldlog_server`; it needs the extra `server`.

Without the extra it says in one line what to install.
"""

# Only modules that Python has loaded already: the less runs before `main`, the sooner Ctrl-C is safe.
import io
import os
import sys


def main() -> None:
    """Run the command line and exit."""
    from foldlog_server import ending

    ending.end_at_ctrl_c()
    from foldlog_server.installed import missing

    _make_streams_safe()
    if reason := missing():
        sys.exit(f"foldlog: {reason}")
    try:
        # Imported here: it needs the extra.
        from foldlog_server.cli.main import main as run

        run()
    except KeyboardInterrupt:  # from a command that cleans up after itself
        sys.exit(130)


def _make_streams_safe() -> None:
    """Make sure that all three standard streams are open, and that none fails at a character."""
    # Without this, the next file that gRPC or libuv opens would get the number of a closed stream (`<&-`).
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    sys.stdin = sys.stdin or open(0, encoding="utf-8")  # noqa: SIM115 it stays open until the end
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
