"""Keeps one SQLite file per view generation: disposable, exact, written by one thread, read by the loop's."""

import sqlite3
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from functools import partial
from itertools import chain
from typing import Any, TypeVar

import aiosqlite

from foldlog_server.domain.view import AnyView, Key
from foldlog_server.stores.files.wal_file import wal_of
from foldlog_server.stores.sqlite.connections import connect_to_read, in_thread, read_only_uri
from foldlog_server.stores.sqlite.statements import REMEMBERED, Statement
from foldlog_server.stores.store_errors import ERRORS, for_derived_read, for_derived_write
from foldlog_server.stores.views import parked, view_checksums, view_files
from foldlog_server.stores.views import read_model_table as sql
from foldlog_server.stores.views.parked import ParkedDocuments
from foldlog_server.stores.views.recent_documents import RecentDocuments
from foldlog_server.stores.views.view_checksums import CheckpointRow
from foldlog_server.stores.views.view_damage import as_damage
from foldlog_server.stores.views.view_files import ViewFile
from foldlog_server.stores.views.view_writer import ViewWriter
from foldlog_server.stores.views.watched_files import WatchedFiles
from foldlog_server.stores.writer_thread import WriterThread
from foldlog_server.views.read_model import (
    Change,
    Checkpoint,
    ColumnFilter,
    Cursor,
    Found,
    Matching,
    Page,
    Parked,
    ParkedEvent,
    ReadModelDamaged,
    Release,
    Row,
)

Result = TypeVar("Result")


def _in_place() -> bool:
    return False


