"""Live queries: the matching documents, then every change to them. No change is lost, nothing stays wrong.

Rules
1. A watcher holds a place, never a queue: what events touched is looked up when it asks for more, and states
   in between are merged. A slow watcher costs the others nothing.
2. A snapshot is read page by page, each at its own position. Documents that events touch after the first page
   are sent again before the snapshot is complete.
3. When `position` moves, what was sent so far is exactly what the view holds there. If a step takes several
   messages, `position` moves with the last one.
4. A place is safe to resume at: every document that is touched after its `seen` is sent again.
5. A place in another log or history, or in another edition of the documents, is discarded: the watch starts
again with a snapshot.
6. The projector is looked up at each step: another one may have replaced it.
7. While the documents are damaged nothing is sent from them; when others replace them, the watch starts
again.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple, TypeAlias, TypeVar

from msgspec import Meta

from foldlog_server.errors import ReadRefused
from foldlog_server.log import lineage
from foldlog_server.log.event_store import MAX_BATCH_BYTES, EventStore
from foldlog_server.timer import Timer, within
from foldlog_server.views.definition import codec_of
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import ColumnFilter, ColumnMissing, Cursor, ReadModelDamaged

T = TypeVar("T")

ProjectorOf: TypeAlias = Callable[[str], Projector]
"""Returns the projector that keeps a collection now."""

Position: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""The bounds hold for a forged token too."""

_SLICE = 64
"""Events that are examined between two turns of the event loop."""


class Place(NamedTuple):
    """How far a watcher has got."""

    log_id: str
    edition: str
    """Which documents."""
    position: Position = 0
    """What was sent is what the view held there; 0 until the snapshot is complete."""
    seen: Position = 0
    """Every document touched up to here was sent as it was here or later."""
    cursor: Cursor | None = None
    """The last row sent of a snapshot that has more."""
    is_listed: bool = False
    """All rows of the snapshot were sent."""
    is_complete: bool = False
    """The snapshot is complete; changes follow."""
    newest: Position = 0
    """No document was sent as it was at a later position."""
    run: bytes = b""
    """The run of the server that wrote `newest`: it names the history in which all this was seen.
    Empty in places of former releases."""


class Watched(NamedTuple):
    """What to watch."""

    collection: str
    ids: Collection[str] | None = None
    """Only these ids; None = all."""
    filters: Sequence[ColumnFilter] = ()


class Move(NamedTuple):
    """One message to a watcher."""

    place: Place
    """Where it stands then."""
    puts: Sequence[bytes] = ()
    """Documents that match."""
    gone: Sequence[str] = ()
    """Ids that were touched and have no matching document."""
    completes: bool = False
    """The snapshot is complete with this message."""
    resets: bool = False
    """The client must forget everything sent before this message."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is done at once, and how often a watcher gets a message."""

    rows: int = 100
    """Rows of a page of the snapshot."""
    events: int = 1000
    """Events examined at once."""
    ids: int = 1000
    """Documents looked up at once, or all those that one event touches."""
    message_bytes: int = MAX_BATCH_BYTES
    unsent_seconds: float = 1.0
    """How long a watcher without changes waits for a newer position."""
    silent_seconds: float = 10.0
    """Send a message after so long without one."""


async def watch(
    store: EventStore,
    projector_of: ProjectorOf,
    watched: Watched,
    place: Place | None = None,
    *,
    timer: Timer | None = None,
    limits: Limits = Limits(),
) -> AsyncGenerator[Move]:
    """Yield the documents that match, then every change, for ever; resuming at a place if one is given.

    `timer` is the running loop if not given. Raises `ReadRefused` for a place beyond the end of the log, if
    the view is damaged at the start, and if the view has stopped and nothing more can be sent.
    """
    watcher = _Watcher(store, projector_of, watched, timer or asyncio.get_running_loop(), limits)
    watcher.begin(place)
    while True:
        moves = await watcher.advance()
        for move in moves:
            yield move
        if not moves:  # it may have returned without waiting
            await asyncio.sleep(0)


