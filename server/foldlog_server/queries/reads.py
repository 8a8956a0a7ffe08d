"""Reads the documents of views and the log for queries, each answer with its freshness."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from msgspec.structs import replace

from foldlog.v1.events_pb2 import RecordedEvent
from foldlog.v1.reads_pb2 import WHEN_BEHIND_ANSWER, Freshness, ReadOptions
from foldlog_server.domain.view import Key
from foldlog_server.errors import ReadRefused
from foldlog_server.log.event_store import EventStore
from foldlog_server.queries.paging import PageEnd, make_token, read_token
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import ColumnFilter, ColumnMissing, Cursor, Found, Page, ReadModelDamaged
from foldlog_server.views.registry import ViewRegistry

DEFAULT_MAX_WAIT = 2.0
_NANOS = 1_000_000_000


class _AtHead(NamedTuple):
    """The encoded freshness of answers that have seen the whole log."""

    position: int
    encoded: bytes


class Reads:
    """Reads documents and the log, waits for positions, and reports freshness."""

    def __init__(self, store: EventStore, projectors: ViewRegistry, clock: Callable[[], int]) -> None:
        """`clock` returns nanoseconds since the epoch."""
        self._store = store
        self._projectors = projectors
        self._clock = clock
        self._at_head = _AtHead(-1, b"")

    def asked(self, options: ReadOptions) -> int:
        """Return the position that the answer must have seen; raises `ReadRefused` if it is not of
        this log."""
        head = self._store.head.position
        seen = 0
        if options.min_position_token:
            seen = self._store.lineage.position_of(options.min_position_token, head)
        elif options.log_id and options.log_id != self._store.log_id:
            raise ReadRefused.log_replaced(options.log_id, self._store.log_id)
        if options.min_position > head:
            raise ReadRefused.beyond_head(options.min_position, head)
        return head if options.latest else max(seen, options.min_position)

    async def wait(self, collection: str, options: ReadOptions) -> None:
        """Wait until the collection has seen the position that the options ask for; raise
        `ReadRefused` if it does not."""
        asked = self.asked(options)
        projector = self._projectors.of(collection)
        self._check_whole(projector)
        needed = max(asked, projector.answers_from)
        if projector.position >= needed or await projector.wait_for(needed, _max_wait(options)):
            return
        projector = self._projectors.of(collection)  # another projector may have replaced it
        self._check_whole(projector)
        head = self._store.head.position
        if (begins := projector.answers_from) and projector.failed is None:
            raise ReadRefused.view_rebuilding(projector.view.name, projector.position, begins, head)
        if not begins and options.when_behind == WHEN_BEHIND_ANSWER:
            return
        if projector.failed is not None:
            raise ReadRefused.view_stopped(projector.view.name, projector.position, head)
        raise ReadRefused.view_behind(projector.view.name, asked, projector.position, head)

    def get(self, collection: str, id: str) -> Found:
        """Return one document as it is stored, with its position.

        Raises `ReadRefused` if it is missing only because it is parked.
        """
        projector = self._projectors.of(collection)
        self._check_whole(projector)
        try:
            found = projector.read_model.get(Key(collection, id))
        except ReadModelDamaged as damage:
            raise self._damaged(projector, damage) from damage
        if found.document is None and found.incomplete:
            raise ReadRefused.document_parked(projector.view.name, id)
        if (answered := projector.view.answered) is not None and found.document is not None:
            return replace(found, document=answered(found.document))
        return found

    async def page(
        self,
        collection: str,
        filters: Sequence[ColumnFilter],
        *,
        after: Cursor | None,
        limit: int,
        by_id: bool = False,
        descending: bool = False,
    ) -> Page:
        """Return a page of documents as they are stored, with their position.

        Raises `ReadRefused` if they are damaged, or lack the column of a filter until they are rebuilt.
        """
        projector = self._projectors.of(collection)
        self._check_whole(projector)
        try:
            page = await projector.read_model.page(
                collection, filters, by_id=by_id, descending=descending, after=after, limit=limit
            )
        except ReadModelDamaged as damage:
            raise self._damaged(projector, damage) from damage
        except ColumnMissing as column:
            name, head = projector.view.name, self._store.head.position
            raise ReadRefused.column_rebuilding(name, column.args[0], projector.position, head) from column
        if (answered := projector.view.answered) is not None:
            rows = [row._replace(document=answered(row.document)) for row in page.rows]
            return page._replace(rows=rows)
        return page

    def must_wait(self, collection: str) -> bool:
        """Whether a collection has no documents to answer from yet."""
        return self._projectors.of(collection).answers_from > 0

    def _check_whole(self, projector: Projector) -> None:
        if projector.damage:
            head = self._store.head.position
            raise ReadRefused.view_damaged(projector.view.name, projector.position, head)

    def _damaged(self, projector: Projector, damage: ReadModelDamaged) -> ReadRefused:
        projector.be_damaged(damage)
        return ReadRefused.view_damaged(projector.view.name, projector.position, self._store.head.position)

    def scope(self, collection: str) -> str:
        """Return the name of the current generation of documents: page tokens of another one are refused."""
        return f"{self._store.log_id} {self._projectors.of(collection).read_model.generation}"

    def page_after(self, token: str, request: Message, scope: str) -> Cursor | None:
        """Return the end of the previous page, None for an empty token.

        Raises `InvalidRequest` for a token of another list, and `ReadRefused` if its page was read in another
        history of this log.
        """
        found = read_token(token, request, scope)
        if found is None:
            return None
        self._store.lineage.check(found.read_at, self._store.head.position)
        return found.cursor

    def next_page(self, cursor: Cursor, position: int, request: Message, scope: str) -> str:
        """Return a token for the page after a cursor, read at a position."""
        return make_token(PageEnd(cursor, self._store.lineage.place(position)), request, scope)

    async def encoded_freshness(self, answer: Found | Page, collection: str) -> bytes:
        """Return `freshness` as bytes; at the head of the log they are encoded once for each position."""
        position = answer.position
        if (
            position < self._store.head.position
            or answer.incomplete
            or self._projectors.of(collection).failed is not None
        ):
            return (await self.freshness_of(collection, answer)).SerializeToString()
        if self._at_head.position != position:
            freshness = await self.freshness(position)
            self._at_head = _AtHead(position, freshness.SerializeToString())
        return self._at_head.encoded

    async def freshness_of(self, collection: str, *answers: Found | Page) -> Freshness:
        """Return a function from a position to the encoded freshness of an answer read there."""
        freshness = await self.freshness(answers[0].position)
        has_stopped = self._projectors.of(collection).failed is not None
        freshness.incomplete = has_stopped or any(answer.incomplete for answer in answers)
        return freshness

    async def freshness_of_past(self, options: ReadOptions) -> bytes:
        """Return the encoded freshness of a state that is folded from the log, which is never behind.

        Raises `ReadRefused` for a position that is not one of this log.
        """
        self.asked(options)
        return (await self.freshness(self._store.head.position)).SerializeToString()

    async def freshness(self, position: int) -> Freshness:
        """Return the freshness of an answer that has seen everything in the log up to a position."""
        head = max(self._store.head.position, position)
        freshness = Freshness(
            log_id=self._store.log_id,
            position=position,
            head=head,
            lag_events=head - position,
            token=self._store.lineage.token(position),
        )
        if position < head:
            unseen = (await self._store.read_all(from_position=position + 1, limit=1))[0]
            recorded = RecordedEvent.FromString(unseen.record).recorded_time.ToNanoseconds()
            freshness.lag_time.CopyFrom(_duration(max(0, self._clock() - recorded)))
        else:
            freshness.lag_time.CopyFrom(Duration())
        return freshness


def _max_wait(options: ReadOptions) -> float:
    if not options.HasField("max_wait"):
        return DEFAULT_MAX_WAIT
    return options.max_wait.ToNanoseconds() / _NANOS


def _duration(nanoseconds: int) -> Duration:
    seconds, nanos = divmod(nanoseconds, _NANOS)
    return Duration(seconds=seconds, nanos=nanos)
