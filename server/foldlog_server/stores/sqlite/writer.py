"""Writes appends, each batch in one transaction; runs in the writer's thread only.

The appends are first settled in order, as data: an append that is refused leaves no trace, so it does not
affect its neighbours. The writer's state advances as appends are settled, and is read again from the database
when a transaction is rolled back.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct, field

from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage
from foldlog_server.errors import DataDamaged, IndexDamaged, WrongExpectedVersion
from foldlog_server.lasting_problem import LastingProblem
from foldlog_server.log.event_store import (
    Append,
    Appended,
    DuplicateRequest,
    Head,
    LinkedAppendFailed,
    RecordedRequest,
    StreamAppend,
)
from foldlog_server.log.events import EncodedEvent
from foldlog_server.log.record import chain_hash, checksum
from foldlog_server.stores import store_errors
from foldlog_server.stores.causes import DAMAGE, NO_ROOM, Cause, cause_in
from foldlog_server.stores.encoded_append import Record, encode, ranges
from foldlog_server.stores.files.wal_growth import WalGrowth
from foldlog_server.stores.sqlite import index_sums
from foldlog_server.stores.sqlite.batch_insert import EventRow, RequestRow, commit, set_up
from foldlog_server.stores.sqlite.index_check import check_indexes
from foldlog_server.stores.sqlite.requests import RequestPartitions, request_row
from foldlog_server.stores.sqlite.rows import read_head, read_newest
from foldlog_server.stores.sqlite.statements import Blob, Statement, statement

VERIFIED_ON_OPEN = 1_000
"""How many of the newest events are checked before the log is written to."""

CHECKPOINT_ROWS = 4_000
"""Rows after which the write-ahead log is copied into the database."""

SERVED_STEP = 10_000_000_000
"""Nanoseconds of service after which the time served is stored again, with the next batch."""

_SELECT_NEWEST_STREAM = statement("select_newest_stream")
_SELECT_BEHIND = statement("select_behind")
_SELECT_TYPES = statement("select_types")
_SELECT_SERVED = statement("select_served")
_UPDATE_SERVED = statement("update_served")
_UPDATE_SUM = statement("update_sum")
_UPDATE_SETTLED = statement("update_settled")


class Accepted(Struct, frozen=True):
    """An append that waits to be written."""

    append: Append
    key: bytes | None
    """The key under which its request is recorded."""
    future: asyncio.Future[Appended]


Outcome = Appended | Exception


class _Rows(Struct):
    """The rows that a transaction will insert, and what settling them needs to know."""

    events: list[EventRow] = field(default_factory=list)
    requests: dict[bytes, RequestRow] = field(default_factory=dict)
    streams: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Key and version of each stream that gets events."""
    recorded: set[bytes] = field(default_factory=set)
    """The request keys of the batch that are already recorded."""


