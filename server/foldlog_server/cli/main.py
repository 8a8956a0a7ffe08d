"""Runs the `foldlog` command.

Exit codes: 0 success; 1 failure, with a line on stderr that says why; 2 the command line is wrong.
"""

import os
import sys
from typing import NoReturn

from foldlog_server.cli.apps import app
from foldlog_server.cli.environment import misspelt
from foldlog_server.cli.output import discard_output
from foldlog_server.printable import printable

# isort: off
# For the commands that they add, in the order in which these are listed.
from foldlog_server.cli import copies, status, events, views, serve, checks, generating  # noqa: F401

# isort: on


def main() -> NoReturn:
    """Run the command line and exit."""
    # Must be set before gRPC is loaded: its C core otherwise writes lines of its own to stderr.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    for line in misspelt(os.environ):
        print(f"foldlog: {printable(line)}", file=sys.stderr)
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader of the output has closed it
        discard_output()
    except OSError as error:  # such as a full disk under the output
        discard_output()
        print(f"foldlog: {printable(str(error))}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)
