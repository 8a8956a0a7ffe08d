"""Updates views: documents and checkpoint are written in one transaction, each event is applied once,
in order.

Rules
1. A projector has a position and pulls events. At the head it sleeps until the store wakes it; behind the
head
   it takes what has gathered, at most about every 20 ms, or at once if a caller waits for it.
2. A batch decodes and encodes a document once, however many of its events touch it.
3. Work on the loop is cut into slices, between which other tasks run. A rest is a multiple of what the batch
   took, so that views take a bounded share of a busy loop; far behind, they do not rest.
4. Where events change no document, only the position in memory moves, and the checkpoint follows later: after
   a crash those events are read again, and again change nothing.
5. If an event cannot be applied to a document, that document is parked, and all others are updated. An event
   of which the view cannot say what it touches stops the view just before it, visibly, and no other view.
6. Projectors at the same position move together. One that cannot keep up moves alone; it reads up to the
   position of the next group, and joins that there.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence

from foldlog_server.errors import StoreFull, StoreHindered
from foldlog_server.log.event_store import EventStore
from foldlog_server.timer import Timer, pause, within
from foldlog_server.views.group import BATCH_EVENTS, ProjectorGroup
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import ReadModelUnavailable

PACE = 0.02
"""Seconds between batches while nobody waits."""

REST = 4
"""A rest is at least this many times as long as the batch before it."""

LONGEST_REST = 0.1
"""Seconds; bounds how far views lag after a batch that took long."""

RETRY = 1.0
"""Seconds before a view with a hindrance is retried."""

_PASSING = (ReadModelUnavailable, StoreHindered, StoreFull, MemoryError)
"""Errors that hinder a view and may have passed when it is retried."""

_log = logging.getLogger("foldlog.views")


class Scheduler:
    """Moves projectors through the log, in groups where that is possible."""

    def __init__(
        self,
        projectors: Sequence[Projector],
        store: EventStore,
        *,
        timer: Timer | None = None,
        pace: float = PACE,
        batch_events: int = BATCH_EVENTS,
    ) -> None:
        """`timer` is the running loop if not given; `pace` is in seconds."""
        self._projectors = projectors
        self._store = store
        self._timer = timer
        self._pace = pace
        self._batch_events = batch_events
        self._groups: list[ProjectorGroup] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start from the positions of the read models."""
        places: defaultdict[int, list[Projector]] = defaultdict(list)
        for projector in self._projectors:
            if projector.follows:
                places[projector.position].append(projector)
        for members in places.values():
            self._start(members)

    def add(self, projector: Projector) -> None:
        """Move another projector, until it no longer follows the log."""
        self._start([projector])

    async def stop(self) -> None:
        """Stop; a transaction that is under way is committed whole or not at all."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for projector in self._projectors:
            projector.release_all()

    def _clock(self) -> Timer:
        return self._timer or asyncio.get_running_loop()

    def _start(self, members: Sequence[Projector], delay: float = 0) -> None:
        task = asyncio.get_running_loop().create_task(self._run(members, delay))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, members: Sequence[Projector], delay: float) -> None:
        if delay:
            await pause(self._clock(), delay)
        members = [member for member in members if member.follows]
        if not members:
            return
        group = ProjectorGroup(members, self._store)
        self._groups.append(group)
        try:
            await self._follow(group)
        except Exception as error:
            self._split(group, error)
        finally:
            self._groups.remove(group)

    async def _follow(self, group: ProjectorGroup) -> None:
        while group.members and not self._joined(group):
            if group.is_resting:
                await self._rest(group)
            await self._store.wait_beyond(group.position)
            await self._move(group)

    async def _move(self, group: ProjectorGroup) -> None:
        began = self._clock().time()
        failed = await group.move(self._limit(group))
        group.rest = min(max(self._pace, REST * (self._clock().time() - began)), LONGEST_REST)
        for member in group.members:
            if member.hindrance:
                member.hindrance, member.needs_another = "", False
                _log.warning("The view %s is updated again.", member.view.name)
        for projector, error in failed.items():
            self._leave_behind(projector, error)

    def _limit(self, group: ProjectorGroup) -> int:
        """As many events as a batch has, but no further than the position of the next group."""
        here = group.position
        ahead = [other.position - here for other in self._groups if other.position > here]
        return min([self._batch_events, *ahead])

    async def _rest(self, group: ProjectorGroup) -> None:
        group.nudge.clear()
        is_far_behind = self._store.head.position - group.position >= self._batch_events
        if group.is_awaited or is_far_behind:
            await asyncio.sleep(0)
        else:
            await within(self._clock(), group.rest, group.nudge.wait())

    # Splitting and joining

    def _joined(self, group: ProjectorGroup) -> bool:
        """Whether the members have joined another group, which rests at the same position."""
        for other in self._groups:
            if other is not group and other.is_resting and other.position == group.position:
                other.join(group.members)
                return True
        return False

    def _split(self, group: ProjectorGroup, error: Exception) -> None:
        """Split a group whose batch failed, so that each member meets only its own error."""
        if len(group.members) == 1:
            self._leave_behind(group.members[0], error)
        else:
            for member in group.members:
                self._start([member])

    def _leave_behind(self, projector: Projector, error: BaseException) -> None:
        if not isinstance(error, _PASSING):
            projector.fail(error)
            return
        if not projector.hindrance:
            _log.error(
                "The view %s cannot be updated, answers from what it has, and is retried: %s",
                projector.view.name,
                error,
            )
        projector.hindrance = str(error)
        projector.needs_another = isinstance(error, ReadModelUnavailable) and error.needs_another
        self._start([projector], RETRY)
