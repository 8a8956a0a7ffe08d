"""Reads text that SQLite returns; text whose type or bytes have changed is damage, not a defect of ours."""

import sqlite3


def text_of(stored: object) -> str:
    """The text of a column, which is given as bytes or as text; raises `sqlite3.DatabaseError` (CORRUPT) for
    anything else."""
    if isinstance(stored, str):
        return stored
    try:
        if isinstance(stored, bytes):
            return stored.decode()
        reason = f"text is stored as {type(stored).__name__}"
    except UnicodeDecodeError:
        reason = f"text is not UTF-8: {stored!r}"
    damage = sqlite3.DatabaseError(reason)
    damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    raise damage
