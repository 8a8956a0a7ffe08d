"""`python -m foldlog_server` is the `foldlog` command."""

from foldlog_server.cli import main

main()
