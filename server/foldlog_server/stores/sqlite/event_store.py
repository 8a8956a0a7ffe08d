"""Keeps a log in an SQLite file: one writer with group commit, and readers that never wait for it."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import aiosqlite

from foldlog_server.errors import IndexDamaged, LogDetached, StoreError, StoreUnavailable
from foldlog_server.log.event_store import Append, Appended, Head, RecordedRequest, RequestKey
from foldlog_server.log.events import EncodedEvent
from foldlog_server.log.lineage import Lineage
from foldlog_server.log.record import NO_CHAIN
from foldlog_server.stores.encoded_append import admit
from foldlog_server.stores.files import private_files
from foldlog_server.stores.files.data_directory import log_file
from foldlog_server.stores.files.held_files import FilesChanged, HeldFiles
from foldlog_server.stores.group_commit import GroupCommit
from foldlog_server.stores.head import HeadSignal
from foldlog_server.stores.newest_events import NewestEvents
from foldlog_server.stores.opening import before_opening, loss
from foldlog_server.stores.read_error_log import ReadErrorLog
from foldlog_server.stores.served import Served
from foldlog_server.stores.sqlite import rows, schema
from foldlog_server.stores.sqlite.connections import in_thread, read_only_uri
from foldlog_server.stores.sqlite.lineage import read_lineage
from foldlog_server.stores.sqlite.reader import SqliteLogReader
from foldlog_server.stores.sqlite.source import SqliteLogSource, raising_store_errors
from foldlog_server.stores.sqlite.statements import REMEMBERED
from foldlog_server.stores.sqlite.writer import Accepted, LogWriter, Outcome

T = TypeVar("T")

_log = logging.getLogger("foldlog")

IDLE_SECONDS = 1.0
"""How often the log's files are checked while nothing is stored."""

CHECKS_TO_CHECKPOINT = 10
"""A checkpoint that failed is retried after so many checks of the files."""

POINT_READ_EVENTS = 100
"""So many events of a stream are read in the loop's thread; a longer read moves to the scanner's thread."""


