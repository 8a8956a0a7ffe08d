"""Tells a full disk from what else can go wrong."""

import errno
import sqlite3

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


def is_full(error: OSError | sqlite3.Error) -> bool:
    """Whether there was no room for what was to be written."""
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    # Errors that Python's own code raises carry no code of SQLite's.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
