"""`python -m examples.demo`; see `cli.py`."""

import sys

if __name__ == "__main__":
    try:
        from examples.demo.cli import main  # takes long enough to be interrupted

        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
