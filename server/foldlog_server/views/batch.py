"""Applies a batch of events to documents: each is decoded at its first event, changed in place, encoded once.

If the view fails to apply an event to a document, the event is parked for that document and for no other. The
document stays as it was before the event. Later events of the same document are parked behind it, so that a
retry applies all of them in order. If the view fails to say which documents an event touches, it stops there.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias

from google.protobuf.message import Message

from foldlog_server.domain.view import AnyView, Key
from foldlog_server.log.events import AnyRecordedEvent
from foldlog_server.views.definition import IndexedColumn
from foldlog_server.views.read_model import Change, ParkedEvent, ReadModel

SLICE = 64
"""How many events, or documents, are processed before the loop gets a turn."""

LONGEST_ERROR = 500
"""How many characters of an error are stored."""

Touch: TypeAlias = tuple[AnyRecordedEvent, Sequence[Key]]
"""An event, and the keys of the documents that it may change."""


class CannotApply(Exception):
    """An event that cannot be applied, and that stops the view."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the event at position {position} cannot be applied")
        self.position = position


class ViewBatch:
    """The changes that one batch of events makes to the documents of a view."""

    def __init__(
        self,
        view: AnyView,
        wanted: Container[str],
        columns: Mapping[str, Sequence[IndexedColumn]],
        read_model: ReadModel,
        batch: Callable[[], Iterable[AnyRecordedEvent]],
        *,
        retried: Key | None = None,
    ) -> None:
        """`wanted` are the full names of the view's events, `columns` the indexed ones of each collection.

        `batch` returns the events of the batch again, in order. Events of the document `retried` are applied
        although it is parked. Nobody else writes the read model meanwhile.
        """
        self.parked: list[ParkedEvent] = []
        """The events that were parked, in order."""
        self.causes: list[Exception] = []
        """The exceptions of those that could not be applied."""
        self._view = view
        self._wanted = wanted
        self._columns = columns
        self._read_model = read_model
        self._retried = retried
        self._documents: dict[Key, Message | None] = {}
        self._stored: set[Key] = set()
        self._made: dict[Key, int] = {}
        self._batch = batch
        self._by_key: dict[Key, list[AnyRecordedEvent]] | None = None
        self._waiting: set[Key] = set()

    @property
    def touched(self) -> Sequence[Key]:
        """The keys of all documents that an event of the batch touches."""
        return list(self._documents)

    def touches(self, events: Iterable[AnyRecordedEvent]) -> Iterator[tuple[int, Sequence[Touch]]]:
        """Yields slices of what the events touch, with their sizes: one event may touch thousands of
        documents.

        Raises `CannotApply` for an event of which the view cannot say what it touches.
        """
        wanted, keys_of = self._wanted, self._view.keys
        size = 0
        touches: list[Touch] = []
        for recorded in events:
            if recorded.type not in wanted:
                continue
            try:
                keys = tuple(keys_of(recorded))
            except MemoryError:
                raise
            except Exception as cause:
                raise CannotApply(recorded.position) from cause
            if len(keys) > SLICE:
                if touches:
                    yield size, touches
                    size, touches = 0, []
                yield from ((len(some), [(recorded, some)]) for some in _slices(keys))
                continue
            touches.append((recorded, keys))
            size += len(keys)
            if size >= SLICE:
                yield size, touches
                size, touches = 0, []
        if touches:
            yield size, touches

    def apply(self, touches: Sequence[Touch]) -> None:
        """Apply the events to the documents; park those that fail, and those behind them."""
        documents, made, evolve = self._documents, self._made, self._view.evolve
        may_wait = bool(self._read_model.parked or self._waiting)
        self._load(touches)
        for recorded, keys in touches:
            for key in keys:
                if may_wait and self._waits(key):
                    self.parked.append(ParkedEvent(key, recorded.position))
                    continue
                before = documents[key]
                try:
                    after = documents[key] = evolve(key, before, recorded)
                except MemoryError:  # not caused by the event
                    raise
                except Exception as cause:
                    may_wait = True
                    self._park(key, recorded, cause)
                    continue
                if before is None and after is not None:
                    made[key] = recorded.position

    def _load(self, touches: Sequence[Touch]) -> None:
        documents = self._documents
        unknown = dict.fromkeys([key for _, keys in touches for key in keys if key not in documents])
        if self._read_model.parked:
            unknown = dict.fromkeys([key for key in unknown if not self._waits(key)])
        if unknown:
            documents.update(unknown)
            documents.update(self._read(unknown))

    def _read(self, keys: Iterable[Key]) -> Mapping[Key, Message]:
        collections = self._view.collections
        stored = self._read_model.load(keys)
        self._stored.update(stored)
        return {key: collections[key.collection].FromString(document) for key, document in stored.items()}

    def changes(self, keys: Iterable[Key]) -> list[Change]:
        """The changes to store; a document that the batch both creates and deletes needs none."""
        changes: list[Change] = []
        for key in keys:
            document = self._documents[key]
            if document is not None:
                columns = tuple([column.value(document) for column in self._columns[key.collection]])
                changes.append(Change(key, document.SerializeToString(), columns, self._made.get(key)))
            elif key in self._stored:
                changes.append(Change(key, None))
        return changes

    # Events that could not be applied

    def _waits(self, key: Key) -> bool:
        if key in self._waiting:
            return True
        return key != self._retried and key.id in self._read_model.parked.get(key.collection, ())

    def _park(self, key: Key, recorded: AnyRecordedEvent, cause: Exception) -> None:
        self._waiting.add(key)
        self.parked.append(ParkedEvent(key, recorded.position, one_line(cause)))
        self.causes.append(cause)
        self._restore(key, recorded.position)

    def _restore(self, key: Key, position: int) -> None:
        """Restore the document as it was before an event, which may have changed it before it failed."""
        document: Message | None = self._read([key]).get(key)
        if self._by_key is None:
            self._by_key = self._events_by_key()
        for recorded in self._by_key[key]:
            if recorded.position < position:
                document = self._evolve_again(key, document, recorded)
        self._documents[key] = document

    def _events_by_key(self) -> dict[Key, list[AnyRecordedEvent]]:
        """Decodes the batch again: keeping its decoded events made rebuilds a fifth slower."""
        found: defaultdict[Key, list[AnyRecordedEvent]] = defaultdict(list)
        with suppress(CannotApply):  # the caller meets the same event, and retries the batch without it
            for _, touches in self.touches(self._batch()):
                for recorded, keys in touches:
                    for key in keys:
                        found[key].append(recorded)
        return found

    def _evolve_again(self, key: Key, before: Message | None, recorded: AnyRecordedEvent) -> Message | None:
        try:
            after = self._view.evolve(key, before, recorded)
        except MemoryError:
            raise
        except Exception as cause:  # it did not fail the first time: the view is not pure
            raise CannotApply(recorded.position) from cause
        if before is None and after is not None:
            self._made[key] = recorded.position
        return after


def one_line(error: BaseException) -> str:
    """Formats an error for operators in one line: what happened, not where."""
    name, text = type(error).__name__, str(error)
    return f"{name}: {text}"[:LONGEST_ERROR] if text else name


def _slices(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    for start in range(0, len(keys), SLICE):
        yield keys[start : start + SLICE]
