"""Distinguishes damage of a view's file from all other errors."""

import sqlite3

from foldlog_server.stores.causes import DAMAGE, cause_of, code_of
from foldlog_server.views.read_model import ReadModelDamaged

_STRUCTURE = {
    sqlite3.SQLITE_ERROR: "a table or column is missing",
    sqlite3.SQLITE_CONSTRAINT: "it contradicts itself",
    sqlite3.SQLITE_MISMATCH: "it contradicts itself",
}
"""By the primary code. Our statements are right for every undamaged file."""

_EXTENDED = {sqlite3.SQLITE_READONLY_DBMOVED: "it was removed or moved"}


def as_damage(error: Exception) -> ReadModelDamaged | None:
    """The damage that an error means; None if it means something else."""
    if isinstance(error, ReadModelDamaged):
        return error
    if not isinstance(error, sqlite3.Error):
        return None
    if cause_of(error) in DAMAGE:
        return ReadModelDamaged(f"SQLite says: {error}")
    code = code_of(error)
    if not code:  # Python's own error for text that is not UTF-8
        return ReadModelDamaged(str(error)) if "UTF-8" in str(error) else None
    found = _EXTENDED.get(code) or _STRUCTURE.get(code & 0xFF)
    return ReadModelDamaged(f"{found}: {error}") if found else None
