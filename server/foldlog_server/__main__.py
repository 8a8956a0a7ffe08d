"""The `foldlog` command, also as `python -m foldlog_server`; without the extra `server`, it says so."""

# Only what Python has loaded already: the less there is before `main`, the sooner Ctrl-C is safe.
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
        from foldlog_server import cli

        cli.main()
    except KeyboardInterrupt:  # of a command that cleans up behind itself
        sys.exit(130)


def _make_streams_safe() -> None:
    """Have all three standard streams, and none that fails for a character it cannot encode."""
    # What a shell closes (`<&-`) the next file would take the number of: gRPC and libuv must not.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    sys.stdin = sys.stdin or open(0, encoding="utf-8")  # noqa: SIM115 it is open until the end
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
