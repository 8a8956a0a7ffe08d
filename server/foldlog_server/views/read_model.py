"""What the read model of one view must promise, and what its definition says about its shape.

Promises
1. Changes and checkpoint move in one transaction; a write that fails or dies leaves neither.
2. A read is exact: its position belongs to what it gives.
3. A document keeps the position at which it was made until it goes; ids are in the order of their bytes.
4. A page goes on behind its cursor: a document that is there throughout is given exactly once.
5. What does not fit the log or the definition of the view is thrown away when it is opened.
6. What is parked moves with the documents and the checkpoint; an answer that lacks it is marked.
7. What is not as it was written is never answered: it is damaged from then on, as a whole.
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
    """The row's place in the order of creation; what SQLite keeps as an integer, also in a forged token."""
    id: str


class Checkpoint(NamedTuple):
    """A place in the log, and the hash of the chain up to it."""

    position: int
    chain_hash: bytes


class Change(Struct, frozen=True):
    """What becomes of one document; a batch changes a document once."""

    key: Key
    document: bytes | None
    """None if the document goes."""
    columns: tuple[ColumnValue, ...] = ()
    """The values of the indexed columns, in the order of `indexed_columns`."""
    made: int | None = None
    """The position of the event that made the document; None if it was there before the batch."""


class ParkedEvent(NamedTuple):
    """An event that has not become part of a document."""

    key: Key
    position: int
    error: str = ""
    """Why the view could not digest it; empty for one that only waits behind another."""


class Parked(NamedTuple):
    """A document that waits on an event, and how much waits with it."""

    position: int
    """Of the first event that has not become part of it."""
    error: str
    """Why the view could not digest that one."""
    events: int
    """How many wait, the first included."""


class Release(NamedTuple):
    """What was parked of a document was tried again: so many events, up to a position, are part of it now."""

    key: Key
    events: int
    through: int


class Found(Struct, frozen=True):
    """The answer to a question for one document."""

    document: bytes | None
    position: int
    incomplete: bool = False
    """The document waits on a parked event."""


class Row(NamedTuple):
    """One document of a page."""

    id: str
    made: int
    document: bytes

    @property
    def cursor(self) -> Cursor:
        """Where the next page goes on if this is the last row of its page."""
        return Cursor(self.made, self.id)


class Page(NamedTuple):
    """Documents in the order asked for, as they all were at one position."""

    rows: Sequence[Row]
    position: int
    incomplete: bool = False
    """A document of the collection waits on a parked event; it may be one of these, or belong here."""


class Matching(NamedTuple):
    """Those of some documents that pass all filters, as they all were at one position."""

    documents: Mapping[str, bytes]
    """By id."""
    position: int


@dataclass(frozen=True, slots=True)
class ColumnFilter:
    """Only documents whose column compares so to the value; one that is not set never does."""

    column: str
    comparison: Comparison.ValueType
    value: str | int


class ReadModelUnavailable(Exception):
    """The read model cannot be written now, such as when the disk is full; nothing was written."""

    def __init__(
        self, message: str, refusal: StoreError | None = None, *, needs_another: bool = False
    ) -> None:
        """`refusal` is what a client is told of it.

        `needs_another` says that what was opened cannot be written even when that is over.
        """
        super().__init__(message)
        self.needs_another = needs_another
        self.refusal = refusal or StoreHindered("other", message)


class ReadModelDamaged(Exception):
    """What is stored is not what was written, or is there no longer: nothing is answered from it any more."""


class ColumnMissing(KeyError):
    """The documents are of a former definition, which did not have the column that they are searched by."""


class ReadModel(Protocol):
    """The documents of one view, and how far it has come.

    Whatever reads or writes raises `ReadModelDamaged` when that is noticed, and ever after.
    """

    @property
    def generation(self) -> str:
        """Names the definition of the view: cursors do not outlive it."""

    @property
    def edition(self) -> str:
        """Names these documents: another one, of the same definition too, may hold others at one position."""

    @property
    def parked(self) -> Mapping[str, Mapping[str, Parked]]:
        """By collection and id the documents that wait on an event."""

    @property
    def position(self) -> int:
        """Everything up to it is in what is read from now on."""

    @property
    def stored(self) -> int:
        """The position of the checkpoint on disk: where it goes on after a crash."""

    def get(self, key: Key) -> Found:
        """One document; blocks for some microseconds."""

    def load(self, keys: Iterable[Key]) -> Mapping[Key, bytes]:
        """The documents that there are of some, for the one that writes them; blocks for a microsecond each.

        Of one position only if nobody writes meanwhile.
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
        """At most `limit` documents behind a cursor that pass all filters, by id or by when they were made.

        Documents that one event made are in the order of their ids. Raises `KeyError` for a collection
        that there is not, and `ColumnMissing` for a column.
        """

    async def matching(
        self, collection: str, ids: Collection[str], filters: Sequence[ColumnFilter] = ()
    ) -> Matching:
        """Those documents of some ids that pass all filters. Raises `KeyError` as `page` does."""

    def queued(self, key: Key, limit: int) -> Sequence[int]:
        """The first positions that are parked of a document, in order."""

    def write(
        self,
        changes: Sequence[Change],
        base: int,
        checkpoint: Checkpoint,
        parked: Sequence[ParkedEvent] = (),
        released: Release | None = None,
    ) -> Awaitable[None]:
        """Store the changes, the checkpoint, and what is parked or no longer is: all or none.

        `base` is the position on which the changes were made: the write is refused, with `RuntimeError`,
        if the checkpoint on disk is beyond it. A release of events makes another edition of the documents.
        Raises `ReadModelUnavailable` if it may be tried again.
        """

    def skip_to(self, position: int) -> None:
        """Count events as seen that change no document; on disk the checkpoint stays where it is."""

    async def complete(self) -> None:
        """Keep it on disk that these are the documents to answer from, whatever others there are."""

    def check(self) -> None:
        """Raise `ReadModelDamaged` if something has become of what is stored; some microseconds."""

    async def close(self) -> None:
        """Let go of everything, when what is being read has been read."""

    async def discard(self) -> None:
        """Close, and remove what is on disk."""
