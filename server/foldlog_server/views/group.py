"""Moves projectors that are at the same position by one batch, read and decoded once for all of them."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

from foldlog_server.log.event_store import Log
from foldlog_server.log.events import AnyRecordedEvent, EncodedEvent
from foldlog_server.views.batch import SLICE, CannotApply, ViewBatch
from foldlog_server.views.definition import codec_of
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import Change, Checkpoint

BATCH_EVENTS = 2000
"""How many events a batch has at most."""

TURNS = 8
"""How many turns the loop gets between two slices. A call takes several turns; with one turn a slice,
the calls of a busy loop waited for the whole batch."""


class _Applied(NamedTuple):
    """A batch, applied to the documents of one member."""

    member: Projector
    view_batch: ViewBatch
    changes: Sequence[Change]


class ProjectorGroup:
    """Projectors that are at the same position and move together."""

    def __init__(self, members: Sequence[Projector], store: Log) -> None:
        """`members` are at the same position, as are all that join later."""
        self.members: list[Projector] = []
        self.nudge = asyncio.Event()
        """Set when a caller begins to wait for a member."""
        self.is_resting = False
        """Whether others can join: not during a batch, and not before the first."""
        self.rest = 0.0
        """Seconds to rest before the next batch."""
        self._store = store
        self.join(members)

    @property
    def position(self) -> int:
        """The position of all members, unless a batch is being written."""
        return self.members[0].position

    @property
    def is_awaited(self) -> bool:
        """Whether a caller waits for a member."""
        return any(member.is_awaited for member in self.members)

    def join(self, members: Sequence[Projector]) -> None:
        """Add projectors that are at the same position."""
        self.members += members
        self._codec = codec_of(*(member.view for member in self.members))
        for member in members:
            member.nudge = self.nudge
        if self.is_awaited:
            self.nudge.set()

    async def move(self, limit: int) -> dict[Projector, BaseException]:
        """Move by the next batch, of at most `limit` events; returns the members that could not be written.

        Those are no longer members, and their position is unchanged. Raises `CannotApply` once everything
        before the event has been applied.
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
            failed = await self._apply(events, head)
        self.is_resting = bool(self.members)
        return failed

    async def _apply(
        self, events: Sequence[EncodedEvent], head: Checkpoint
    ) -> dict[Projector, BaseException]:
        try:
            applied = await self._evolve(events)
        except CannotApply as stop:
            before = events[: stop.position - events[0].position]
            if before and (failed := await self._apply(before, head)):
                return failed
            raise
        return await self._write(applied, await self._checkpoint(events[-1].position, head))

    async def _checkpoint(self, position: int, head: Checkpoint) -> Checkpoint:
        if head.position == position:
            return head
        return await checkpoint_at(self._store, position)

    async def _write(
        self, applied: Sequence[_Applied], checkpoint: Checkpoint
    ) -> dict[Projector, BaseException]:
        writes: dict[Projector, Awaitable[None]] = {}
        for member, view_batch, changes in applied:
            write = member.write(changes, view_batch.parked, checkpoint)
            if write is not None:
                writes[member] = write
        outcomes = await asyncio.gather(*writes.values(), return_exceptions=True)
        failed = {
            member: outcome for member, outcome in zip(writes, outcomes, strict=True) if outcome is not None
        }
        for member in failed:
            member.nudge = asyncio.Event()  # its waiters do not make the others hurry
        self.members = [member for member in self.members if member not in failed]
        for member, view_batch, _ in applied:
            if member not in failed:
                member.log_parked(view_batch)
                member.release_satisfied()
        return failed

    async def _evolve(self, events: Sequence[EncodedEvent]) -> Sequence[_Applied]:
        """Apply the events to the documents of every member, in memory."""
        turns = _Turns()
        view_batches = [member.begin(lambda: self._decode(events)) for member in self.members]
        for start in range(0, len(events), SLICE):
            some = events[start : start + SLICE]
            recorded = self._decode(some)
            await turns.after(len(some))
            for view_batch in view_batches:
                for size, touches in view_batch.touches(recorded):
                    view_batch.apply(touches)
                    await turns.after(size)
        applied: list[_Applied] = []
        for member, view_batch in zip(self.members, view_batches, strict=True):
            changes: list[Change] = []
            touched = view_batch.touched
            for start in range(0, len(touched), SLICE):
                keys = touched[start : start + SLICE]
                changes += view_batch.changes(keys)
                await turns.after(len(keys))
            applied.append(_Applied(member, view_batch, changes))
        return applied

    def _decode(self, events: Sequence[EncodedEvent]) -> Sequence[AnyRecordedEvent]:
        decode = self._codec.decode_known
        decoded: list[AnyRecordedEvent] = []
        for event in events:
            try:
                recorded = decode(event)
            except MemoryError:
                raise
            except Exception as cause:
                raise CannotApply(event.position) from cause
            if recorded is not None:
                decoded.append(recorded)
        return decoded


async def checkpoint_at(store: Log, position: int) -> Checkpoint:
    """The checkpoint at a position that exists in the log."""
    chain_hash = await store.chain_hash_at(position)
    assert chain_hash is not None, "an event was read beyond the head"
    return Checkpoint(position, chain_hash)


class _Turns:
    """Lets other tasks run after every slice of work."""

    def __init__(self) -> None:
        self._done = 0

    async def after(self, work: int) -> None:
        self._done += work
        if self._done >= SLICE:
            self._done = 0
            for _ in range(TURNS):
                await asyncio.sleep(0)
