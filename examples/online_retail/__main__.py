"""`python -m examples.online_retail`; see `cli.py`."""

import sys

if __name__ == "__main__":
    try:
        from examples.online_retail.cli import run  # takes long enough to be interrupted

        run()
    except KeyboardInterrupt:
        sys.exit(130)
