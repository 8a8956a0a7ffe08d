"""The documents of one batch: decoded at the first touch, changed in place, encoded once."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from google.protobuf.message import Message

from foldlog_server.core.events import RecordedEvent
from foldlog_server.core.read_model import Change, IndexedColumn, ReadModel
from foldlog_server.core.view import Key, View

SLICE = 64
"""Events, or documents, between two turns of the loop."""

Touch: TypeAlias = tuple[RecordedEvent, Sequence[Key]]
"""An event, and documents that it may change."""


class Indigestible(Exception):
    """An event that a view could not digest."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the event at position {position} cannot be digested")
        self.position = position


class Projection:
    """What a batch of events makes of the documents of a view."""

    def __init__(
        self,
        view: View,
        wanted: Container[str],
        columns: Mapping[str, Sequence[IndexedColumn]],
        read_model: ReadModel,
    ) -> None:
        """`wanted` are the full names of the view's events, `columns` the indexed ones of each collection.

        Nobody else writes the read model meanwhile.
        """
        self._view = view
        self._wanted = wanted
        self._columns = columns
        self._read_model = read_model
        self._documents: dict[Key, Message | None] = {}
        self._stored: set[Key] = set()
        self._made: dict[Key, int] = {}

    @property
    def touched(self) -> Sequence[Key]:
        """The keys of all documents that an event has touched."""
        return list(self._documents)

    def touches(self, events: Iterable[RecordedEvent]) -> Iterator[tuple[int, Sequence[Touch]]]:
        """What the events touch, in slices with their sizes: one event may touch thousands of documents.

        Raises `Indigestible`.
        """
        wanted, keys_of = self._wanted, self._view.keys
        size = 0
        touches: list[Touch] = []
        for recorded in events:
            if recorded.type not in wanted:
                continue
            try:
                keys = tuple(keys_of(recorded))
            except Exception as cause:
                raise Indigestible(recorded.position) from cause
            for some in (keys,) if len(keys) <= SLICE else _slices(keys):
                touches.append((recorded, some))
                size += len(some)
                if size >= SLICE:
                    yield size, touches
                    size, touches = 0, []
        if touches:
            yield size, touches

    def take(self, touches: Sequence[Touch]) -> None:
        """Let the view say what the events make of the documents; raises `Indigestible`."""
        documents, made, evolve = self._documents, self._made, self._view.evolve
        self._load(touches)
        for recorded, keys in touches:
            try:
                for key in keys:
                    before = documents[key]
                    after = documents[key] = evolve(key, before, recorded)
                    if before is None and after is not None:
                        made[key] = recorded.position
            except Exception as cause:
                raise Indigestible(recorded.position) from cause

    def _load(self, touches: Sequence[Touch]) -> None:
        documents = self._documents
        unknown = dict.fromkeys([key for _, keys in touches for key in keys if key not in documents])
        if unknown:
            documents.update(unknown)
            collections = self._view.collections
            for key, document in self._read_model.load(unknown).items():
                self._stored.add(key)
                documents[key] = collections[key.collection].FromString(document)

    def changes(self, keys: Iterable[Key]) -> list[Change]:
        """What becomes of touched documents; those that came and went within the batch were never there."""
        changes: list[Change] = []
        for key in keys:
            document = self._documents[key]
            if document is not None:
                columns = tuple([column.value(document) for column in self._columns[key.collection]])
                changes.append(Change(key, document.SerializeToString(), columns, self._made.get(key)))
            elif key in self._stored:
                changes.append(Change(key, None))
        return changes


def _slices(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    for start in range(0, len(keys), SLICE):
        yield keys[start : start + SLICE]
