"""Limits connections, so that they leave the server the file descriptors that it needs itself."""

import os
import sys

OWN_DESCRIPTORS = 80
"""Descriptors for the log, the views and snapshots, a view that is being rebuilt, and short-lived files."""

FEWEST = 8
"""Connections that are accepted in any case."""


def most_connections() -> int:
    """Return how many descriptors this process may open, less what the server needs; 0 = unlimited."""
    if sys.platform == "win32":
        return 0
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return 0
    return min(max(FEWEST, limit - _open_descriptors() - OWN_DESCRIPTORS), 2**31 - 1)


def _open_descriptors() -> int:
    """Return the open descriptors of this process; where the system cannot say, as many as before serving."""
    try:
        return len(os.listdir("/dev/fd"))
    except OSError:
        return 16
