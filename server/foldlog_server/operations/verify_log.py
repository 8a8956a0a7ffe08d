"""Verifies a log's database: checksums, the chain, and whatever is stored twice against its other copy."""

import json
import re
import sqlite3
from array import array
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Set
from contextlib import closing, suppress
from typing import Any, NamedTuple, TypeVar

from google.protobuf.message import DecodeError

from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage
from foldlog_server.log.event_store import RequestKey
from foldlog_server.log.record import NO_CHAIN, chain_hash, checksum, split_record
from foldlog_server.log.source import StoredRequest
from foldlog_server.operations.findings import Findings
from foldlog_server.operations.progress import Step
from foldlog_server.operations.stored_values import (
    hexadecimal,
    is_uuid,
    only_value,
    positions,
    table_shape,
    text,
)
from foldlog_server.printable import counted
from foldlog_server.stores.encoded_append import stored_key
from foldlog_server.stores.sqlite import index_sums, requests, schema
from foldlog_server.stores.sqlite.log_builder import NotARequest, outcome_of
from foldlog_server.stores.sqlite.rows import read_head
from foldlog_server.stores.sqlite.statements import statement

NEWEST = 10_000
"""The chain of this many newest events is computed in any case."""

PAGE = 1_000
INDEX_PAGE = 10_000
MOST_UNREADABLE_PAGES = 10
"""After this many in a row, what is behind them is not read."""

MOST_LOCATED = 20
"""How many wrong entries of an index are listed."""

T = TypeVar("T")
Row = tuple[Any, ...]

_VERIFIED = statement("select_verified")
_INDEXED = statement("select_indexed")
_PLACE = statement("select_place")
_PLACES = statement("select_places")
_INDEXED_PLACE = statement("select_indexed_place")
_VERSIONS = statement("select_versions")
_NAMES = statement("select_names")
_INDEXED_NAMES = statement("select_indexed_names")
_CHAIN = statement("select_chain")
_ORIGIN = statement("select_origin")
_SERVED = statement("select_served")
_ANCESTORS = statement("select_ancestors")
_OPENINGS = statement("select_openings")
_STREAM = statement("select_stream")
_REQUESTS = statement("select_verified_requests")
_REQUESTS_OF_1 = statement("select_requests_of_1")
_SUMS = statement("select_sums")
_PARTITIONS = statement("select_partitions")

_MASK = 2**64 - 1


class Bounds(NamedTuple):
    """The end of the log when the check began: what a server adds meanwhile is not checked."""

    position: int
    keys: dict[str, int]
    """The last key of `streams` and of `types`."""


class StoredText(bytes):
    """Text as bytes, as it may be invalid UTF-8. A type of its own, because SQLite never finds a text equal
    to a blob."""


