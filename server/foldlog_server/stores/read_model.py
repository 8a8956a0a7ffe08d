"""One SQLite file per view generation: disposable, exact, written by one thread and read in the loop's."""

import sqlite3
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, closing, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, cast

import aiosqlite

from foldlog_server.core.paging import Cursor
from foldlog_server.core.read_model import (
    Change,
    Checkpoint,
    ColumnFilter,
    Found,
    Matching,
    Page,
    Parked,
    ParkedEvent,
    Release,
    Row,
)
from foldlog_server.core.view import Key, View
from foldlog_server.stores import parked, view_files
from foldlog_server.stores import read_model_sql as sql
from foldlog_server.stores.parked import ParkedDocuments
from foldlog_server.stores.recent_documents import RecentDocuments
from foldlog_server.stores.refusals import ERRORS, of_reading_derived, of_writing_derived
from foldlog_server.stores.statements import REMEMBERED, Statement
from foldlog_server.stores.view_files import ViewFile, tables_of
from foldlog_server.stores.wal_file import wal_of
from foldlog_server.stores.writer_thread import WriterThread

Result = TypeVar("Result")


def _open_writer(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=REMEMBERED)
    view_files.set_up(connection)
    return connection


class SqliteReadModel:
    """The documents of one view in one file."""

    def __init__(
        self,
        file: ViewFile,
        tables: Mapping[str, sql.Table],
        thread: WriterThread,
        writer: sqlite3.Connection,
        scanner: aiosqlite.Connection,
        reader: sqlite3.Connection,
        connections: AsyncExitStack,
    ) -> None:
        self._file = file
        self._tables = tables
        self._thread = thread
        self._writer = writer
        self._scanner = scanner
        self._reader = reader
        self._connections = connections
        self._parked = ParkedDocuments(reader)
        self._recent = RecentDocuments()
        self._edition: str = reader.execute(sql.READ_EDITION).fetchone()[0]
        self._stored: int = reader.execute(sql.READ_POSITION).fetchone()[0]
        self._skipped_to: int = self._stored
        # Ids that grow with time, as those that the server makes, need not be looked for.
        self._greatest: dict[str, str] = {
            collection: reader.execute(table.greatest).fetchone()[0] for collection, table in tables.items()
        }

    @classmethod
    async def open(cls, file: ViewFile, view: View, thread: WriterThread) -> "SqliteReadModel":
        """The read model in a file that there is; `thread` writes it, and may write others."""
        # Only the writer ever moves the write-ahead log into the file, and it is the last to close.
        path, read_only = file.path, f"{file.path.absolute().as_uri()}?mode=ro"
        async with AsyncExitStack() as connections:
            writer = await thread.do(lambda: _open_writer(path))
            connections.push_async_callback(lambda: thread.do(writer.close))
            scanner = await connections.enter_async_context(
                aiosqlite.connect(read_only, uri=True, isolation_level=None)
            )
            reader = connections.enter_context(
                closing(
                    sqlite3.connect(read_only, uri=True, isolation_level=None, cached_statements=REMEMBERED)
                )
            )
            # Each has opened all that it reads or writes from now on: later there may be no descriptor left.
            await _in_its_thread(scanner, _set_up_reader)
            _set_up_reader(reader)
            return cls(file, tables_of(view), thread, writer, scanner, reader, connections.pop_all())

    @property
    def generation(self) -> str:
        return self._file.generation

    @property
    def position(self) -> int:
        return max(self._stored, self._skipped_to)

    @property
    def stored(self) -> int:
        return self._stored

    @property
    def edition(self) -> str:
        return self._edition

    @property
    def parked(self) -> Mapping[str, Mapping[str, Parked]]:
        return self._parked.waiting

    def queued(self, key: Key, limit: int) -> Sequence[int]:
        try:
            return self._parked.queued(self._reader, key, limit)
        except ERRORS as error:
            raise of_reading_derived(error) from error

    # A file that is at the checkpoint from which events were skipped has seen those too; one that is not has
    # been written since, and stands beyond them. So the greater of both is the position of what was read.

    # What waits is looked at before and after reading: what was read may be from either side of a commit.

    def get(self, key: Key) -> Found:
        waits = self._parked.has(key)
        stored, document = self._stored, self._recent.get(key)
        if document is None:
            stored, document = self._read(key)
        return Found(document, max(stored, self._skipped_to), waits or self._parked.has(key))

    def _read(self, key: Key) -> tuple[int, bytes | None]:
        """A document, and the position that it belongs to."""
        can_remember = self._recent.can_remember
        try:
            stored, document = self._reader.execute(self._tables[key.collection].get, (key.id,)).fetchone()
        except ERRORS as error:
            raise of_reading_derived(error) from error
        if can_remember and document is not None:
            self._recent.remember(key, document)
        return stored, document

    def load(self, keys: Iterable[Key]) -> Mapping[Key, bytes]:
        by_collection: defaultdict[str, list[str]] = defaultdict(list)
        greatest = self._greatest
        for collection, id in keys:
            if id <= greatest[collection]:
                by_collection[collection].append(id)
        try:
            return {
                Key(collection, id): document
                for collection, ids in by_collection.items()
                for statement in self._tables[collection].load(ids)
                for id, document in self._reader.execute(*statement).fetchall()
            }
        except ERRORS as error:
            raise of_reading_derived(error) from error

    async def page(
        self,
        collection: str,
        filters: Sequence[ColumnFilter] = (),
        *,
        by_id: bool = False,
        descending: bool = False,
        after: Cursor | None = None,
        limit: int,
    ) -> Page:
        statement = self._tables[collection].page(
            filters, by_id=by_id, descending=descending, after=after, limit=limit
        )
        waits = self._parked.has_any(collection)
        rows, position = await self._scan([statement])
        return Page([Row(*row) for row in rows], position, waits or self._parked.has_any(collection))

    async def matching(
        self, collection: str, ids: Collection[str], filters: Sequence[ColumnFilter] = ()
    ) -> Matching:
        rows, position = await self._scan(list(self._tables[collection].matching(ids, filters)))
        return Matching(dict(rows), position)

    async def _scan(self, statements: Sequence[Statement]) -> tuple[list[Any], int]:
        """All rows of the statements, and the position they belong to."""
        # Taken before the thread reads: what is skipped meanwhile may follow a write that it does not see.
        skipped_to = self._skipped_to
        try:
            rows, stored = await _in_its_thread(
                self._scanner, lambda connection: _scan(connection, statements)
            )
        except ERRORS as error:
            raise of_reading_derived(error) from error
        return rows, max(stored, skipped_to)

    def write(
        self,
        changes: Sequence[Change],
        base: int,
        checkpoint: Checkpoint,
        parked: Sequence[ParkedEvent] = (),
        released: Release | None = None,
    ) -> Awaitable[None]:
        self._recent.write_begins(change.key for change in changes)
        write = partial(self._write, changes, base, checkpoint, parked, released)
        return self._thread.do(partial(self._carry_out, write))

    def _carry_out(self, write: Callable[[], None]) -> None:
        try:
            write()
        finally:
            self._recent.write_ended()

    def _write(
        self,
        changes: Sequence[Change],
        base: int,
        checkpoint: Checkpoint,
        parked_events: Sequence[ParkedEvent],
        released: Release | None,
    ) -> None:
        edition = view_files.new_edition() if released is not None and released.events else self._edition
        statements = chain(
            self._statements(changes),
            parked.statements(parked_events, released),
            () if edition == self._edition else [Statement(sql.RENEW_EDITION, (edition,))],
        )
        with self._parked.about_to_change(self._writer, parked_events, released):
            try:
                _transact(self._writer, statements, base, checkpoint)
            except ERRORS as error:
                unavailable = of_writing_derived(error, wal_of(self._file.path))
                if unavailable is None:
                    raise
                self._make_room()
                raise unavailable from error
            # Here and not after an await: if that is cancelled, the transaction happens all the same.
            self._stored, self._edition = checkpoint.position, edition

    def _make_room(self) -> None:
        """Copy into the file what lies beside it, which can then be written over."""
        with suppress(*ERRORS):
            self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _statements(self, changes: Sequence[Change]) -> Iterator[Statement]:
        by_collection: defaultdict[str, list[Change]] = defaultdict(list)
        for change in changes:
            by_collection[change.key.collection].append(change)
        for collection, its_changes in by_collection.items():
            here = max([change.key.id for change in its_changes])
            self._greatest[collection] = max(self._greatest[collection], here)
            yield from self._tables[collection].write(its_changes)

    def skip_to(self, position: int) -> None:
        self._skipped_to = max(self._skipped_to, position)

    async def complete(self) -> None:
        await self._thread.do(lambda: self._writer.execute(sql.COMPLETE))

    async def close(self) -> None:
        await self._connections.aclose()

    async def discard(self) -> None:
        await self.close()
        self._file.delete()