class SqliteReadModel:
    """The documents of one view in one file."""

    def __init__(
        self,
        file: ViewFile,
        tables: Mapping[str, sql.Table],
        thread: WriterThread,
        writer: ViewWriter,
        scanner: aiosqlite.Connection,
        reader: sqlite3.Connection,
        files: WatchedFiles,
        connections: AsyncExitStack,
    ) -> None:
        """Raises `ReadModelDamaged`."""
        self._file = file
        self._tables = tables
        self._thread = thread
        self._writer = writer
        self._files = files
        self._damage: ReadModelDamaged | None = None
        self._scanner = scanner
        self._reader = reader
        self._connections = connections
        self._parked = ParkedDocuments(reader)
        self._recent = RecentDocuments()
        self._stored = view_checksums.checkpoint_row(reader.execute(sql.READ_CHECKPOINT).fetchone())
        self._being_written = self._stored.position
        """The position that is being written, or was written last."""
        self._skipped_to = self._stored.position
        # New ids are mostly greater than all others, as those that the server makes, and need no lookup.
        self._greatest: dict[str, str] = {
            collection: reader.execute(table.greatest).fetchone()[0] for collection, table in tables.items()
        }

    @classmethod
    async def open(
        cls,
        file: ViewFile,
        view: AnyView,
        thread: WriterThread,
        is_detached: Callable[[], bool] = _in_place,
    ) -> "SqliteReadModel":
        """Open the read model in a file that exists; `thread` writes it, and may write others, too.

        `is_detached`, called in any thread, returns whether the data directory has been moved: the open files
        are still good then. Raises `ReadModelDamaged`, `OSError` and `sqlite3.Error`.
        """
        # Only the writer ever copies the write-ahead log into the file, and it closes last.
        path = file.path
        async with AsyncExitStack() as connections:
            writer = await thread.do(lambda: ViewWriter(path, is_detached))
            connections.push_async_callback(lambda: thread.do(writer.close))
            scanner = await connections.enter_async_context(
                aiosqlite.connect(read_only_uri(path), uri=True, isolation_level=None)
            )
            reader = connections.enter_context(closing(connect_to_read(path, cached_statements=REMEMBERED)))
            # Each connection opens all its files here: later there may be no descriptor left.
            await in_thread(scanner, _set_up_reader)
            _set_up_reader(reader)
            tables = view_files.tables_in(reader, file, view)
            model = cls(file, tables, thread, writer, scanner, reader, writer.files, connections)
            model._connections = connections.pop_all()
            return model

    @property
    def generation(self) -> str:
        return self._file.generation

    @property
    def position(self) -> int:
        return max(self._stored.position, self._skipped_to)

    @property
    def stored(self) -> int:
        return self._stored.position

    @property
    def edition(self) -> str:
        return self._stored.edition

    @property
    def parked(self) -> Mapping[str, Mapping[str, Parked]]:
        return self._parked.waiting

    def queued(self, key: Key, limit: int) -> Sequence[int]:
        return self._checked(lambda: self._parked.queued(self._reader, key, limit))

    def check(self) -> None:
        self._checked(self._files.check_all)

    def _checked(self, read: Callable[[], Result], *, check_files: bool = True) -> Result:
        """Read, then check that nobody else has changed the files; a failure raises what it means."""
        if self._damage is not None:
            raise self._damage
        try:
            result = read()
            if check_files:
                self._files.check()
        except (ReadModelDamaged, *ERRORS) as error:
            self._note_damage(error)
            raise for_derived_read(error) from error
        return result

    def _note_damage(self, error: Exception) -> None:
        """If an error means damage, raise `ReadModelDamaged` for it, now and at every later read."""
        damage = as_damage(error)
        if damage is None and isinstance(error, sqlite3.OperationalError):
            try:
                self._files.check_all()
            except ReadModelDamaged as change:
                damage = change
        if damage is not None:
            self._damage = self._damage or damage
            self._writer.is_sound = False
            if damage is not error:
                raise damage from error

    def _check_position(self, before: int, found: Any) -> None:
        """Raise `ReadModelDamaged` unless the position was written before the read or during it."""
        if not isinstance(found, int) or not before <= found <= max(
            self._stored.position, self._being_written
        ):
            raise ReadModelDamaged(f"its position cannot be {found}")

    # If the file is still at the checkpoint from which events were skipped, it has seen those, too; otherwise
    # it was written since, and is beyond them. So the greater of both is the position of what was read.

    # Whether a document waits is checked before and after reading, which may be on either side of a commit.

    def get(self, key: Key) -> Found:
        waits = self._parked.has(key)
        stored, document = self._stored.position, self._recent.get(key)
        if document is None or self._damage is not None:
            stored, document = self._checked(lambda: self._read(key))
        return Found(document, max(stored, self._skipped_to), waits or self._parked.has(key))

    def _read(self, key: Key) -> tuple[int, bytes | None]:
        """The position of the file, and the document at that position."""
        can_remember, before = self._recent.can_remember, self._stored.position
        row = self._reader.execute(self._tables[key.collection].get, (key.id,)).fetchone()
        if row is None:
            raise ReadModelDamaged("it has no checkpoint")
        stored: int = row[0]
        self._check_position(before, stored)
        if row[-1] is None and row[-2] is None:  # there is no such document
            return stored, None
        document = view_checksums.checked_document(key.id, row, 1)
        if can_remember:
            self._recent.remember(key, document)
        return stored, document

    def load(self, keys: Iterable[Key]) -> Mapping[Key, bytes]:
        by_collection: defaultdict[str, list[str]] = defaultdict(list)
        greatest = self._greatest
        for collection, id in keys:
            if id <= greatest[collection]:
                by_collection[collection].append(id)
        # The write that follows checks the files.
        return self._checked(lambda: self._load(by_collection), check_files=False) if by_collection else {}

    def _load(self, by_collection: Mapping[str, Sequence[str]]) -> Mapping[Key, bytes]:
        checked = view_checksums.checked_document
        return {
            Key(collection, row[0]): checked(row[0], row, 1)
            for collection, ids in by_collection.items()
            for statement in self._tables[collection].load(ids)
            for row in self._reader.execute(*statement).fetchall()
        }

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
        rows, position = await self._scan([statement], _row_of_page)
        return Page(rows, position, waits or self._parked.has_any(collection))

    async def matching(
        self, collection: str, ids: Collection[str], filters: Sequence[ColumnFilter] = ()
    ) -> Matching:
        statements = list(self._tables[collection].matching(ids, filters))
        rows, position = await self._scan(statements, _document_of)
        return Matching(dict(rows), position)

    async def _scan(
        self, statements: Sequence[Statement], checked: Callable[[Sequence[Any]], Result]
    ) -> tuple[list[Result], int]:
        """The checked rows of the statements, and the position that they belong to."""
        # Taken before the thread reads: later skips may follow a write that the read does not see.
        skipped_to, before = self._skipped_to, self._stored.position

        def read(connection: sqlite3.Connection) -> tuple[list[Result], int]:
            rows, stored = _scan(connection, statements)
            self._check_position(before, stored)
            return [checked(row) for row in rows], stored

        rows, stored = await in_thread(
            self._scanner, lambda connection: self._checked(lambda: read(connection))
        )
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
        return self._thread.do(partial(self._write_and_end, write))

    def _write_and_end(self, write: Callable[[], None]) -> None:
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
        """Raises `ReadModelDamaged` and `ReadModelUnavailable`."""
        is_other = released is not None and bool(released.events)
        edition = view_files.new_edition() if is_other else self._stored.edition
        after = self._stored._replace(
            position=checkpoint.position, chain_hash=checkpoint.chain_hash, edition=edition
        )
        statements = chain(self._statements(changes), parked.statements(parked_events, released))
        counts = bool(parked_events) or released is not None
        try:
            if self._damage is not None:
                raise self._damage
            with (
                self._writer.writing() as writer,
                self._parked.about_to_change(writer, parked_events, released),
            ):
                self._being_written = after.position
                # Set here and not after an await: if that is cancelled, the transaction still happens.
                self._stored = _transact(writer, statements, base, self._stored, after, counts=counts)
        except (ReadModelDamaged, *ERRORS) as error:
            self._note_damage(error)
            unavailable = for_derived_write(error, wal_of(self._file.path))
            if unavailable is None:
                raise
            self._writer.make_room()
            raise unavailable from error

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
        await self._thread.do(self._complete)

    def _complete(self) -> None:
        after = self._stored._replace(is_complete=1)
        with self._writer.writing() as writer:
            writer.execute(sql.COMPLETE, (after.checksum,))
            self._stored = after

    async def close(self) -> None:
        await self._connections.aclose()

    async def discard(self) -> None:
        await self.close()
        self._file.delete()


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


