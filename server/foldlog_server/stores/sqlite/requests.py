"""Stores request records in partitions by time served: the newest takes inserts, the oldest is dropped whole.

Random keys in one index as large as the window would cost more than half of the append rate. A partition is
named after the time until which it takes records, so nothing in it is newer, whatever the window was when it
was created. That time is how long the log has been served: with a wall clock, a single leap would drop all
partitions. The SQL view `requests` is created again with them, so that readers need not know their names.

A record has a checksum, which is checked on every read: the record is the answer to a repeated command.
Records are numbered in order, and the sum of a partition's entries is stored with the log, so that a key that
is missing from its index is found when the log is opened.
"""

import json
import sqlite3
import zlib
from collections.abc import Sequence

from foldlog_server.errors import RequestDamaged
from foldlog_server.log.event_store import RecordedRequest, StreamRange
from foldlog_server.stores.sqlite import batch_insert, index_sums
from foldlog_server.stores.sqlite.batch_insert import RequestRow
from foldlog_server.stores.sqlite.statements import Blob, Statement, over, statement

PARTITIONS = 4
"""How many partitions a window is divided into."""

_PAGE = 1_000

_PREFIX = "requests_until_"
_CREATE = statement("create_partition")
_CREATE_OF_1 = statement("create_partition_of_1")
_DROP = statement("drop_partition")
_INSERT = statement("insert_request")
_SELECT_OF_1 = statement("select_requests_of_1")
_CREATE_VIEW = statement("create_requests")
_DROP_VIEW = statement("drop_requests")
_SELECT = statement("select_request")
_SELECT_RECORDED = statement("select_recorded")
_SELECT_PARTITIONS = statement("select_partitions")
_SELECT_LAST = statement("select_last_request")
_SELECT_SUM = statement("select_sum")
_INSERT_SUM = statement("insert_sum")
_UPDATE_SUM = statement("update_sum")
_DELETE_SUM = statement("delete_sum")

_outcome = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def request_row(number: int, key: bytes, recorded: RecordedRequest) -> RequestRow:
    """A record as a row to insert; its outcome is JSON: [[stream, first, last], …]."""
    outcome = _outcome(recorded.streams)
    crc = record_checksum(key, recorded.fingerprint, outcome.encode())
    return number, Blob(key), Blob(recorded.fingerprint), outcome, crc


def record_checksum(key: bytes, fingerprint: bytes, outcome: bytes) -> int:
    """CRC-32 of everything in a record."""
    return zlib.crc32(outcome, zlib.crc32(fingerprint, zlib.crc32(key)))


def find(connection: sqlite3.Connection, key: bytes) -> RecordedRequest | None:
    """The request that is recorded under a key in any partition; raises `RequestDamaged`."""
    row = connection.execute(_SELECT, (key,)).fetchone()
    if row is None:
        return None
    fingerprint, outcome, crc = row
    outcome = outcome.encode() if isinstance(outcome, str) else outcome
    if not is_sound(key, fingerprint, outcome, crc):
        raise RequestDamaged(key[:16])
    return RecordedRequest(fingerprint, tuple(StreamRange(*item) for item in json.loads(outcome)))


def is_sound(key: object, fingerprint: object, outcome: object, crc: object) -> bool:
    """Whether a record, with its outcome as bytes, fits its checksum; damage can change types, too."""
    return (
        isinstance(key, bytes)
        and isinstance(fingerprint, bytes)
        and isinstance(outcome, bytes)
        and crc == record_checksum(key, fingerprint, outcome)
    )


def create(connection: sqlite3.Connection, served: int, window_ns: int) -> None:
    """Create the first partition."""
    make_view(connection, [_add(connection, served, window_ns)])


def names(connection: sqlite3.Connection) -> list[str]:
    """The names of the partitions, newest first."""
    return [name for (name,) in connection.execute(_SELECT_PARTITIONS)]


def ends_of_former(connection: sqlite3.Connection) -> list[int]:
    """The end of each partition but the newest: the time until which it took records."""
    return [_end(name) for name in names(connection)[1:]]


