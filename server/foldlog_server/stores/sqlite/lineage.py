"""Reads which runs wrote a log, and which logs it descends from."""

import sqlite3

from foldlog_server.log.lineage import Lineage
from foldlog_server.stores.sqlite.source import read_origin


def read_lineage(connection: sqlite3.Connection) -> Lineage:
    """The lineage of a log."""
    origin = read_origin(connection)
    return Lineage(origin.log_id, origin.openings, origin.ancestors)
