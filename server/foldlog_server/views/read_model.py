"""The promises of a view's read model, whatever stores it.

Promises
1. Changes and checkpoint move in one transaction; a write that fails or dies leaves neither.
2. A read is exact: it returns the documents as they were at the position that it returns.
3. A document keeps the position at which it was created until it is deleted; ids are in the order of their
bytes.
4. A page begins behind its cursor: a document that exists throughout is returned exactly once.
5. What does not fit the log or the definition of the view is discarded when it is opened.
6. Parked events are stored in the same transaction as documents and checkpoint; an answer that lacks them is
   marked.
7. What is not as it was written is never returned: from then on the whole read model is damaged.
"""

from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple, Protocol

from msgspec import Meta, Struct

from foldlog.v1.options_pb2 import Comparison
from foldlog_server.domain.view import Key
from foldlog_server.errors import StoreError, StoreHindered
from foldlog_server.views.definition import ColumnValue


class Cursor(NamedTuple):
    """The last row of a page."""

    made: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    """The position at which the row's document was created; bounded to SQLite's integers, as tokens can be
    forged."""
    id: str


class Checkpoint(NamedTuple):
    """A position of the log, and the chain hash there."""

    position: int
    chain_hash: bytes


class Change(Struct, frozen=True):
    """The change of one document; a batch changes a document once."""

    key: Key
    document: bytes | None
    """None if the document is deleted."""
    columns: tuple[ColumnValue, ...] = ()
    """The values of the indexed columns, in the order of `indexed_columns`."""
    made: int | None = None
    """The position of the event that created the document; None if it existed before the batch."""


class ParkedEvent(NamedTuple):
    """An event that has not been applied to a document."""

    key: Key
    position: int
    error: str = ""
    """Why the view could not apply it; empty for one that only waits behind another."""


class Parked(NamedTuple):
    """A document with parked events."""

    position: int
    """The position of the first event that has not been applied."""
    error: str
    """Why the view could not apply that event."""
    events: int
    """How many events are parked, the first included."""


class Release(NamedTuple):
    """Parked events of a document were retried: this many, up to a position, are applied now."""

    key: Key
    events: int
    through: int


class Found(Struct, frozen=True):
    """The answer to a read of one document."""

    document: bytes | None
    position: int
    incomplete: bool = False
    """The document has parked events."""


class Row(NamedTuple):
    """One document of a page."""

    id: str
    made: int
    document: bytes

    @property
    def cursor(self) -> Cursor:
        """Where the next page begins if this is the last row of its page."""
        return Cursor(self.made, self.id)


class Page(NamedTuple):
    """Documents in the order asked for, as they all were at one position."""

    rows: Sequence[Row]
    position: int
    incomplete: bool = False
    """A document of the collection has parked events; it may be one of these, or belong here."""


class Matching(NamedTuple):
    """The documents, of some that were named, that pass all filters, as they were at one position."""

    documents: Mapping[str, bytes]
    """The documents by id."""
    position: int


@dataclass(frozen=True, slots=True)
class ColumnFilter:
    """Selects documents whose column compares so with the value; a field that is not set never matches."""

    column: str
    comparison: Comparison.ValueType
    value: str | int


class ReadModelUnavailable(Exception):
    """The read model cannot be written now, such as when the disk is full; nothing was written."""

    def __init__(
        self, message: str, refusal: StoreError | None = None, *, needs_another: bool = False
    ) -> None:
        """`refusal` is the error that a client gets.

        `needs_another` says that what was opened cannot be written even once the cause is gone.
        """
        super().__init__(message)
        self.needs_another = needs_another
        self.refusal = refusal or StoreHindered("other", message)


class ReadModelDamaged(Exception):
    """The stored data are not as they were written, or no longer exist: nothing is answered from them
    any more."""


class ColumnMissing(KeyError):
    """The documents are of a former definition, which did not have the column that they are searched by."""


class ReadModel(Protocol):
    """The documents of one view, and its position.

    Everything that reads or writes raises `ReadModelDamaged` once damage is found, and from then on.
    """

    @property
    def generation(self) -> str:
        """Names the definition of the view; a cursor is valid for one generation."""

    @property
    def edition(self) -> str:
        """Names this set of documents: another edition, even of the same definition, may differ at a
        position."""

    @property
    def parked(self) -> Mapping[str, Mapping[str, Parked]]:
        """The documents with parked events, by collection and id."""

    @property
    def position(self) -> int:
        """Everything up to this position is in what is read from now on."""

    @property
    def stored(self) -> int:
        """The position of the checkpoint on disk: where the view resumes after a crash."""

    def get(self, key: Key) -> Found:
        """Read one document; blocks for some microseconds."""

    def load(self, keys: Iterable[Key]) -> Mapping[Key, bytes]:
        """Read those of some documents that exist, for their writer; blocks for a microsecond each.

        They are of one position only if nobody writes meanwhile.
        """

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
        """Read at most `limit` documents behind a cursor that pass all filters, by id or by time of creation.

        Documents that one event created are in the order of their ids. Raises `KeyError` for a collection
        that does not exist, and `ColumnMissing` for a column.
        """

    async def matching(
        self, collection: str, ids: Collection[str], filters: Sequence[ColumnFilter] = ()
    ) -> Matching:
        """Read those documents of some ids that pass all filters. Raises `KeyError` as `page` does."""

    def queued(self, key: Key, limit: int) -> Sequence[int]:
        """The positions of a document's first parked events, in order."""

    def write(
        self,
        changes: Sequence[Change],
        base: int,
        checkpoint: Checkpoint,
        parked: Sequence[ParkedEvent] = (),
        released: Release | None = None,
    ) -> Awaitable[None]:
        """Store the changes, the checkpoint, and the events parked or released: all or none.

        `base` is the position on which the changes are based: the write fails with `RuntimeError` if the
        checkpoint on disk is beyond it. A release makes another edition of the documents. Raises
        `ReadModelUnavailable` if it may be retried.
        """

    def skip_to(self, position: int) -> None:
        """Skip events that change no document; the checkpoint on disk stays where it is."""

    async def complete(self) -> None:
        """Record on disk that these are the documents to answer from, whatever others exist."""

    def check(self) -> None:
        """Raise `ReadModelDamaged` if what is stored was changed or removed; takes some microseconds."""

    async def close(self) -> None:
        """Close everything, once running reads have ended."""

    async def discard(self) -> None:
        """Close, and delete what is on disk."""
