"""Builds a log's database from the content of another log: the same records at the same positions.

Nothing is decided again. Streams and types are numbered in the order in which they first appear, as in the
original log.
"""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from google.protobuf.message import DecodeError

from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage
from foldlog_server.errors import DataDamaged
from foldlog_server.log.event_store import Head
from foldlog_server.log.events import EncodedEvent
from foldlog_server.log.lineage import Ancestor, Opening
from foldlog_server.log.record import NO_CHAIN, chain_hash, checksum, split_record
from foldlog_server.log.source import Origin, StoredRequest
from foldlog_server.stores.files import private_files
from foldlog_server.stores.recent import Recent
from foldlog_server.stores.sqlite import index_sums, requests, schema
from foldlog_server.stores.sqlite.connections import connect_to_write, set_pragmas
from foldlog_server.stores.sqlite.statements import statement

RECENT_STREAMS = 100_000
"""How many streams' versions are kept in memory, and at most twice as many."""

_INSERT_EVENT = statement("insert_event")
_INSERT_STREAM = statement("insert_stream")
_INSERT_TYPE = statement("insert_type")
_INSERT_REQUEST = statement("insert_request")
_INSERT_ANCESTOR = statement("insert_ancestor")
_INSERT_OPENING = statement("insert_opening")
_UPDATE_SUM = statement("update_sum")
_UPDATE_SETTLED = statement("update_settled")
_SELECT_STREAM = statement("select_stream")

_PARTITION = re.compile(r"requests_until_\d{20}")
_FIRST_WINDOW = timedelta(hours=24)
# Fast and unsafe, because nobody reads the file before it is complete and synced.
_PRAGMAS = ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536", "locking_mode = EXCLUSIVE")


class NotARequest(Exception):
    """The record is not a valid request record."""


class LogBuilder:
    """A database that is being built; it is not a log before `finish`."""

    def __init__(self, file: Path, log_id: str, origin: Origin) -> None:
        """Create the file, for its owner alone, for a copy of the origin with the id `log_id`.

        Raises `OSError` or `sqlite3.Error`, as all methods do.
        """
        private_files.make_file(file)
        self.streams = 0
        self.requests = 0
        self._served = origin.served
        self._position = 0
        self._chain = NO_CHAIN
        self._recent: Recent[str, tuple[int, int]] = Recent(RECENT_STREAMS)
        self._types: dict[str, int] = {}
        self._requests: dict[str, tuple[int, int]] = {}
        """For each partition, the number of the last record, and the sum of its index."""
        self._added = 0
        """The sum of the index of streams."""
        self._connection = connect_to_write(file)
        try:
            set_pragmas(self._connection, _PRAGMAS)
            self._connection.execute("BEGIN")
            schema.create_tables(self._connection, log_id, origin.made_time, origin.served)
            self._connection.execute(_UPDATE_SETTLED, (origin.settled,))
        except BaseException:
            self._connection.close()
            raise

    @property
    def head(self) -> Head:
        """The end of the events that have been added."""
        return Head(self._position, self._chain)

    def add(self, events: Sequence[EncodedEvent]) -> None:
        """Add the next events; raises `DataDamaged` for one that is not the next."""
        self._connection.executemany(_INSERT_EVENT, [self._row(event) for event in events])

    def _row(self, event: EncodedEvent) -> tuple[int, int, int, int, bytes, int, bytes]:
        # The versions of streams must be in memory here: the events of this page are not in the table yet.
        position, record = event.position, event.record
        try:
            header, data = split_record(record)
            envelope = RecordedEventMessage.FromString(header)
        except (DecodeError, ValueError, IndexError):
            raise DataDamaged(position) from None
        stream, version = self._stream(envelope.stream)
        if position != self._position + 1 or envelope.version != version + 1:
            raise DataDamaged(position)
        self._recent.put(envelope.stream, (stream, envelope.version))
        self._position, self._chain = position, chain_hash(self._chain, position, header, data)
        self._added += index_sums.of_event(stream, envelope.version, position)
        crc, type_key = checksum(position, record), self._type(envelope.type)
        return (position, stream, envelope.version, type_key, record, crc, self._chain)

    def _stream(self, name: str) -> tuple[int, int]:
        """A stream's number and version; a new stream is added."""
        found = self._recent.get(name) or self._connection.execute(_SELECT_STREAM, (name,)).fetchone()
        if found is None:
            self.streams += 1
            self._connection.execute(_INSERT_STREAM, (self.streams, name))
            found = (self.streams, 0)
        return found

    def _type(self, name: str) -> int:
        key = self._types.get(name)
        if key is None:
            key = self._types[name] = len(self._types) + 1
            self._connection.execute(_INSERT_TYPE, (key, name))
        return key

    def version(self, stream: str) -> int:
        """The version of a stream; 0 if it does not exist."""
        found = self._recent.get(stream) or self._connection.execute(_SELECT_STREAM, (stream,)).fetchone()
        return found[1] if found else 0

    def add_requests(self, records: Sequence[StoredRequest]) -> None:
        """Add the request records whose events have all been added; raises `NotARequest`."""
        for record in records:
            if all(last <= self.version(stream) for stream, _, last in outcome_of(record)):
                self._use(record.partition)
                last, added = self._requests[record.partition]
                row = requests.numbered(last + 1, record.key, record.fingerprint, record.outcome)
                self._connection.execute(_INSERT_REQUEST.format(partition=record.partition), row)
                added += index_sums.of_request(last + 1, record.key)
                self._requests[record.partition] = last + 1, added
                self.requests += 1

    def _use(self, partition: str) -> None:
        if partition not in self._requests:
            self._requests[partition] = 0, 0
            requests.create_partition(self._connection, partition)

    def finish(self, ancestors: Sequence[Ancestor], openings: Sequence[Opening]) -> None:
        """Complete the log, so that it can be opened; its bytes are not synced."""
        self._connection.executemany(_INSERT_ANCESTOR, ancestors)
        self._connection.executemany(_INSERT_OPENING, openings)
        if self._requests:
            requests.make_view(self._connection, sorted(self._requests, reverse=True))
        else:
            window_ns = _FIRST_WINDOW // timedelta(microseconds=1) * 1000
            requests.create(self._connection, self._served, window_ns)
        sums = {index_sums.EVENTS: (self._position, self._added), **self._requests}
        for part, (last, added) in sums.items():
            self._connection.execute(_UPDATE_SUM, (last, added, part))
        self._connection.execute("COMMIT")
        set_pragmas(self._connection, ("locking_mode = NORMAL", "journal_mode = WAL"))
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def outcome_of(record: StoredRequest) -> list[tuple[str, int, int]]:
    """The streams of a request with their first and last versions; raises `NotARequest`."""
    try:
        streams = [(str(stream), int(first), int(last)) for stream, first, last in json.loads(record.outcome)]
    except (ValueError, TypeError):
        raise NotARequest(f"{record.outcome!r} is not the outcome of a request") from None
    is_sound = (
        len(record.key) >= 16 and len(record.fingerprint) == 32 and _PARTITION.fullmatch(record.partition)
    )
    if not is_sound or any(first < 1 or last < first - 1 for _, first, last in streams):
        raise NotARequest(f"{record.outcome!r} in {record.partition!r} is not a request record")
    return streams