class _Watcher:
    """Moves one watcher's place, step by step."""

    def __init__(
        self, store: EventStore, projector_of: ProjectorOf, watched: Watched, timer: Timer, limits: Limits
    ) -> None:
        self._store = store
        self._projector_of = projector_of
        self._watched = watched
        self._timer = timer
        self._limits = limits
        self._codec = codec_of(self._projector.view)
        self._place = self._beginning()
        self._newest = 0
        """No document was sent as it was at a later position."""
        self._sent_position = 0
        self._sent_time = timer.time()
        self._resets = False

    @property
    def _projector(self) -> Projector:
        return self._projector_of(self._watched.collection)

    def begin(self, place: Place | None) -> None:
        """Resume at a place; None = the beginning."""
        if (projector := self._projector).damage:
            head = self._store.head.position
            raise ReadRefused.view_damaged(projector.view.name, projector.position, head)
        if place is None:
            return
        head = self._store.head.position
        if not (self._fits(place) and self._is_of_this_history(place, head)):
            self._resets = True
            return
        if place.seen > head:
            raise ReadRefused.beyond_head(place.seen, head)
        self._place, self._sent_position = place, place.position
        self._newest = place.seen if place.position == place.seen else place.newest or head

    def _is_of_this_history(self, place: Place, head: int) -> bool:
        """Whether everything sent before belongs to this history; nothing sent was of a later position
        than `newest`."""
        if not place.run:
            return True
        newest = lineage.Place(place.newest, place.run)
        return max(place.seen, place.position) <= newest.position and self._store.lineage.has(newest, head)

    async def advance(self) -> Sequence[Move]:
        """Take the next step, and return its messages, perhaps none."""
        if not self._fits(self._place):  # another edition has replaced the documents
            self._place, self._newest, self._sent_position = self._beginning(), 0, 0
            self._resets = True
        place, projector = self._place, self._projector
        try:
            moves = list(await (self._wait_for_others() if projector.damage else self._step()))
        except ReadModelDamaged as damage:
            projector.be_damaged(damage)
            return ()
        except ColumnMissing as column:
            name, head = projector.view.name, self._store.head.position
            raise ReadRefused.column_rebuilding(name, column.args[0], projector.position, head) from column
        if not self._fits(place):  # what was read may be of the former or the new edition
            return ()
        if moves:
            moves = [self._marked(move) for move in moves]
            moves[0] = moves[0]._replace(resets=self._resets)
            self._resets = False
            self._sent_position = moves[-1].place.position
            self._sent_time = self._timer.time()
        return moves

    def _marked(self, move: Move) -> Move:
        newest = self._store.lineage.place(max(self._newest, move.place.seen))
        answered = self._projector.view.answered
        puts = move.puts if answered is None else [answered(document) for document in move.puts]
        return move._replace(puts=puts, place=move.place._replace(newest=newest.position, run=newest.run))

    async def _step(self) -> Iterable[Move]:
        place = self._place
        if self._has_seen_all():
            return await self._wait()
        # A rebuilt view may still be behind the place.
        await self._reach(max(place.seen, self._projector.answers_from))
        return await (self._follow() if place.is_listed else self._list())

    def _has_seen_all(self) -> bool:
        """Whether there is nothing to send until the view moves."""
        place = self._place
        may_complete = not place.is_complete and place.seen >= self._newest
        return place.is_listed and not may_complete and self._projector.position <= place.seen

    def _beginning(self) -> Place:
        return Place(self._store.log_id, self._projector.read_model.edition)

    def _fits(self, place: Place) -> bool:
        return place[:2] == self._beginning()[:2]

    # The snapshot

    async def _list(self) -> Iterable[Move]:
        """Read the next page of the snapshot."""
        collection, ids, filters = self._watched
        read_model, place = self._projector.read_model, self._place
        if ids is not None:
            found = await read_model.matching(collection, ids, filters)
            end = place._replace(position=found.position, seen=found.position, is_complete=True)
            return self._messages(found.documents.values(), (), end._replace(is_listed=True))
        page = await read_model.page(collection, filters, after=place.cursor, limit=self._limits.rows)
        seen = place.seen if place.cursor is not None else page.position
        self._newest = max(self._newest, page.position)
        moves: list[Move] = []
        for rows in _parcels(page.rows, lambda row: len(row.document), self._limits.message_bytes):
            self._place = place._replace(seen=seen, cursor=rows[-1].cursor)
            moves.append(Move(self._place, [row.document for row in rows]))
        if len(page.rows) < self._limits.rows:
            self._place = self._place._replace(seen=seen, cursor=None, is_listed=True)
        return moves

    # Changes

    async def _follow(self) -> Iterable[Move]:
        """Read the documents that were touched after the place, as they are now."""
        collection, _, filters = self._watched
        touched, seen = await self._touched(self._place.seen, self._projector.position)
        documents: Mapping[str, bytes] = {}
        if touched:
            documents, position = await self._projector.read_model.matching(collection, touched, filters)
            self._newest = max(self._newest, position)
        end = self._place._replace(seen=seen, position=self._sent_position)
        if seen >= self._newest:  # else some documents are newer than `seen`, and others not
            end = end._replace(position=seen, is_complete=True)
        if not touched and end.is_complete == self._place.is_complete:
            self._place = end
            return (Move(end),) if self._silence() <= 0 else ()
        return self._messages(documents.values(), [id for id in touched if id not in documents], end)

    async def _touched(self, seen: int, until: int) -> tuple[dict[str, None], int]:
        """Return the watched documents that events touch, in order, and the last position examined."""
        collection, ids, _ = self._watched
        keys_of = self._projector.view.keys
        touched: dict[str, None] = {}
        limit = min(self._limits.events, until - seen)
        events = await self._store.read_all(from_position=seen + 1, limit=limit) if limit > 0 else ()
        for index, event in enumerate(events, 1):
            recorded = self._codec.decode_known(event)
            if recorded is not None:
                keys = [id for its_collection, id in keys_of(recorded) if its_collection == collection]
                touched.update(dict.fromkeys(keys if ids is None else [id for id in keys if id in ids]))
            seen = event.position
            if len(touched) >= self._limits.ids:
                break
            if not index % _SLICE:
                await asyncio.sleep(0)
        return touched, seen

    def _messages(self, documents: Iterable[bytes], gone: Sequence[str], end: Place) -> Iterable[Move]:
        """Return the messages of one step; the last of them moves the place."""
        completes = end.is_complete and not self._place.is_complete
        before = self._place._replace(position=self._sent_position)
        self._place = end
        puts, limit = list(documents), self._limits.message_bytes
        if _fits_in_one(puts, gone, limit):
            moves = [Move(before, puts, gone)]
        else:
            moves = [Move(before, some) for some in _parcels(puts, len, limit)]
            moves += [Move(before, gone=some) for some in _parcels(gone, _length, limit)]
        *first, last = moves
        return [*first, last._replace(place=end, completes=completes)]

    # Waiting

    def _silence(self) -> float:
        """Return the seconds until a message must be sent."""
        is_sent = self._place.position == self._sent_position
        patience = self._limits.silent_seconds if is_sent else self._limits.unsent_seconds
        return self._sent_time + patience - self._timer.time()

    async def _wait(self) -> Sequence[Move]:
        if await within(self._timer, self._silence(), self._reach(self._place.seen + 1)):
            return ()
        return (Move(self._place),)

    async def _wait_for_others(self) -> Sequence[Move]:
        """Wait for documents that are not damaged; what was sent so far stays valid."""
        if await within(self._timer, self._silence(), self._undamaged()):
            return ()
        return (Move(self._place),)

    async def _undamaged(self) -> None:
        while (projector := self._projector).damage:
            await projector.moved()

    async def _reach(self, position: int) -> None:
        """Return once the view reaches a position, or its documents are replaced; raise `ReadRefused`
        if it stops."""
        while self._fits(self._place) and (projector := self._projector).position < position:
            if projector.damage:
                return
            if projector.failed is not None:
                head = self._store.head.position
                raise ReadRefused.view_stopped(projector.view.name, projector.position, head)
            await projector.moved()


def _parcels(items: Sequence[T], size: Callable[[T], int], limit: int) -> Iterator[Sequence[T]]:
    """Yield the items in order, as many at a time as fit in the limit of bytes, but at least one."""
    start = total = 0
    for end, item in enumerate(items):
        total += size(item)
        if total > limit and end > start:
            yield items[start:end]
            start, total = end, size(item)
    if items:
        yield items[start:]


def _fits_in_one(puts: Sequence[bytes], gone: Sequence[str], limit: int) -> bool:
    return sum(map(len, puts)) + sum(map(_length, gone)) <= limit


def _length(text: str) -> int:
    return len(text.encode())