class LogVerifier:
    """Verifies one database; continues behind any damage that it finds."""

    def __init__(self, connection: sqlite3.Connection, file: str, findings: Findings, *, full: bool) -> None:
        """`full` also computes the whole chain, and has SQLite check every page and every index."""
        self._connection = connection
        self._file = file
        self._findings = findings
        self._full = full
        self._versions = array("q", [0])
        """The version of each stream so far, by its key."""
        self._sum = self._count = 0
        """The sum of the hashes of (stream, version, position) over all rows, and their number."""
        self._type_names: dict[object, object] = {}
        self._format = schema.FORMAT
        self._expected = 1
        self._time = 0
        self._chains: tuple[object, object] = (NO_CHAIN, NO_CHAIN)
        """The chain hash of the row before: as it is stored, and as it was computed."""

    async def run(self) -> AsyncGenerator[Step]:
        """Verify everything; yields the progress. Raises what SQLite raises if it cannot begin."""
        self._connection.text_factory = StoredText
        self._check_database()
        yield Step("pages", 1, 1, is_over=True)
        bounds = self._bounds()
        self._try("log", self._check_small_tables, bounds)
        for position in self._events(bounds):
            yield Step("events", position, bounds.position)
        yield Step("events", bounds.position, bounds.position, is_over=True)
        for position in self._guarded("events_by_stream", self._check_index(bounds)):
            yield Step("indexes", position, bounds.position)
        for table in ("streams", "types"):
            self._try(table, self._check_names, table, bounds)
        yield Step("indexes", bounds.position, bounds.position, is_over=True)
        partitions = self._partitions()
        for number, partition in enumerate(partitions):
            for _ in self._guarded(partition, self._check_requests(partition)):
                yield Step("requests", number, len(partitions))
        yield Step("requests", len(partitions), len(partitions), is_over=True)

    def _add(self, part: str, where: str, what: str) -> None:
        self._findings.add(self._file, part, where, what)

    def _try(self, part: str, check: Callable[..., None], *arguments: object) -> None:
        try:
            check(*arguments)
        except (sqlite3.Error, ValueError, TypeError) as error:
            self._add(part, "", f"cannot be read: {error}")

    def _guarded(self, part: str, steps: Iterable[T]) -> Iterator[T]:
        try:
            yield from steps
        except (sqlite3.Error, ValueError, TypeError) as error:
            self._add(part, "", f"cannot be read: {error}")

    # The database as such

    def _check_database(self) -> None:
        pragma = "integrity_check" if self._full else "quick_check"
        try:
            for (line,) in self._connection.execute(f"PRAGMA {pragma}").fetchall():
                if line != b"ok":
                    self._add("", "", f"SQLite says: {text(line)}")
        except sqlite3.Error as error:
            self._add("", "", f"SQLite says: {error}")
        self._try("sqlite_master", self._check_schema)

    def _check_schema(self) -> None:
        """Check that tables and indexes, and their names, are those that this release would make."""
        self._format = only_value(self._connection, "PRAGMA user_version")
        absent = schema.TABLES_OF_2 if self._format < 2 else ()
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as wanted:
            schema.create_tables(wanted, "", 0, 0)
            partitions = self._partitions()
            for partition in partitions:
                requests.create_partition(wanted, partition, self._format)
            for (table,) in wanted.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                if table in absent:
                    continue
                if table_shape(self._connection, table) != table_shape(wanted, table):
                    self._add(table, "", "its columns or indexes are not those of a log")
                elif table != "events" and table not in partitions:  # these are checked row by row
                    self._try(table, self._check_types, table)
            self._check_schema_text({name for (name,) in wanted.execute("SELECT name FROM sqlite_master")})
        if not partitions:
            self._add("requests", "", "it has no table of request records")
        view = only_value(
            self._connection, "SELECT sql FROM sqlite_master WHERE type = 'view' AND name = 'requests'"
        )
        if re.findall(rb"requests_until_\d{20}", view or b"") != [name.encode() for name in partitions]:
            self._add("requests", "", "the view does not read exactly the tables of request records")

    def _check_schema_text(self, wanted: Set[str]) -> None:
        """Check the spelling of names: SQLite ignores their case, other readers of the file do not."""
        by_any_case = {name.lower(): name for name in wanted}
        schema = "SELECT name, tbl_name, type, sql FROM sqlite_master"
        for name, table, *others in self._connection.execute(schema).fetchall():
            if not all(value is None or isinstance(value, StoredText) for value in (name, table, *others)):
                self._add(text(name), "", "its entry in the schema is not stored as text")
            for found in {text(name), text(table)} - wanted:
                if right := by_any_case.get(found.lower()):
                    self._add(right, "", f"it is called {found} in the schema")

    def _check_types(self, table: str) -> None:
        """Check that every value is stored with the type of its column: one changed bit turns text into a
        blob, which SQLite never finds equal to the same text."""
        for _, column, declared, *_ in self._connection.execute(f"PRAGMA table_info({table})").fetchall():
            kind, name = text(declared).lower(), text(column)
            is_other = f"SELECT count(*) FROM {table} NOT INDEXED WHERE typeof({name}) <> '{kind}'"
            if others := only_value(self._connection, is_other):
                self._add(
                    table, "", f"{name} must be stored as {kind}, and is not in {counted(others, 'row')}"
                )

    def _bounds(self) -> Bounds:
        self._connection.execute("BEGIN")
        try:
            keys = {
                table: only_value(self._connection, f"SELECT max(key) FROM {table}") or 0
                for table in ("streams", "types")
            }
            return Bounds(read_head(self._connection).position, keys)
        finally:
            self._connection.execute("COMMIT")

    def _partitions(self) -> list[str]:
        try:
            return [text(name) for (name,) in self._connection.execute(_PARTITIONS).fetchall()]
        except sqlite3.Error:
            return []

    # Small tables

    def _check_small_tables(self, bounds: Bounds) -> None:
        rows = self._connection.execute(_ORIGIN).fetchall()
        if len(rows) != 1:
            self._add("log", "", f"it has {counted(len(rows), 'row')} instead of one")
        for log_id, made_time in rows:
            if not is_uuid(log_id) or not isinstance(made_time, int):
                self._add("log", "", f"{text(log_id)!r}, made at {made_time!r}, does not name a log")
        if self._format < 2:
            return
        served = self._connection.execute(_SERVED).fetchall()
        if len(served) != 1 or not all(isinstance(value, int) and value >= 0 for value in served[0]):
            self._add(
                "served", "", f"expected one row of numbers that are not negative, and found {served!r}"
            )
        for position, run, time in self._connection.execute(_OPENINGS).fetchall():
            is_sound = isinstance(position, int) and isinstance(time, int) and isinstance(run, bytes)
            if not is_sound or not 0 <= position <= self._head(bounds):
                self._add("openings", f"position {position}", "it is not within the log")
        self._check_ancestors()
        self._check_sums()

    def _check_ancestors(self) -> None:
        for log_id, position, chain, _, _ in self._connection.execute(_ANCESTORS).fetchall():
            if not is_uuid(log_id) or self._stored_chain(position) != chain:
                self._add(
                    "ancestors", f"position {position}", f"{text(log_id)!r} had another chain hash there"
                )

    def _check_sums(self) -> None:
        """Check that each sum is that of its rows: a server compares the indexes with it when it starts."""
        wanted = {index_sums.EVENTS, *self._partitions()}
        for part, last, added in self._connection.execute(_SUMS).fetchall():
            name = text(part)
            if name not in wanted:
                self._add("sums", name, "its table does not exist, or has a second sum")
                continue
            wanted.remove(name)
            if name == index_sums.EVENTS:
                found = index_sums.of_rows(self._connection, 0, last)
            else:
                found = index_sums.of_records(self._connection, name, 0, last)
            if found != (last, added):
                self._add("sums", name, f"the sum of the rows is {found}, and not {(last, added)}")
        for name in wanted:
            self._add("sums", name, "missing")

    def _head(self, bounds: Bounds) -> int:
        """The head now: a server may have been started since the bounds were taken."""
        return max(bounds.position, read_head(self._connection).position)

    def _stored_chain(self, position: object) -> bytes | None:
        if position == 0:
            return NO_CHAIN
        row = self._connection.execute(_CHAIN, (position,)).fetchone()
        return None if row is None else row[0]

    # Events

    def _events(self, bounds: Bounds) -> Iterator[int]:
        after, unreadable = 0, 0
        chain_from = 1 if self._full else bounds.position - NEWEST
        while after < bounds.position:
            rows, failed = self._page(after, bounds.position)
            for row in rows:
                self._check_event(row, chain_from)
            unreadable = unreadable + 1 if failed and not rows else 0
            if unreadable == MOST_UNREADABLE_PAGES:
                self._add("events", f"position {after}", "nothing behind it can be read")
                return
            if not rows and not failed:
                break
            after = max(after + (PAGE if failed else 1), *(row[0] for row in rows), self._expected - 1)
            yield min(after, bounds.position)
        if self._expected <= bounds.position:
            self._add("events", positions(self._expected, bounds.position), "missing")

    def _page(self, after: int, until: int) -> tuple[list[Row], bool]:
        """The rows behind a position, and whether some of them could not be read."""
        try:
            return self._connection.execute(_VERIFIED, (after + 1, until, PAGE)).fetchall(), False
        except sqlite3.Error as error:
            rows, reason = [], str(error)
        for position in range(after + 1, min(after + PAGE, until) + 1):
            with suppress(sqlite3.Error):
                rows += self._connection.execute(_VERIFIED, (position, position, 1)).fetchall()
        read = {row[0] for row in rows}
        lost = [n for n in range(after + 1, min(after + PAGE, until) + 1) if n not in read]
        if lost:
            self._add("events", positions(lost[0], lost[-1]), f"{len(lost):,} cannot be read: {reason}")
        self._expected = max(self._expected, after + 1 if not rows else rows[0][0])
        return rows, True

    def _check_event(self, row: Row, chain_from: int) -> None:
        position, stream, version, type_key, record, crc, chain, name = row
        if position != self._expected:
            if position > self._expected:
                self._add("events", positions(self._expected, position - 1), "missing")
            else:
                self._add("events", f"position {position}", "it comes behind a greater one")
        self._expected = max(self._expected, position + 1)
        self._count += 1
        self._sum = self._sum + hash((stream, version, position)) & _MASK
        self._findings.events += 1
        before, self._chains = self._chains, (chain, chain)
        if not isinstance(record, bytes) or crc != checksum(position, record):
            self._add("events", f"position {position}", "the record does not match its checksum")
            self._advance(stream, version)
            return
        try:
            header, data = split_record(record)
            envelope = RecordedEventMessage.FromString(header)
        except (DecodeError, ValueError, IndexError):
            self._add("events", f"position {position}", "the record is not an event")
            return
        self._check_columns(position, envelope, (name, version, self._type_name(type_key)))
        self._check_order(position, envelope, stream)
        if position >= chain_from:
            self._check_chain(position, header, data, chain, before, is_first=position == chain_from)

    def _check_columns(self, position: int, envelope: RecordedEventMessage, columns: Row) -> None:
        said = (envelope.stream.encode(), envelope.version, envelope.type.encode())
        if columns != said:
            where = f"position {position}: {envelope.stream}, version {envelope.version}"
            self._add("events", where, f"stream, version and type are {columns!r} in the columns")

    def _check_order(self, position: int, envelope: RecordedEventMessage, stream: object) -> None:
        expected = self._advance(stream, envelope.version)
        if envelope.version != expected:
            self._add(
                "events",
                f"position {position}: {envelope.stream}, version {envelope.version}",
                f"version {expected} was expected in the stream",
            )
        recorded = envelope.recorded_time.ToNanoseconds()
        if recorded < self._time:
            self._add("events", f"position {position}", "it was recorded before the previous event")
        self._time = max(self._time, recorded)

    def _advance(self, stream: object, version: int) -> int:
        """Record that a stream has reached a version; returns the version that was expected."""
        if not isinstance(stream, int) or not 0 < stream <= self._count or not isinstance(version, int):
            return version  # the columns have been reported
        if stream >= len(self._versions):
            self._versions.extend([0] * (stream + 1 - len(self._versions)))
        expected = self._versions[stream] + 1
        self._versions[stream] = min(max(version, 0), 2**62)
        return expected

    def _type_name(self, key: object) -> object:
        if key not in self._type_names:
            row = self._connection.execute("SELECT name FROM types WHERE key = ?", (key,)).fetchone()
            self._type_names[key] = None if row is None else row[0]
        return self._type_names[key]

    def _check_chain(
        self,
        position: int,
        header: bytes,
        data: bytes,
        chain: object,
        before: tuple[object, object],
        *,
        is_first: bool,
    ) -> None:
        """Check a hash. A damaged one is reported once: the next may follow from the stored or the computed
        one."""
        stored, computed = before
        if is_first and position > 1:
            stored = computed = self._stored_chain(position - 1)
        hashes = [
            chain_hash(previous, position, header, data)
            for previous in dict.fromkeys((stored, computed))
            if isinstance(previous, bytes)
        ]
        if chain not in hashes:
            self._add("events", f"position {position}", "the chain hash does not follow from the one before")
        self._chains = (chain, hashes[-1] if hashes else chain)

    # Indexes

    def _check_index(self, bounds: Bounds) -> Iterator[int]:
        total = count = 0
        for stream, version, position in self._index_entries():
            if position <= bounds.position:
                count += 1
                total = total + hash((stream, version, position)) & _MASK
                if count % INDEX_PAGE == 0:
                    yield count
        if (count, total) != (self._count, self._sum):
            before = len(self._findings.damages) + self._findings.unlisted
            self._locate(bounds)
            if len(self._findings.damages) + self._findings.unlisted == before:
                self._add(
                    "events_by_stream", "", f"its entries ({count:,}) do not match the rows ({self._count:,})"
                )

    def _index_entries(self) -> Iterator[tuple[int, int, int]]:
        place: tuple[Any, Any] = (-(2**63), -(2**63))
        while page := self._connection.execute(_INDEXED, (*place, INDEX_PAGE)).fetchall():
            yield from page
            if page[-1][:2] <= place:
                raise ValueError(f"its entries are not in order behind stream {place[0]}, version {place[1]}")
            place = page[-1][:2]

    def _locate(self, bounds: Bounds) -> None:
        """Report the differences between the index and the table."""
        found = 0
        for stream, version, position in self._index_entries():
            row = self._connection.execute(_PLACE, (position,)).fetchone()
            if row != (stream, version) and found < MOST_LOCATED:
                found += 1
                where = f"stream {stream}, version {version}"
                self._add(
                    "events_by_stream", where, f"it leads to position {position}, which has another event"
                )
        after = 0
        while page := self._connection.execute(_PLACES, (after, INDEX_PAGE)).fetchall():
            for position, *place in page:
                is_there = (position,) in self._connection.execute(_INDEXED_PLACE, place).fetchall()
                if not is_there and position <= bounds.position and found < MOST_LOCATED:
                    found += 1
                    self._add("events_by_stream", f"position {position}", "it is not in the index")
            after = max(after + 1, page[-1][0])

    def _check_names(self, table: str, bounds: Bounds) -> None:
        """Check that keys have no gaps, and that the index has exactly the names of the table."""
        last, total = bounds.keys[table], 0
        for expected, (key, name) in enumerate(self._names(table, last), 1):
            total = total + hash((name, key)) & _MASK
            if key != expected or not isinstance(name, bytes):
                self._add(table, f"key {key}", f"a text with key {expected} was expected, and {name!r} found")
            elif table == "streams" and (key >= len(self._versions) or not self._versions[key]):
                self._add(table, f"key {key}", f"the stream {text(name)} has no event")
        if table == "streams":
            self._findings.streams = last
        for name, key in self._indexed_names(table):
            if key <= last:
                total = total - hash((name, key)) & _MASK
        if total:
            self._add(f"sqlite_autoindex_{table}_1", "", f"it does not have the names of {table}")

    def _names(self, table: str, last: int) -> Iterator[tuple[int, Any]]:
        key = 0
        while page := self._connection.execute(_NAMES.format(table=table), (key, INDEX_PAGE)).fetchall():
            yield from (row for row in page if row[0] <= last)
            if page[-1][0] <= key:
                raise ValueError(f"its keys are not in order behind {key}")
            key = page[-1][0]

    def _indexed_names(self, table: str) -> Iterator[tuple[bytes, int]]:
        sql = _INDEXED_NAMES.format(table=table)
        name = ""  # text, as the stored names are: SQLite sorts bytes behind all text
        while page := self._connection.execute(sql, (name, INDEX_PAGE)).fetchall():
            if not all(isinstance(found, StoredText) for found, _ in page):
                raise ValueError(f"a name behind {name!r} is not stored as text")
            yield from page
            behind = text(page[-1][0])
            if behind <= name:
                raise ValueError(f"the index of its names is not in order behind {name!r}")
            name = behind

    # Requests

    def _check_requests(self, partition: str) -> Iterator[None]:
        if self._format < 2:
            yield from self._check_requests_of_1(partition)
            return
        behind = added = 0
        while page := self._request_page(_REQUESTS, partition, behind):
            for number, key, fingerprint, outcome, crc in page:
                self._check_request(partition, key, fingerprint, outcome)
                if not requests.is_sound(key, fingerprint, outcome, crc):
                    self._add(partition, f"key {hexadecimal(key)}", "the record does not match its checksum")
                if number != behind + 1:
                    self._add(partition, f"number {behind + 1}", "missing")
                behind = max(behind + 1, number)
                added += index_sums.of_request(number, key if isinstance(key, bytes) else b"")
            yield
        self._check_keys(partition, behind, added)

    def _check_keys(self, partition: str, last: int, added: int) -> None:
        """Check the index of the keys up to the last record read: a server may have added others since."""
        entries, indexed = index_sums.of_keys(self._connection, partition, last)
        if (entries, indexed) != (last, added):
            index = f"sqlite_autoindex_{partition}_1"
            self._add(index, "", f"its entries ({entries:,}) do not match the records ({last:,})")

    def _check_requests_of_1(self, partition: str) -> Iterator[None]:
        behind = b""
        while page := self._request_page(_REQUESTS_OF_1, partition, behind):
            for key, fingerprint, outcome in page:
                self._check_request(partition, key, fingerprint, outcome)
            if not isinstance(page[-1][0], bytes) or page[-1][0] <= behind:
                raise ValueError(f"its keys are not in order behind {behind.hex()}")
            behind = page[-1][0]
            yield

    def _request_page(self, select: str, partition: str, behind: int | bytes) -> list[Row]:
        try:
            return self._connection.execute(select.format(partition=partition), (behind, PAGE)).fetchall()
        except sqlite3.Error:
            if partition in self._partitions():
                raise
            return []  # it is older than the request window, and has been dropped meanwhile

    def _check_request(self, partition: str, key: Any, fingerprint: Any, outcome: Any) -> None:
        self._findings.requests += 1
        wrong = self._wrong_with(partition, key, fingerprint, outcome)
        if wrong:
            self._add(partition, f"key {hexadecimal(key)}", wrong)

    def _wrong_with(self, partition: str, key: Any, fingerprint: Any, outcome: Any) -> str:
        """What is wrong with a request record; empty if nothing is."""
        if not all(isinstance(value, bytes) for value in (key, fingerprint, outcome)):
            return "its columns are of other types"
        try:
            record = StoredRequest(partition, key, fingerprint, outcome.decode())
            ranges = outcome_of(record)
        except (NotARequest, UnicodeDecodeError) as error:
            return str(error)
        if json.dumps(ranges, ensure_ascii=False, separators=(",", ":")) != record.outcome:
            return f"{record.outcome!r} is not written as outcomes are"
        for stream, first, last in ranges:
            wrong = self._wrong_range(key, stream, first, last)
            if wrong:
                return wrong
        return ""

    def _wrong_range(self, key: bytes, stream: str, first: int, last: int) -> str:
        found = self._connection.execute(_STREAM, (stream,)).fetchone()
        if last > (found[1] if found else 0):
            return f"its outcome, {stream} up to version {last}, lies beyond the end of the stream"
        expected = first
        for version, event in self._connection.execute(_VERSIONS, (stream, first, last)):
            if version != expected or not isinstance(event, bytes) or _key_of(event) != key:
                return f"{stream}, version {expected}, is of another request"
            expected += 1
        return "" if expected == last + 1 else f"{stream} has no version {expected}"


def _key_of(record: bytes) -> bytes:
    try:
        metadata = RecordedEventMessage.FromString(record).metadata
        return stored_key(RequestKey(metadata.actor, metadata.request_id))
    except (DecodeError, ValueError):
        return b""