def _row_of_page(row: Sequence[Any]) -> Row:
    id, made = row[0], row[1]
    view_checksums.check_place(id, made, row[2])
    return Row(id, made, view_checksums.checked_document(id, row, 3))


def _document_of(row: Sequence[Any]) -> tuple[str, bytes]:
    return row[0], view_checksums.checked_document(row[0], row, 1)


def _transact(
    connection: sqlite3.Connection,
    statements: Iterable[Statement],
    base: int,
    before: CheckpointRow,
    after: CheckpointRow,
    *,
    counts: bool,
) -> CheckpointRow:
    """Commit the statements with the new checkpoint, and return it; `counts` if parked events change."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements:
            connection.execute(*statement)
        if counts:
            after = after._replace(parked=connection.execute(sql.COUNT_PARKED).fetchone()[0])
        _, position, chain_hash, edition, _, parked = after
        move = (position, chain_hash, edition, parked, after.checksum, base)
        if connection.execute(sql.MOVE_CHECKPOINT, move).rowcount != 1:
            if before.position <= base:
                raise ReadModelDamaged("its checkpoint is not where it was put")
            raise RuntimeError(f"The read model is beyond position {base}, from which its projector writes.")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some errors roll back by themselves
            connection.execute("ROLLBACK")
        raise
    return after