class LogWriter:
    """Writes one log; there is no other writer."""

    def __init__(self, connection: sqlite3.Connection, file: Path, window_ns: int) -> None:
        """Raises `DataDamaged` if the newest events are damaged, and `IndexWrong`."""
        set_up(connection)
        self.newest = read_newest(connection, VERIFIED_ON_OPEN)
        self.known, self._added = check_indexes(connection, file)
        self._stored = self.known.head
        self._behind: dict[str, tuple[int, int]] = {}
        """Key and version of each stream that is stored, but not yet in `known`."""
        self._connection = connection
        self._wal = WalGrowth(connection)
        self._requests = RequestPartitions(connection, window_ns)
        self._rows_to_checkpoint = 0
        self._is_stale = False
        """Whether the state in memory may differ from the database."""
        self._shortage = LastingProblem(
            "Nothing can be stored: %s. Commands are refused until that has passed; each one is tried.",
            "Commands are stored again.",
        )
        self._damage = LastingProblem(
            "The log cannot be written where it is damaged: %s. What needs that part is refused. "
            "See what `foldlog verify` says, and restore a backup.",
            "",
        )
        self._unmoved = LastingProblem(
            "log.db-wal cannot be copied into log.db, and grows: %s. This is retried.",
            "log.db-wal has been copied into log.db again.",
        )
        self._served: int
        self._settled: int
        self._position: int
        self._chain: bytes
        self._recorded: int
        self._time = 0
        self._newest_stream: int
        self._types: dict[str, int]
        self._reload()

    @property
    def head(self) -> Head:
        """The end of the log."""
        return Head(self._position, self._chain)

    @property
    def served(self) -> int:
        """For how many nanoseconds the log has been served, as it was last stored."""
        return self._served

    @property
    def wants_checkpoint(self) -> bool:
        """Whether enough was written since the last checkpoint."""
        return self._rows_to_checkpoint >= CHECKPOINT_ROWS

    @property
    def lacks_checkpoint(self) -> bool:
        """Whether the last checkpoint failed."""
        return self._unmoved.is_present

    @property
    def is_kept_large(self) -> bool:
        """Whether the write-ahead log is large, because a reader kept it at the last checkpoint."""
        return self._wal.is_kept

    def write(self, batch: Sequence[Accepted], clock_ns: int, served_ns: int) -> list[Outcome]:
        """Settle the appends in order and store those that are not refused; returns the outcome of each.

        `served_ns` is how long the log has been served until now. Raises SQLite's error if it is unknown
        what was stored.
        """
        try:
            return self._transact(batch, clock_ns, served_ns)
        except sqlite3.IntegrityError:
            # Nothing was stored: an index has an entry that the log lacks. One append must not fail for
            # another.
            return [
                outcome for accepted in batch for outcome in self._write_alone(accepted, clock_ns, served_ns)
            ]

    def make_known(self) -> None:
        """Add what was stored to `known`; called in the thread of `known`, while nothing is being written."""
        for name, (key, version) in self._behind.items():
            if key > self.known.last_key:
                self.known.add(name)
            self.known.set_version(key, version)
        self.known.head = self._stored
        self._behind = {}

    def _write_alone(self, accepted: Accepted, clock_ns: int, served_ns: int) -> list[Outcome]:
        try:
            return self._transact([accepted], clock_ns, served_ns)
        except sqlite3.IntegrityError as error:  # an index does not fit what is stored
            self._damage.occurred(str(error))
            return [_refuse(accepted.append, IndexDamaged())]

    def checkpoint(self) -> None:
        """Copy the write-ahead log into the database; a failure that may pass is logged.

        SQLite would do this within a commit, and would not report a failed sync. A failed sync is raised
        here: the pages that an earlier checkpoint copied would not be copied again, and may be clean in
        memory without being on the disk. The next start copies all of them.
        """
        self._rows_to_checkpoint = 0
        try:
            self._wal.checkpoint()
        except store_errors.ERRORS as error:
            if store_errors.is_failed_sync(error):
                raise
            cause = cause_in(self._wal.database.parent, error, growing=self._wal.database)
            self._unmoved.occurred(f"{cause.value} ({error})")
        else:
            self._unmoved.ended()

    def save(self) -> bool:
        """Copy all of the write-ahead log into the database; returns whether that succeeded."""
        return self._wal.checkpoint()

    def store_served(self, served_ns: int) -> None:
        """Store how long the log has been served, when the service ends."""
        self._connection.execute("BEGIN IMMEDIATE")
        for one in self._time_and_sums(served_ns):
            self._connection.execute(*one)
        self._connection.execute("COMMIT")
        self._served = served_ns

    def _time_and_sums(self, served_ns: int) -> list[Statement]:
        """The statements that store how long the log has been served, and the sums of its indexes."""
        return [
            Statement(_UPDATE_SERVED, (served_ns,)),
            Statement(_UPDATE_SUM, (self._stored, self._added, index_sums.EVENTS)),
            self._requests.store_sum(),
        ]

    def _transact(self, batch: Sequence[Accepted], clock_ns: int, served_ns: int) -> list[Outcome]:
        rows = _Rows()
        settled = max([accepted.append.not_before for accepted in batch])
        is_committing = False
        try:
            self._reload_if_stale()
            before = self._position
            self._time = max(self._recorded, self._settled, settled, clock_ns)
            self._requests.advance(served_ns)
            rows.recorded = self._requests.recorded(
                [accepted.key for accepted in batch if accepted.key is not None]
            )
            outcomes = [self._settle(accepted, rows) for accepted in batch]
            others = self._other_statements(rows, settled, served_ns)
            is_committing = True
            commit(self._connection, rows.events, list(rows.requests.values()), others)
        except sqlite3.IntegrityError:
            self._try_to_reload()
            raise
        except DataDamaged as damage:
            self._damage.occurred(damage.message)
            return [_refuse(accepted.append, DataDamaged(damage.position)) for accepted in batch]
        except (*store_errors.ERRORS, store_errors.NotCommitted) as error:
            cause = store_errors.cause_of_writing(error, self._wal.file, is_committing=is_committing)
            is_known = self._try_to_reload()
            if cause is None or (is_committing and is_known and self._position != before):
                raise
            self._log_failure(cause, error)
            return [_refuse(accepted.append, store_errors.for_cause(cause)) for accepted in batch]
        self._apply_stored(rows, settled, served_ns)
        return outcomes

    def _log_failure(self, cause: Cause, error: Exception) -> None:
        problem = self._damage if cause in DAMAGE else self._shortage
        problem.occurred(f"{cause.value} ({error.__cause__ or error})")
        if cause in NO_ROOM and self._rows_to_checkpoint:
            # Copying into the database makes room in the write-ahead log.
            self._rows_to_checkpoint = CHECKPOINT_ROWS

    def _other_statements(self, rows: _Rows, settled: int, served_ns: int) -> list[Statement]:
        """What a transaction stores besides events and requests."""
        others = []
        if (
            settled > max(self._recorded, self._settled) and not rows.events
        ):  # an event would record the time itself
            others.append(Statement(_UPDATE_SETTLED, (settled,)))
        if (rows.events or rows.requests) and served_ns - self._served >= SERVED_STEP:
            others += self._time_and_sums(served_ns)
        return others

    def _apply_stored(self, rows: _Rows, settled: int, served_ns: int) -> None:
        """Bring the state in memory up to what has just been committed."""
        if rows.events or rows.requests:
            self._shortage.ended()
        self._rows_to_checkpoint += len(rows.events) + len(rows.requests)
        self._settled = max(self._settled, settled)
        self._requests.apply_stored(list(rows.requests.values()))
        if rows.events:
            self._recorded = self._time
            self._stored = self._position
            self._behind.update(rows.streams)
            for position, stream, version, *_ in rows.events:
                self._added += index_sums.of_event(stream, version, position)
        if (rows.events or rows.requests) and served_ns - self._served >= SERVED_STEP:
            self._served = served_ns

    def _settle(self, accepted: Accepted, rows: _Rows) -> Outcome:
        try:
            appended = self._store(accepted.append, accepted.key, rows)
        except store_errors.ERRORS:  # the state may be half changed
            raise
        except Exception as refusal:
            return _refuse(accepted.append, refusal)
        accepted.append.failed = False
        return appended

    def _store(self, append: Append, key: bytes | None, rows: _Rows) -> Appended:
        """Settle one append; everything that can refuse it comes before the first change of state."""
        for earlier in append.after:
            if earlier.failed:
                raise LinkedAppendFailed
        if key is not None and (key in rows.requests or key in rows.recorded):
            raise DuplicateRequest
        for part in append.streams:
            self._check_version(part, rows)
        records = encode(append, self._time)
        events = tuple([self._add(record, rows) for record in records])
        if key is not None and append.request is not None:
            number = self._requests.next_number + len(rows.requests)
            recorded = RecordedRequest(append.request.fingerprint, ranges(append))
            rows.requests[key] = request_row(number, key, recorded)
        return Appended(events)

    def _check_version(self, part: StreamAppend, rows: _Rows) -> None:
        _, actual = self._stream(part.stream, rows)
        if actual != part.expected_version:
            raise WrongExpectedVersion(part.stream, part.expected_version, actual)

    def _stream(self, name: str, rows: _Rows) -> tuple[int, int]:
        """A stream's key and version, including what is being stored; asks no index."""
        return rows.streams.get(name) or self._behind.get(name) or self.known.find(name)

    def _add(self, record: Record, rows: _Rows) -> EncodedEvent:
        self._position = position = self._position + 1
        self._chain = chain = chain_hash(self._chain, position, record.header, record.data)
        version, encoded = record.version, record.record
        stream, new_stream = self._stream_key(record, rows)
        rows.streams[record.stream] = (stream, version)
        type_key, new_type = self._type_key(record.type)
        crc = checksum(position, encoded)
        rows.events.append(
            (position, stream, version, type_key, Blob(encoded), crc, Blob(chain), new_stream, new_type)
        )
        return EncodedEvent(position, encoded)

    def _stream_key(self, record: Record, rows: _Rows) -> tuple[int, str | int]:
        """The key of an event's stream, and the stream's name if it is new, else 0."""
        if record.version > 1:
            return self._stream(record.stream, rows)[0], 0
        self._newest_stream += 1
        return self._newest_stream, record.stream

    def _type_key(self, name: str) -> tuple[int, str | int]:
        """The key of a type, and the type's name if it is new, else 0."""
        key = self._types.get(name)
        if key:
            return key, 0
        key = self._types[name] = len(self._types) + 1
        return key, name

    def _try_to_reload(self) -> bool:
        """Read the state again after a failed transaction; if that fails, the next transaction does it."""
        self._is_stale = True
        try:
            self._reload_if_stale()
        except (*store_errors.ERRORS, DataDamaged):
            return False
        return True

    def _reload_if_stale(self) -> None:
        if self._is_stale:
            if self._connection.in_transaction:  # on some errors SQLite rolls back by itself
                self._connection.execute("ROLLBACK")
            self._reload()
            self._is_stale = False

    def _reload(self) -> None:
        """Read the state from the database."""
        self._position, self._chain = read_head(self._connection)
        self._read_others_appends()
        self._recorded = max(map(_recorded_ns, read_newest(self._connection, 1)), default=0)
        self._served, self._settled = self._connection.execute(_SELECT_SERVED).fetchone()
        self._types = dict(self._connection.execute(_SELECT_TYPES))
        self._newest_stream = self._connection.execute(_SELECT_NEWEST_STREAM).fetchone()[0] or 0
        self._requests.reload()

    def _read_others_appends(self) -> None:
        """Take in what another program has stored in spite of the lock."""
        for position, stream, version, name in self._connection.execute(_SELECT_BEHIND, (self._stored,)):
            self._behind[name] = stream, version
            self._stored = position
            self._added += index_sums.of_event(stream, version, position)


def _refuse(append: Append, refusal: Exception) -> Exception:
    append.failed = True
    return refusal


def _recorded_ns(event: EncodedEvent) -> int:
    return RecordedEventMessage.FromString(event.record).recorded_time.ToNanoseconds()