async def _in_its_thread(
    connection: aiosqlite.Connection, function: Callable[[sqlite3.Connection], Result]
) -> Result:
    """Run a function on a connection in the thread that owns it.

    aiosqlite offers statements, each a hop to its thread and back; a whole transaction in one hop is only
    to be had through what its own statements are made of.
    """
    result = await connection._execute(function, connection._conn)  # type: ignore[no-untyped-call]
    return cast(Result, result)


def _set_up_reader(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA temp_store = MEMORY")
    _scan(connection, ())


def _scan(connection: sqlite3.Connection, statements: Sequence[Statement]) -> tuple[list[Any], int]:
    connection.execute("BEGIN")
    try:
        rows = [row for statement in statements for row in connection.execute(*statement).fetchall()]
        return rows, connection.execute(sql.READ_POSITION).fetchone()[0]
    finally:
        connection.execute("COMMIT")


def _transact(
    connection: sqlite3.Connection,
    statements: Iterable[Statement],
    base: int,
    checkpoint: Checkpoint,
) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements:
            connection.execute(*statement)
        moved = connection.execute(sql.MOVE_CHECKPOINT, (checkpoint.position, checkpoint.chain_hash, base))
        if moved.rowcount != 1:
            raise RuntimeError(f"The read model has moved beyond {base} under the projector that writes it.")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some errors end it by themselves
            connection.execute("ROLLBACK")
        raise
