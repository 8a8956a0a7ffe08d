"""The `foldlog` command.

Exit codes: 0 it worked; 1 it failed, with a line on stderr that says why; 2 the command line is wrong.
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
from foldlog_server.cli import copies, running, serving, stored, generating  # noqa: F401

# isort: on


def main() -> NoReturn:
    """Run the command line and exit."""
    # gRPC's C core writes lines of its own to stderr unless it is told not to before it is loaded.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    for line in misspelt(os.environ):
        print(f"foldlog: {printable(line)}", file=sys.stderr)
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has had enough
        discard_output()
    except OSError as error:  # such as a full disk behind the output
        discard_output()
        print(f"foldlog: {printable(str(error))}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)
