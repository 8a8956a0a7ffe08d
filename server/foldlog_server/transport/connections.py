"""How many connections are taken, so that they leave the server the descriptors that it needs itself."""

import os
import sys

OWN_DESCRIPTORS = 80
"""For the log, the views and snapshots, a view that is being built anew, and what comes and goes."""

FEWEST = 8
"""Connections that are taken in any case."""


def most_connections() -> int:
    """As many as the system lets this process open, less what it needs; 0 = as many as come."""
    if sys.platform == "win32":
        return 0
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return 0
    return min(max(FEWEST, limit - _open_descriptors() - OWN_DESCRIPTORS), 2**31 - 1)


def _open_descriptors() -> int:
    """Of this process; as many as there are before anything is served, where that cannot be asked."""
    try:
        return len(os.listdir("/dev/fd"))
    except OSError:
        return 16