class RequestPartitions:
    """The partitions within the window, for the writer."""

    def __init__(self, connection: sqlite3.Connection, window_ns: int) -> None:
        self._connection = connection
        self._window_ns = window_ns
        self._last = self._sum = 0
        """The last number in the newest partition, and the sum of its index."""
        self.reload()

    def reload(self) -> None:
        """Read the partitions' names again, as after a rollback."""
        live = names(self._connection)
        [self._last] = self._connection.execute(_SELECT_LAST.format(partition=live[0])).fetchone()
        last, added = self._connection.execute(_SELECT_SUM, (live[0],)).fetchone()
        _, behind = index_sums.of_records(self._connection, live[0], last)
        self._sum = added + behind
        self._use(live)

    @property
    def next_number(self) -> int:
        """The number of the next record."""
        return self._last + 1

    def apply_stored(self, rows: Sequence[RequestRow]) -> None:
        """Bring the state in memory up to what has just been committed."""
        self._last += len(rows)
        self._sum += sum([index_sums.of_request(number, key) for number, key, *_ in rows])

    def store_sum(self) -> Statement:
        """The statement that stores the sum of the newest partition."""
        return Statement(_UPDATE_SUM, (self._last, self._sum, self._names[0]))

    def advance(self, served: int) -> None:
        """Create a partition when the newest has ended, and drop those that are older than the window.

        If the time served goes back, as after a crash, nothing changes: the newest partition stays in use.
        """
        if served < self._change_at:
            return
        live = [name for name in self._names if _end(name) + self._window_ns > served]
        needs_new = not live or served >= _end(live[0])
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute(*self.store_sum())
        for name in self._names[len(live) :]:
            self._connection.execute(_DROP.format(partition=name))
            self._connection.execute(_DELETE_SUM, (name,))
        if needs_new:
            live.insert(0, _add(self._connection, served, self._window_ns))
        make_view(self._connection, live)
        self._connection.execute("COMMIT")
        if needs_new:
            self._last = self._sum = 0
        self._use(live)

    def recorded(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those of the keys that are recorded in any partition."""
        return {
            key
            for select in over([(Blob(key),) for key in keys], _SELECT_RECORDED)
            for (key,) in self._connection.execute(*select)
        }

    def _use(self, names: list[str]) -> None:
        """Use these partitions, newest first."""
        self._names = names
        batch_insert.insert_requests_into(self._connection, names[0])
        self._change_at = min(_end(names[0]), _end(names[-1]) + self._window_ns)


def _end(name: str) -> int:
    return int(name.removeprefix(_PREFIX))


def _add(connection: sqlite3.Connection, served: int, window_ns: int) -> str:
    name = f"{_PREFIX}{served + max(window_ns // PARTITIONS, 1):020}"
    create_partition(connection, name)
    return name


def create_partition(connection: sqlite3.Connection, name: str, format: int = 2) -> None:
    """Create an empty partition."""
    if format < 2:
        connection.execute(_CREATE_OF_1.format(partition=name))
        return
    connection.execute(_CREATE.format(partition=name))
    connection.execute(_INSERT_SUM, (name, 0, 0))


def upgrade_partition(connection: sqlite3.Connection, name: str) -> None:
    """Convert a partition of format 1 to format 2, with the same records."""
    former = f"former_{name}"
    connection.execute(f"ALTER TABLE {name} RENAME TO {former}")
    create_partition(connection, name)
    insert, last, added, behind = _INSERT.format(partition=name), 0, 0, b""
    select = _SELECT_OF_1.format(partition=former)
    while page := connection.execute(select, (behind, _PAGE)).fetchall():
        rows = [numbered(number, *row) for number, row in enumerate(page, last + 1)]
        connection.executemany(insert, rows)
        behind = page[-1][0]
        added += sum([index_sums.of_request(number, key) for number, key, *_ in rows])
        last += len(page)
    connection.execute(_UPDATE_SUM, (last, added, name))
    connection.execute(_DROP.format(partition=former))


def numbered(number: int, key: bytes, fingerprint: bytes, outcome: str) -> tuple[int, bytes, bytes, str, int]:
    """A record as a row of a partition."""
    return number, key, fingerprint, outcome, record_checksum(key, fingerprint, outcome.encode())


def make_view(connection: sqlite3.Connection, names: list[str]) -> None:
    """Create the view `requests` over these partitions, newest first."""
    partitions = " UNION ALL ".join(
        f"SELECT key, fingerprint, outcome, checksum FROM {name}" for name in names
    )
    connection.execute(_DROP_VIEW)
    connection.execute(_CREATE_VIEW.format(partitions=partitions))
