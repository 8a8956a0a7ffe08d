"""Keeps parked events in a read model's file and in memory; `views/batch.py` says which are parked."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from foldlog_server.domain.view import Key
from foldlog_server.stores.sqlite.statements import Statement, Value, over, statement
from foldlog_server.stores.views import view_checksums
from foldlog_server.views.read_model import Parked, ParkedEvent, Release

CREATE = statement("create_parked")
LOAD = statement("select_parked")
_FIRST = statement("select_parked_document")
_QUEUED = statement("select_parked_positions")
_PARK = statement("insert_parked")
_RELEASE = statement("delete_parked")


def statements(parked: Sequence[ParkedEvent], released: Release | None) -> Iterator[Statement]:
    """The statements that change the table; the released events are deleted first."""
    if released is not None:
        yield Statement(_RELEASE, (*released.key, released.through))
    yield from over([_row(event) for event in parked], _PARK)


def _row(event: ParkedEvent) -> Sequence[Value]:
    values = (*event.key, event.position, event.error)
    return *values, view_checksums.of_parked(*values)


class ParkedDocuments:
    """The documents that wait for parked events, as in the file; changed in the thread that writes it."""

    def __init__(self, reader: sqlite3.Connection) -> None:
        """Raises `ReadModelDamaged`."""
        self.waiting: dict[str, dict[str, Parked]] = {}
        """By collection and id."""
        self._announced: frozenset[Key] = frozenset()
        for collection, id, position, error, checksum in reader.execute(LOAD):
            view_checksums.check_parked(collection, id, position, error, checksum)
            self._add([ParkedEvent(Key(collection, id), position, error)])

    @contextmanager
    def about_to_change(
        self, writer: sqlite3.Connection, parked: Sequence[ParkedEvent], released: Release | None
    ) -> Iterator[None]:
        """Apply the changes when they are committed, which is when the block ends without an error.

        Answers are marked from the beginning of the block: a reader sees a commit before its writer does.
        """
        if not parked and released is None:
            yield
            return
        self._announced = frozenset(event.key for event in parked)
        try:
            yield
            if released is not None:
                self._read_again(writer, released.key)
            else:
                self._add(parked)
        finally:
            self._announced = frozenset()

    def _add(self, parked: Sequence[ParkedEvent]) -> None:
        for (collection, id), position, error in parked:
            waiting = self.waiting.setdefault(collection, {})
            first = waiting.get(id) or Parked(position, error, 0)
            waiting[id] = first._replace(events=first.events + 1)

    def _read_again(self, writer: sqlite3.Connection, key: Key) -> None:
        position, error, events = writer.execute(_FIRST, key).fetchone()
        waiting = self.waiting.setdefault(key.collection, {})
        if events:
            waiting[key.id] = Parked(position, error, events)
        else:
            waiting.pop(key.id, None)
            if not waiting:
                del self.waiting[key.collection]

    def has(self, key: Key) -> bool:
        """Whether a document waits."""
        if not self.waiting and not self._announced:
            return False
        return key.id in self.waiting.get(key.collection, ()) or key in self._announced

    def has_any(self, collection: str) -> bool:
        """Whether any document of a collection waits."""
        announced = self._announced
        return bool(self.waiting.get(collection)) or any(key.collection == collection for key in announced)

    @staticmethod
    def queued(reader: sqlite3.Connection, key: Key, limit: int) -> Sequence[int]:
        """The first positions that are parked for a document, in order; raises `ReadModelDamaged`."""
        rows = reader.execute(_QUEUED, (*key, limit)).fetchall()
        for row in rows:
            view_checksums.check_parked(*key, *row)
        return [position for position, _, _ in rows]
