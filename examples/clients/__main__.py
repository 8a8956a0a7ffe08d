"""`python -m examples.clients`; see `cli.py`."""

import sys

if __name__ == "__main__":
    try:
        from examples.clients.cli import main  # takes long enough to be interrupted

        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
