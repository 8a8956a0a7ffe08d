"""Remembers requests in partitions of time served: the newest takes inserts, and the oldest is dropped whole.

Random keys in one index as large as the window would cost more than half of the append rate. A partition is
named after the time until which it takes records, so nothing in it is newer, whatever the window was when it
was made. That time is how long the log has been served: a wall clock that leaps once would have all of them
dropped. The view `requests` is made anew with them, so that readers need not know their names.
"""

import json
import sqlite3
from collections.abc import Sequence

from foldlog_server.core.event_store import RecordedRequest, StreamRange
from foldlog_server.stores import sqlite_appended
from foldlog_server.stores.sqlite_appended import RequestRow
from foldlog_server.stores.statements import Blob, over, statement

PARTITIONS = 4
"""How many partitions a window is divided into."""

_PREFIX = "requests_until_"
_CREATE = statement("create_partition")
_DROP = statement("drop_partition")
_CREATE_VIEW = statement("create_requests")
_DROP_VIEW = statement("drop_requests")
_SELECT = statement("select_request")
_SELECT_RECORDED = statement("select_recorded")
_SELECT_PARTITIONS = statement("select_partitions")

_outcome = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def request_row(key: bytes, recorded: RecordedRequest) -> RequestRow:
    """The outcome is JSON: [[stream, first, last], …]."""
    return Blob(key), Blob(recorded.fingerprint), _outcome(recorded.streams)


def find(connection: sqlite3.Connection, key: bytes) -> RecordedRequest | None:
    """What is recorded under a key in any live partition."""
    row = connection.execute(_SELECT, (key,)).fetchone()
    if row is None:
        return None
    fingerprint, outcome = row
    return RecordedRequest(fingerprint, tuple(StreamRange(*item) for item in json.loads(outcome)))


def create(connection: sqlite3.Connection, served: int, window_ns: int) -> None:
    """Make the first partition."""
    make_view(connection, [_add(connection, served, window_ns)])


def ends_of_former(connection: sqlite3.Connection) -> list[int]:
    """Until when each partition but the newest took records."""
    return [_end(name) for (name,) in connection.execute(_SELECT_PARTITIONS).fetchall()[1:]]


class RequestPartitions:
    """The live partitions, as the writer sees them."""

    def __init__(self, connection: sqlite3.Connection, window_ns: int) -> None:
        self._connection = connection
        self._window_ns = window_ns
        self.reload()

    def reload(self) -> None:
        """Read the partitions' names again, as after a rollback."""
        self._use([name for (name,) in self._connection.execute(_SELECT_PARTITIONS)])

    def advance(self, served: int) -> None:
        """Make a new partition when the newest takes no more, and drop those older than the window.

        Time served that goes back, as after a crash, changes nothing: the newest partition goes on.
        """
        if served < self._change_at:
            return
        live = [name for name in self._names if _end(name) + self._window_ns > served]
        self._connection.execute("BEGIN IMMEDIATE")
        for name in self._names[len(live) :]:
            self._connection.execute(_DROP.format(partition=name))
        if not live or served >= _end(live[0]):
            live.insert(0, _add(self._connection, served, self._window_ns))
        make_view(self._connection, live)
        self._connection.execute("COMMIT")
        self._use(live)

    def recorded(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those keys that are recorded in any live partition."""
        return {
            key
            for select in over([(Blob(key),) for key in keys], _SELECT_RECORDED)
            for (key,) in self._connection.execute(*select)
        }

    def _use(self, names: list[str]) -> None:
        """Newest first."""
        self._names = names
        sqlite_appended.remember_in(self._connection, names[0])
        self._change_at = min(_end(names[0]), _end(names[-1]) + self._window_ns)


def _end(name: str) -> int:
    return int(name.removeprefix(_PREFIX))


def _add(connection: sqlite3.Connection, served: int, window_ns: int) -> str:
    name = f"{_PREFIX}{served + max(window_ns // PARTITIONS, 1):020}"
    create_partition(connection, name)
    return name


def create_partition(connection: sqlite3.Connection, name: str) -> None:
    """Make a partition without records."""
    connection.execute(_CREATE.format(partition=name))


def make_view(connection: sqlite3.Connection, names: list[str]) -> None:
    """Have the view `requests` show these partitions, newest first."""
    partitions = " UNION ALL ".join(f"SELECT key, fingerprint, outcome FROM {name}" for name in names)
    connection.execute(_DROP_VIEW)
    connection.execute(_CREATE_VIEW.format(partitions=partitions))
