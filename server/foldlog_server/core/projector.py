"""Runs one view: documents and checkpoint move in one transaction, each event is applied once, in order.

Rules
1. A projector holds a position and pulls. At the head it sleeps until the store wakes it; behind it, it takes
   what has gathered, at most about every 20 ms, or at once when somebody waits for it.
2. A batch decodes and encodes a document once, however many of its events touch it.
3. Work on the loop is cut into slices, between which others have their turn. Far behind, it does not rest.
4. Where events change no document, only the position in memory moves, and the checkpoint follows later: after
   a crash they are looked at again, and again change nothing.
5. An event that the view cannot digest stops the view just before it, visibly, and no other view.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from foldlog_server.core.decoding import SharedDecoding
from foldlog_server.core.event_store import EventStore
from foldlog_server.core.events import EncodedEvent, RecordedEvent
from foldlog_server.core.projection import Projection
from foldlog_server.core.read_model import (
    Change,
    Checkpoint,
    ReadModel,
    ReadModelUnavailable,
    indexed_columns,
)
from foldlog_server.core.timer import Timer, pause, within
from foldlog_server.core.view import Key, View

PACE = 0.02
"""Seconds between batches while nobody waits."""

BATCH_EVENTS = 2000
SLICE = 64
"""Events, or changes of documents, between two turns of the loop."""

SKIPPED_EVENTS = 10_000
"""How far the checkpoint on disk may stay behind while nothing changes."""

RETRY = 1.0
"""Seconds before a read model that could not be written is tried again."""

_log = logging.getLogger(__name__)

Item = TypeVar("Item")


class Projector:
    """Keeps one read model up to date."""

    def __init__(
        self,
        view: View,
        store: EventStore,
        decoding: SharedDecoding,
        read_model: ReadModel,
        *,
        timer: Timer | None = None,
        pace: float = PACE,
        batch_events: int = BATCH_EVENTS,
    ) -> None:
        """`timer` is the running loop if not given; `pace` is in seconds."""
        self.view = view
        self.read_model = read_model
        self.failed: BaseException | None = None
        """Why the view has stopped; None while it goes on."""
        self._store = store
        self._decoding = decoding
        self._timer = timer
        self._pace = pace
        self._batch_events = batch_events
        self._wanted = frozenset(event.DESCRIPTOR.full_name for event in view.events)
        self._columns = {name: indexed_columns(document) for name, document in view.collections.items()}
        self._waiters: dict[asyncio.Future[bool], int] = {}
        self._nudge = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def position(self) -> int:
        """Everything up to it is in what the read model answers from now on."""
        return self.read_model.position

    def start(self) -> None:
        """Go on from where the read model stands."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stop; a transaction that is on its way happens whole or not at all."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._release_all()

    async def wait_for(self, position: int, max_wait: float) -> bool:
        """Whether the view has seen a position, or does within `max_wait` seconds.

        False at once when the view has stopped.
        """
        if self.position >= position:
            return True
        if self.failed is not None or max_wait <= 0:
            return False
        seen = asyncio.get_running_loop().create_future()
        self._waiters[seen] = position
        self._nudge.set()
        try:
            return await within(self._clock(), max_wait, seen) and seen.result()
        finally:
            self._waiters.pop(seen, None)

    def _clock(self) -> Timer:
        return self._timer or asyncio.get_running_loop()

    # Going on

    async def _run(self) -> None:
        try:
            while True:
                await self._store.wait_beyond(self.position)
                await self._project()
                await self._rest()
        except Exception as error:
            self._fail(error)

    async def _rest(self) -> None:
        self._nudge.clear()
        is_far_behind = self._store.head.position - self.position >= self._batch_events
        if self._waiters or is_far_behind:
            await asyncio.sleep(0)
        else:
            await within(self._clock(), self._pace, self._nudge.wait())

    def _fail(self, error: Exception) -> None:
        self.failed = error
        _log.error(
            "The view %s has stopped at position %d and answers what it had then: %s",
            self.view.name,
            self.position,
            error,
            exc_info=error,
        )
        self._release_all()

    def _release_all(self) -> None:
        self._release(list(self._waiters), False)

    def _release_satisfied(self) -> None:
        here = self.position
        self._release([waiter for waiter, position in self._waiters.items() if position <= here], True)

    def _release(self, waiters: Sequence[asyncio.Future[bool]], seen: bool) -> None:
        for waiter in waiters:
            del self._waiters[waiter]  # now, so that no rest is skipped for one that only has to be resumed
            if not waiter.done():
                waiter.set_result(seen)

    # One batch

    async def _project(self) -> None:
        events = await self._store.read_all(from_position=self.position + 1, limit=self._batch_events)
        try:
            await self._apply(events)
        except _Indigestible as stop:
            digestible = events[: stop.position - events[0].position]
            if digestible:
                await self._apply(digestible)
            raise

    async def _apply(self, events: Sequence[EncodedEvent]) -> None:
        changes = await self._digest(events)
        position = events[-1].position
        if changes or position - self.read_model.stored >= SKIPPED_EVENTS:
            await self._store_patiently(changes, position)
        else:
            self.read_model.skip_to(position)
        self._release_satisfied()

    async def _store_patiently(self, changes: Sequence[Change], position: int) -> None:
        is_known = False
        while True:
            try:
                return await self._store_changes(changes, position)
            except ReadModelUnavailable as error:
                if not is_known:
                    _log.error("The view %s cannot be written, and is tried again: %s", self.view.name, error)
                is_known = True
                await pause(self._clock(), RETRY)

    async def _store_changes(self, changes: Sequence[Change], position: int) -> None:
        await self.read_model.write(changes, self.position, await self._checkpoint(position))

    async def _checkpoint(self, position: int) -> Checkpoint:
        head = self._store.head
        if head.position == position:
            return Checkpoint(*head)
        chain_hash = await self._store.chain_hash_at(position)
        assert chain_hash is not None, "an event was read beyond the head"
        return Checkpoint(position, chain_hash)

    async def _digest(self, events: Sequence[EncodedEvent]) -> Sequence[Change]:
        """What becomes of the documents that the events touch."""
        touches = await self._touches(events)
        projection = Projection(self.view, self._columns)
        async for keys in _slices(list(dict.fromkeys(key for key, _ in touches))):
            projection.load(self.read_model.load(keys).documents)
        async for some_touches in _slices(touches):
            _evolve(projection, some_touches)
        changes: list[Change] = []
        async for keys in _slices(projection.touched):
            changes += projection.changes(keys)
        return changes

    async def _touches(self, events: Sequence[EncodedEvent]) -> list[tuple[Key, RecordedEvent]]:
        touches: list[tuple[Key, RecordedEvent]] = []
        work = 0
        for event in events:
            found = self._touched_by(event)
            touches += found
            work += 1 + len(found)  # one event may touch thousands
            if work >= 2 * SLICE:
                work = 0
                await asyncio.sleep(0)
        return touches

    def _touched_by(self, event: EncodedEvent) -> list[tuple[Key, RecordedEvent]]:
        try:
            recorded = self._decoding.decode(event, self._wanted)
            return [] if recorded is None else [(key, recorded) for key in self.view.keys(recorded)]
        except Exception as cause:
            raise _Indigestible(event.position) from cause


def _evolve(projection: Projection, touches: Sequence[tuple[Key, RecordedEvent]]) -> None:
    for key, recorded in touches:
        try:
            projection.touch(key, recorded)
        except Exception as cause:
            raise _Indigestible(recorded.position) from cause


class _Indigestible(Exception):
    """An event that a view could not digest."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the event at position {position} cannot be digested")
        self.position = position


async def _slices(items: Sequence[Item]) -> AsyncIterator[Sequence[Item]]:
    """All of it piece by piece; between two pieces the loop has a turn."""
    for start in range(0, len(items), SLICE):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + SLICE]
