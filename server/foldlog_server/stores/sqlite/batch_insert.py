"""Inserts a whole batch with one statement, through a temporary SQL view with triggers.

The triggers insert the parts of a row into their tables. With one statement per table, sqlite3 released the
interpreter a dozen times a batch, and had to get it back from a busy event loop each time: commands took a
twelfth longer.
"""

import sqlite3
from collections.abc import Sequence

from foldlog_server.stores.sqlite.statements import Blob, Statement, Value, over, statement
from foldlog_server.stores.store_errors import ERRORS, NotCommitted

_CREATE = [
    statement(name)
    for name in ("create_appended", "create_append_event", "create_append_stream", "create_append_type")
]
_CREATE_REQUEST = statement("create_append_request")
_DROP_REQUEST = statement("drop_append_request")
_INSERT = statement("insert_appended")

EventRow = tuple[int, int, int, int, Blob, int, Blob, str | int, str | int]
"""Position, stream, version, type, record, checksum, chain; the names of stream and type if new, else 0."""

RequestRow = tuple[int, Blob, Blob, str, int]
"""Number in its table, key, fingerprint, outcome, checksum."""

# 0 instead of None, which takes longer to bind: see `Blob`.
_NO_EVENT: Sequence[Value] = (0,) * 5
_NO_REQUEST: Sequence[Value] = (0,) * 4


def set_up(connection: sqlite3.Connection) -> None:
    """Create the view and its triggers; they are temporary: only this connection sees them."""
    for create in _CREATE:
        connection.execute(create)


def insert_requests_into(connection: sqlite3.Connection, partition: str) -> None:
    """From now on, insert requests into this partition."""
    connection.execute(_DROP_REQUEST)
    connection.execute(_CREATE_REQUEST.replace("{partition}", partition))


def commit(
    connection: sqlite3.Connection,
    events: Sequence[EventRow],
    requests: Sequence[RequestRow],
    others: Sequence[Statement] = (),
) -> None:
    """Store rows, and run the `others`, in one transaction; it is on disk when this returns.

    Raises `NotCommitted` if it failed before the commit began.
    """
    rows = [(*event, *_NO_REQUEST) for event in events] + [_row(*request) for request in requests]
    statements = [*over(rows, _INSERT), *others]
    if len(statements) == 1:
        connection.execute(*statements[0])
    elif statements:
        try:
            connection.execute("BEGIN IMMEDIATE")
            for one in statements:
                connection.execute(*one)
        except sqlite3.IntegrityError:
            raise
        except ERRORS as error:
            raise NotCommitted from error
        connection.execute("COMMIT")


def _row(number: int, key: Blob, fingerprint: Blob, outcome: str, crc: int) -> tuple[Value, ...]:
    return (*_NO_EVENT, crc, 0, 0, 0, number, key, fingerprint, outcome)
