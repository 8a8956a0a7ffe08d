"""Reads which runs wrote a log, and which logs it goes back to."""

import sqlite3

from foldlog_server.core.lineage import NO_RUN, RUN_BYTES, Lineage
from foldlog_server.stores.sqlite_source import read_origin
from foldlog_server.stores.statements import statement

_SELECT_CHAIN = statement("select_chain")


def read_lineage(connection: sqlite3.Connection) -> Lineage:
    """The lineage of a log that has been opened for writing."""
    origin = read_origin(connection)
    first = origin.openings[0].position
    return Lineage(origin.log_id, origin.openings, origin.ancestors, before=_run_before(connection, first))


def _run_before(connection: sqlite3.Connection, position: int) -> bytes:
    """Stands for the runs up to a position, which format 1 did not record: another history, another name."""
    found = connection.execute(_SELECT_CHAIN, (position,)).fetchone()
    return NO_RUN if found is None else bytes(found[0][:RUN_BYTES])
