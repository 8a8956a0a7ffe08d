"""What a batch stores, as rows of one view of the writer's own: most batches are one statement.

Triggers put a row's parts where they belong. Statement by statement and table by table, sqlite3 let go of the
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
"""Position, stream, version, type, record, checksum, chain; the names of stream and type, 0 where known."""

RequestRow = tuple[int, Blob, Blob, str, int]
"""Number in its table, key, fingerprint, outcome, checksum."""

# Not None, which takes longer to bind: see `Blob`.
_NO_EVENT: Sequence[Value] = (0,) * 5
_NO_REQUEST: Sequence[Value] = (0,) * 4


def set_up(connection: sqlite3.Connection) -> None:
    """Make the view; it is seen by this connection alone, and goes with it."""
    for create in _CREATE:
        connection.execute(create)


def remember_in(connection: sqlite3.Connection, partition: str) -> None:
    """Have requests go into a partition from now on."""
    connection.execute(_DROP_REQUEST)
    connection.execute(_CREATE_REQUEST.replace("{partition}", partition))


def commit(
    connection: sqlite3.Connection,
    events: Sequence[EventRow],
    requests: Sequence[RequestRow],
    others: Sequence[Statement] = (),
) -> None:
    """Store rows, and what `others` say, in one transaction; it is on disk when this returns.

    Raises `NotCommitted` where something went wrong before all of it was to be committed.
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
