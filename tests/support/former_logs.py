"""Logs as former releases have written them."""

import sqlite3
from pathlib import Path

from foldlog_server.stores.sqlite import schema
from foldlog_server.stores.sqlite.statements import statement


def change(directory: Path, *statements: str) -> None:
    connection = sqlite3.connect(directory / "log.db", isolation_level=None)
    for sql in statements:
        connection.execute(sql)
    connection.close()


def make_format_1(directory: Path, now: int) -> None:
    """Make a log one that an older release has written, as of a time in nanoseconds since the epoch."""
    quarter = 6 * 3600 * 10**9  # of the window
    new, former = f"requests_until_{quarter:020}", f"requests_until_{now + quarter:020}"
    change(
        directory,
        *(f"DROP TABLE {table}" for table in schema.TABLES_OF_2),
        "DROP VIEW requests",
        statement("create_partition_of_1").format(partition=former),  # it named partitions by the clock
        f"INSERT INTO {former} SELECT key, fingerprint, outcome FROM {new}",
        f"DROP TABLE {new}",
        f"CREATE VIEW requests AS SELECT key, fingerprint, outcome FROM {former}",
        "PRAGMA user_version = 1",
    )
