"""Moves projectors that stand at one place by one batch, which is read and decoded once for all of them."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

from foldlog_server.log.event_store import Log
from foldlog_server.log.events import AnyRecordedEvent, EncodedEvent
from foldlog_server.views.batch import SLICE, Indigestible, ViewBatch
from foldlog_server.views.definition import codec_of
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import Change, Checkpoint

TURNS = 8
"""Turns of the loop between two slices: a call takes several, and with one each, a busy loop's calls waited
for the whole of a batch."""


class _Digested(NamedTuple):
    """What a batch means for one member."""

    member: Projector
    view_batch: ViewBatch
    changes: Sequence[Change]


class ProjectorGroup:
    """Projectors that stand at one place."""

    def __init__(self, members: Sequence[Projector], store: Log) -> None:
        """`members` have one position, as have all that join."""
        self.members: list[Projector] = []
        self.nudge = asyncio.Event()
        """Set when somebody begins to wait for a member."""
        self.is_resting = False
        """Whether others can join: not while a batch is on its way, nor before the first."""
        self.rest = 0.0
        """Seconds to rest before the next batch."""
        self._store = store
        self.join(members)

    @property
    def position(self) -> int:
        """Where all members stand, unless a batch is on its way."""
        return self.members[0].position

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for a member."""
        return any(member.is_awaited for member in self.members)

    def join(self, members: Sequence[Projector]) -> None:
        """Take in projectors that stand at the same place."""
        self.members += members
        self._codec = codec_of(*(member.view for member in self.members))
        for member in members:
            member.nudge = self.nudge
        if self.is_awaited:
            self.nudge.set()

    async def move(self, limit: int) -> dict[Projector, BaseException]:
        """Move by the next batch, of at most `limit` events; gives the members that could not be written.

        Those are no longer members, and stand where they did. Raises `Indigestible` when all that is before
        the event has been applied.
        """
        self.is_resting = False
        async with AsyncExitStack() as held:
            for member in tuple(self.members):
                await held.enter_async_context(member.busy)
            self.members = [member for member in self.members if member.follows]
            if not self.members:
                return {}
            head = Checkpoint(*self._store.head)
            events = await self._store.read_all(from_position=self.position + 1, limit=limit)
            fallen = await self._apply(events, head)
        self.is_resting = bool(self.members)
        return fallen

    async def _apply(
        self, events: Sequence[EncodedEvent], head: Checkpoint
    ) -> dict[Projector, BaseException]:
        try:
            digested = await self._digest(events)
        except Indigestible as stop:
            digestible = events[: stop.position - events[0].position]
            if digestible and (fallen := await self._apply(digestible, head)):
                return fallen
            raise
        return await self._write(digested, await self._checkpoint(events[-1].position, head))

    async def _checkpoint(self, position: int, head: Checkpoint) -> Checkpoint:
        if head.position == position:
            return head
        return await checkpoint_at(self._store, position)

    async def _write(
        self, digested: Sequence[_Digested], checkpoint: Checkpoint
    ) -> dict[Projector, BaseException]:
        writes: dict[Projector, Awaitable[None]] = {}
        for member, view_batch, changes in digested:
            write = member.write(changes, view_batch.parked, checkpoint)
            if write is not None:
                writes[member] = write
        outcomes = await asyncio.gather(*writes.values(), return_exceptions=True)
        fallen = {
            member: outcome for member, outcome in zip(writes, outcomes, strict=True) if outcome is not None
        }
        for member in fallen:
            member.nudge = asyncio.Event()  # who waits for it is no reason for the others to hurry
        self.members = [member for member in self.members if member not in fallen]
        for member, view_batch, _ in digested:
            if member not in fallen:
                member.tell_parked(view_batch)
                member.release_satisfied()
        return fallen

    async def _digest(self, events: Sequence[EncodedEvent]) -> Sequence[_Digested]:
        """What becomes of the documents that the events touch."""
        turns = _Turns()
        view_batches = [member.begin(lambda: self._decode(events)) for member in self.members]
        for start in range(0, len(events), SLICE):
            some = events[start : start + SLICE]
            recorded = self._decode(some)
            await turns.after(len(some))
            for view_batch in view_batches:
                for size, touches in view_batch.touches(recorded):
                    view_batch.take(touches)
                    await turns.after(size)
        digested: list[_Digested] = []
        for member, view_batch in zip(self.members, view_batches, strict=True):
            changes: list[Change] = []
            touched = view_batch.touched
            for start in range(0, len(touched), SLICE):
                keys = touched[start : start + SLICE]
                changes += view_batch.changes(keys)
                await turns.after(len(keys))
            digested.append(_Digested(member, view_batch, changes))
        return digested

    def _decode(self, events: Sequence[EncodedEvent]) -> Sequence[AnyRecordedEvent]:
        decode = self._codec.decode_known
        decoded: list[AnyRecordedEvent] = []
        for event in events:
            try:
                recorded = decode(event)
            except MemoryError:
                raise
            except Exception as cause:
                raise Indigestible(event.position) from cause
            if recorded is not None:
                decoded.append(recorded)
        return decoded


async def checkpoint_at(store: Log, position: int) -> Checkpoint:
    """The place in a log at a position that there is."""
    chain_hash = await store.chain_hash_at(position)
    assert chain_hash is not None, "an event was read beyond the head"
    return Checkpoint(position, chain_hash)


class _Turns:
    """Gives others their turns after every slice of work."""

    def __init__(self) -> None:
        self._done = 0

    async def after(self, work: int) -> None:
        self._done += work
        if self._done >= SLICE:
            self._done = 0
            for _ in range(TURNS):
                await asyncio.sleep(0)
