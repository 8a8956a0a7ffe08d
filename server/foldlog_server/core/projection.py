"""The documents of one batch: decoded at the first touch, changed in place, encoded once."""

from collections.abc import Iterable, Mapping, Sequence

from google.protobuf.message import Message

from foldlog_server.core.events import RecordedEvent
from foldlog_server.core.read_model import Change, IndexedColumn
from foldlog_server.core.view import Key, View


class Projection:
    """What a batch of events makes of the documents of a view."""

    def __init__(self, view: View, columns: Mapping[str, Sequence[IndexedColumn]]) -> None:
        """`columns` are the indexed columns of each collection."""
        self._view = view
        self._columns = columns
        self._loaded: dict[Key, bytes] = {}
        self._documents: dict[Key, Message | None] = {}
        self._made: dict[Key, int] = {}

    @property
    def touched(self) -> Sequence[Key]:
        """The keys of all documents that an event has touched."""
        return list(self._documents)

    def load(self, documents: Mapping[Key, bytes]) -> None:
        """Take in documents as they were before the batch; the others of its keys were not there."""
        self._loaded.update(documents)

    def touch(self, key: Key, recorded: RecordedEvent) -> None:
        """Let the view say what an event makes of a document."""
        before = self._documents[key] if key in self._documents else self._decode(key)
        after = self._view.evolve(key, before, recorded)
        if before is None and after is not None:
            self._made[key] = recorded.position
        self._documents[key] = after

    def _decode(self, key: Key) -> Message | None:
        document = self._loaded.get(key)
        return None if document is None else self._view.collections[key.collection].FromString(document)

    def changes(self, keys: Iterable[Key]) -> list[Change]:
        """What becomes of touched documents; those that came and went within the batch were never there."""
        return [
            self._change(key, self._documents[key])
            for key in keys
            if self._documents[key] is not None or key in self._loaded
        ]

    def _change(self, key: Key, document: Message | None) -> Change:
        if document is None:
            return Change(key, None)
        columns = tuple(column.value(document) for column in self._columns[key.collection])
        return Change(key, document.SerializeToString(deterministic=True), columns, self._made.get(key))
