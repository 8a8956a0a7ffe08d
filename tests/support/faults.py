"""Errors of SQLite at the seam where sqlite3 gives them to us, for the statements that a test chooses."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from foldlog_server.stores import causes

_KINDS = {
    sqlite3.SQLITE_CORRUPT: sqlite3.DatabaseError,
    sqlite3.SQLITE_NOTADB: sqlite3.DatabaseError,
}


def sqlite_error(name: str) -> sqlite3.Error:
    """What sqlite3 raises for a result code, such as "FULL" or "IOERR_FSYNC"."""
    code: int = getattr(sqlite3, f"SQLITE_{name}")
    error = _KINDS.get(code & 0xFF, sqlite3.OperationalError)(f"as of SQLITE_{name}")
    error.sqlite_errorcode = code
    error.sqlite_errorname = f"SQLITE_{name}"
    return error


class FaultyConnection(sqlite3.Connection):
    """A connection whose statements meet what a test has planned."""

    meet: Callable[[str, str], None]

    def __init__(self, database: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(database, *arguments, **options)
        self.database = str(database)

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        type(self).meet(self.database, sql)
        return super().execute(sql, *parameters)


class Faults:
    """What is planned, for connections that are opened from now on."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.met = 0
        """How many statements met an error."""
        self._plan: Callable[[str, str], Exception | None] = lambda _database, _sql: None
        self._shortage: OSError | None = None
        connect = sqlite3.connect

        class Connection(FaultyConnection):
            meet = staticmethod(self._meet)

        def connect_faulty(*arguments: Any, **options: Any) -> sqlite3.Connection:
            return connect(*arguments, factory=Connection, **options)

        patch.setattr(sqlite3, "connect", connect_faulty)
        patch.setattr(causes, "try_to_write", self._probe)
        patch.setattr(causes, "try_to_open", self._probe)

    def plan(self, plan: Callable[[str, str], Exception | None], shortage: OSError | None = None) -> None:
        """Have statements meet what `plan` gives for a database and the text of the statement.

        `shortage` is what else the directory, or another file, meets meanwhile.
        """
        self._plan, self._shortage = plan, shortage

    def end(self) -> None:
        """Have all go well again."""
        self._plan, self._shortage = (lambda _database, _sql: None), None

    def _meet(self, database: str, sql: str) -> None:
        error = self._plan(database, sql)
        if error is not None:
            self.met += 1
            raise error

    def _probe(self, *_: object) -> None:
        if self._shortage is not None:
            raise self._shortage