class SqliteEventStore:
    """An event store that keeps its log in `<directory>/log.db`.

    During a shortage it refuses what it cannot store or read, with `StoreFull` or `StoreHindered`, and keeps
    running. After a commit whose sync failed, it is unknown what was stored. The store then raises
    `StoreUnavailable` for everything that waits, for every later append, and for every lookup of a stream or
    a request, because what is not found now may exist after a restart. It calls `on_failure` once: the
    process must stop, and verify the log's end when it starts again. After `close`, and after a failure,
    `wait_beyond` raises `StoreUnavailable`.

    When the log's paths no longer lead to its open files, the store is detached: a restart may not find what
    was just written, so its outcome is reported as unknown, and everything later is refused with
    `LogDetached`. Reads still work, from the open files, so that the data can be saved.
    """

    def __init__(
        self,
        writer: LogWriter,
        connection: aiosqlite.Connection,
        reader: SqliteLogReader,
        scanner: aiosqlite.Connection,
        lineage: Lineage,
        clock: Callable[[], int],
        served: Served,
        on_failure: Callable[[BaseException], None],
        files: HeldFiles,
        resources: AsyncExitStack,
    ) -> None:
        self.log_id = reader.log_id
        self.lineage = lineage
        self._writer = writer
        self._known = writer.known
        self._connection = connection
        self._reader = reader
        self._scanner = scanner
        self._clock = clock
        self._served = served
        self._on_failure = on_failure
        self._on_refusing: list[Callable[[], None]] = []
        self._files = files
        self._resources = resources
        self._loop = asyncio.get_running_loop()
        self._head = HeadSignal(writer.head)
        self._newest = NewestEvents(writer.head.position + 1)
        self._newest.extend(writer.newest)
        self._commits = GroupCommit(self._write, _weight)
        self._failed = False
        self._refusing = False
        """Failed, or closed."""
        self._detached = False
        self._is_distrusted = False
        self._saving: asyncio.Task[None] | None = None
        self._shrinking: asyncio.Task[None] | None = None
        self._checks = 0
        self._read_errors = ReadErrorLog()
        self._watch = self._loop.call_later(IDLE_SECONDS, self._check_files)

    @classmethod
    async def open(
        cls,
        directory: Path,
        *,
        clock: Callable[[], int],
        new_id: Callable[[], str],
        request_window: timedelta = timedelta(hours=24),
        on_failure: Callable[[BaseException], None],
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> "SqliteEventStore":
        """Open the log of a directory, or create it; raises `CannotOpen`.

        `clock` returns nanoseconds since the epoch, `new_id` the id for a new log, and `monotonic` the
        nanoseconds that measure the request window.
        """
        file = log_file(directory)
        window_ns = request_window // timedelta(microseconds=1) * 1000

        def set_up(raw: sqlite3.Connection) -> LogWriter:
            schema.set_up_writer(raw, file, new_id, clock(), window_ns)
            writer = LogWriter(raw, file, window_ns)
            schema.record_opening(raw, writer.head.position, clock())
            return writer

        async with AsyncExitStack() as resources:
            resources.enter_context(before_opening.raising_cannot_open(directory, file))
            files = before_opening.lock_files(directory, file)
            resources.callback(files.close)
            loss.check_that_nothing_is_lost(directory)
            # A file that cannot be opened fails here already: aiosqlite would leave a thread behind.
            sqlite3.connect(file).close()
            connection = await aiosqlite.connect(file, isolation_level=None, cached_statements=REMEMBERED)
            resources.push_async_callback(connection.close)
            writer = await in_thread(connection, set_up)
            reader = resources.enter_context(SqliteLogReader.open(directory))
            uri = read_only_uri(file)
            scanner = await aiosqlite.connect(uri, uri=True, isolation_level=None)
            resources.push_async_callback(scanner.close)
            await in_thread(scanner, schema.set_up_reader)
            # Not earlier: a file that is not ours stays as it is.
            private_files.make_directory_private(directory)
            files.hold_beside()
            files.check()
            lineage = await in_thread(scanner, read_lineage)
            kept = resources.pop_all()
        served = Served(writer.served, monotonic)
        return cls(writer, connection, reader, scanner, lineage, clock, served, on_failure, files, kept)

    @property
    def head(self) -> Head:
        return self._head.head

    @property
    def refusal(self) -> StoreError | None:
        if self._detached:
            return LogDetached()
        return IndexDamaged().not_looked_up() if self._is_distrusted else None

    @property
    def is_out_of_place(self) -> bool:
        """Whether the log's paths no longer lead to its files; checked now, in any thread."""
        if self._detached:
            return True
        try:
            self._files.check()
        except FilesChanged:
            return True
        return False

    def append(self, append: Append) -> asyncio.Future[Appended]:
        accepted = Accepted(append, admit(append), self._loop.create_future())
        refusal = self.refusal
        if refusal is not None:
            _settle(accepted, refusal)
        elif self._refusing:
            _settle(accepted, StoreUnavailable())
        else:
            self._commits.add(accepted)
        return accepted.future

    async def find_request(self, key: RequestKey) -> RecordedRequest | None:
        self._check_certain()
        return self._read(lambda: self._reader.find_request(key))

    async def read_stream(
        self, stream: str, *, from_version: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        self._check_certain()
        _, known = self._known.find(stream)
        few = self._read(
            lambda: self._reader.read_stream(
                stream,
                from_version=from_version,
                backwards=backwards,
                limit=min(limit, POINT_READ_EVENTS),
                known=known,
            )
        )
        if few and not known and min(few[0].position, few[-1].position) <= self._known.head:
            raise IndexDamaged(stream)  # it leads to a stream that the table of streams does not have
        if limit <= POINT_READ_EVENTS or len(few) < POINT_READ_EVENTS:
            return few
        return await self._scan(
            lambda scanner: rows.read_stream(scanner, stream, from_version, backwards, limit, known)
        )

    async def read_all(
        self, *, from_position: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        near = self._newest.read(from_position, backwards, limit)
        if near is not None:
            return near
        return await self._scan(lambda scanner: rows.read_all(scanner, from_position, backwards, limit))

    async def chain_hash_at(self, position: int) -> bytes | None:
        return NO_CHAIN if position == 0 else self._read(lambda: self._reader.chain_hash(position))

    def names(self) -> tuple[Sequence[str], Sequence[str]]:
        """All types of stored events, and all categories of streams; raises `sqlite3.Error`."""
        return self._reader.types(), self._reader.categories()

    async def source(self) -> SqliteLogSource:
        """Everything that the log holds now, for a copy; it is read page by page between other reads."""
        return await SqliteLogSource.open(lambda function: self._scan(raising_store_errors(function)))

    async def wait_beyond(self, position: int) -> None:
        await self._head.wait_beyond(position)

    async def close(self) -> None:
        self._refusing = True
        self._watch.cancel()
        await self._commits.drained()
        if self.is_out_of_place and not self._detached:
            self._check_files()  # nothing is copied into a database that somebody else has changed
        for task in (self._saving, self._shrinking):
            if task is not None:
                await task
        self._head.end()
        if self._detached:
            await self._close_all_but_the_reader()
        else:
            await self._store_served()
            await self._resources.aclose()

    async def _store_served(self) -> None:
        # If this fails, the request window only lasts longer; a closed connection has already stored it.
        with suppress(sqlite3.Error, ValueError):
            if not self._failed:
                await in_thread(self._connection, lambda _: self._writer.store_served(self._served.now()))

    async def _close_all_but_the_reader(self) -> None:
        # The last connection that closes removes `log.db-wal` by its name, and that may be another file now.
        _kept_open.append(self._reader)
        await self._scanner.close()
        await self._connection.close()
        self._files.close()

    def _read(self, read: Callable[[], T]) -> T:
        """Read in the loop's thread."""
        try:
            return read()
        except StoreError as error:
            self._read_errors.report(error)
            raise

    async def _scan(self, read: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await in_thread(self._scanner, read)
        except ValueError as error:  # aiosqlite raises it for a closed connection
            raise StoreUnavailable from error
        except StoreError as error:
            self._read_errors.report(error)
            raise

    async def _write(self, batch: list[Accepted]) -> None:
        """Write a batch with one hop to the writer's thread, and settle it in one turn of the loop."""
        if self._failed or self._detached:
            self._settle_all(batch, [LogDetached() if self._detached else StoreUnavailable() for _ in batch])
            return
        try:
            now, served = self._clock(), self._served.now()
            outcomes, change = await in_thread(
                self._connection, lambda _: self._write_and_check(batch, now, served)
            )
        except BaseException as error:  # also if the task is cancelled: its thread writes all the same
            self._settle_all(batch, _unavailable(batch))
            self._fail(error)
            return
        self._publish(outcomes)
        if change is None:
            self._settle_all(batch, outcomes)
            await self._checkpoint()
        else:
            self._settle_all(batch, _unavailable(batch))
            self._detach(change)

    def _write_and_check(
        self, batch: list[Accepted], now: int, served: int
    ) -> tuple[Sequence[Outcome], FilesChanged | None]:
        """Write a batch; returns its outcomes, and what has changed about the files, if anything."""
        outcomes = self._writer.write(batch, now, served)
        try:
            self._files.check()
        except FilesChanged as change:
            return outcomes, change
        return outcomes, None

    async def _checkpoint(self) -> None:
        """Checkpoint if it is time; called after the answers, which need not wait for it."""
        if self._writer.wants_checkpoint:
            await self._copy_into_database()

    async def _copy_into_database(self) -> None:
        def checkpoint(_: sqlite3.Connection) -> None:
            with self._files.writing():
                self._writer.checkpoint()

        try:
            await in_thread(self._connection, checkpoint)
        except FilesChanged as change:
            self._detach(change)
        except BaseException as error:
            self._fail(error)

    def _publish(self, outcomes: Sequence[Outcome]) -> None:
        """Make what was stored visible to readers and followers of the log."""
        self._writer.make_known()
        stored = [event for outcome in outcomes if isinstance(outcome, Appended) for event in outcome.events]
        if stored:
            self._newest.extend(stored)
            self._head.advance(self._writer.head)

    @staticmethod
    def _settle_all(batch: list[Accepted], outcomes: Sequence[Outcome]) -> None:
        for accepted, outcome in zip(batch, outcomes, strict=True):
            _settle(accepted, outcome)

    # When the files have changed

    def when_refusing(self, callback: Callable[[], None]) -> None:
        """Call back when commands are refused for good; at once if they already are."""
        self._on_refusing.append(callback)
        if self.refusal is not None:
            callback()

    def distrust(self) -> None:
        """Refuse commands and reads of streams from now on, because an index does not fit its table."""
        self._is_distrusted = True
        self._notify_refusing()

    def _notify_refusing(self) -> None:
        for callback in self._on_refusing:
            callback()

    def scan(self, function: Callable[[sqlite3.Connection], T]) -> Awaitable[T]:
        """Run a function on the connection for long reads, in its thread."""
        return in_thread(self._scanner, function)

    def _check_files(self) -> None:
        self._served.now()  # counts the time that passes while nothing is stored
        try:
            self._files.check()
        except FilesChanged as change:
            self._detach(change)
        else:
            self._watch = self._loop.call_later(IDLE_SECONDS, self._check_files)
            self._checks += 1
            wanted = self._writer.lacks_checkpoint and self._checks % CHECKS_TO_CHECKPOINT == 0
            is_idle = self._shrinking is None or self._shrinking.done()
            if is_idle and (wanted or self._writer.is_kept_large):
                self._shrinking = self._loop.create_task(self._copy_into_database())

    def _detach(self, change: FilesChanged) -> None:
        if self._detached or self._failed:
            return
        self._detached = True
        self._watch.cancel()
        _log.critical(
            "The log is no longer where it was opened: %s. Commands are refused from now on. This process "
            "can still read all %d events: before you end it, take a backup through it: "
            "foldlog backup DEST --address ADDRESS.",
            change,
            self.head.position,
        )
        self._notify_refusing()
        if self._files.log_is_in_place:
            self._saving = self._loop.create_task(self._save())

    async def _save(self) -> None:
        """Copy the write-ahead log, whose path is lost, into the database, which is still in its place."""
        try:
            saved = await in_thread(self._connection, lambda _: self._writer.save())
        except sqlite3.Error as error:
            _log.critical("What is stored could not be copied into log.db: %s.", error)
            return
        if saved:
            _log.critical("All that is stored has been copied into log.db, which is still in its place.")

    def _check_certain(self) -> None:
        """Raise `StoreUnavailable` if the end of the log is unknown, `IndexDamaged` if an index is wrong."""
        if self._failed:
            raise StoreUnavailable
        if self._is_distrusted:
            raise IndexDamaged

    def _fail(self, error: BaseException) -> None:
        self._failed = self._refusing = True
        self._head.end()
        self._on_failure(error)


_kept_open: list[SqliteLogReader] = []
"""Readers of detached stores, which stay open until the process ends."""


def _unavailable(batch: list[Accepted]) -> list[Outcome]:
    return [StoreUnavailable() for _ in batch]


def _settle(accepted: Accepted, outcome: Outcome) -> None:
    append, future = accepted.append, accepted.future
    append.after = ()
    if isinstance(outcome, Appended):
        if not future.done():  # it may have been cancelled
            future.set_result(outcome)
        return
    append.failed = True
    if not future.done():
        future.set_exception(outcome)


def _weight(accepted: Accepted) -> int:
    return sum([len(event.data) for part in accepted.append.streams for event in part.events])
