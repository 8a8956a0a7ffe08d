"""Lets views go on: documents and checkpoint move in one transaction, each event is applied once, in order.

Rules
1. A projector holds a position and pulls. At the head it sleeps until the store wakes it; behind it, it takes
   what has gathered, at most about every 20 ms, or at once when somebody waits for it.
2. A batch decodes and encodes a document once, however many of its events touch it.
3. Work on the loop is cut into slices, between which others have some turns. A rest is a multiple of what the
   batch took, so that views take a bounded share of a busy loop; far behind, they do not rest.
4. Where events change no document, only the position in memory moves, and the checkpoint follows later: after
   a crash they are looked at again, and again change nothing.
5. A document whose event cannot be digested is parked, and all else goes on. An event of which the view
   cannot say what it touches stops the view just before it, visibly, and no other view.
6. Projectors that stand at one place go on together. One that cannot keep up with the others goes on alone;
   whoever is behind reads to where the next one stands, and there they are together again.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence

from foldlog_server.errors import StoreFull, StoreHindered
from foldlog_server.log.event_store import EventStore
from foldlog_server.timer import Timer, pause, within
from foldlog_server.views.group import ProjectorGroup
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import ReadModelUnavailable

PACE = 0.02
"""Seconds between batches while nobody waits."""

REST = 4
"""A rest is at least so many times as long as the batch before it."""

LONGEST_REST = 0.1
"""Seconds; bounds how far views stay behind after a batch that took long."""

BATCH_EVENTS = 2000

RETRY = 1.0
"""Seconds before a view for which something was short is tried again."""

_PASSING = (ReadModelUnavailable, StoreHindered, StoreFull, MemoryError)
"""What stands in the way of a view, and may stand there no more when it is tried again."""

_log = logging.getLogger("foldlog.views")


class Scheduler:
    """Lets projectors go on, together where that is possible."""

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
        self._scheduler: list[ProjectorGroup] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Go on from where the read models stand."""
        places: defaultdict[int, list[Projector]] = defaultdict(list)
        for projector in self._projectors:
            if projector.follows:
                places[projector.position].append(projector)
        for members in places.values():
            self._set_off(members)

    def add(self, projector: Projector) -> None:
        """Let another one go on, which ends when it no longer follows."""
        self._set_off([projector])

    async def stop(self) -> None:
        """Stop; a transaction that is on its way happens whole or not at all."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for projector in self._projectors:
            projector.release_all()

    def _clock(self) -> Timer:
        return self._timer or asyncio.get_running_loop()

    def _set_off(self, members: Sequence[Projector], delay: float = 0) -> None:
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
        self._scheduler.append(group)
        try:
            await self._go_on(group)
        except Exception as error:
            self._part(group, error)
        finally:
            self._scheduler.remove(group)

    async def _go_on(self, group: ProjectorGroup) -> None:
        while group.members and not self._joined(group):
            if group.is_resting:
                await self._rest(group)
            await self._store.wait_beyond(group.position)
            await self._move(group)

    async def _move(self, group: ProjectorGroup) -> None:
        began = self._clock().time()
        fallen = await group.move(self._limit(group))
        group.rest = min(max(self._pace, REST * (self._clock().time() - began)), LONGEST_REST)
        for member in group.members:
            if member.hindrance:
                member.hindrance, member.needs_another = "", False
                _log.warning("The view %s goes on again.", member.view.name)
        for projector, error in fallen.items():
            self._leave_behind(projector, error)

    def _limit(self, group: ProjectorGroup) -> int:
        """As many events as a batch has, but no further than to where the next group stands."""
        here = group.position
        ahead = [other.position - here for other in self._scheduler if other.position > here]
        return min([self._batch_events, *ahead])

    async def _rest(self, group: ProjectorGroup) -> None:
        group.nudge.clear()
        is_far_behind = self._store.head.position - group.position >= self._batch_events
        if group.is_awaited or is_far_behind:
            await asyncio.sleep(0)
        else:
            await within(self._clock(), group.rest, group.nudge.wait())

    # Parting and meeting

    def _joined(self, group: ProjectorGroup) -> bool:
        """Whether the members go on in another group, which rests at the same place."""
        for other in self._scheduler:
            if other is not group and other.is_resting and other.position == group.position:
                other.join(group.members)
                return True
        return False

    def _part(self, group: ProjectorGroup, error: Exception) -> None:
        """Let each find out whether the error is its own."""
        if len(group.members) == 1:
            self._leave_behind(group.members[0], error)
        else:
            for member in group.members:
                self._set_off([member])

    def _leave_behind(self, projector: Projector, error: BaseException) -> None:
        if not isinstance(error, _PASSING):
            projector.fail(error)
            return
        if not projector.hindrance:
            _log.error(
                "The view %s cannot go on, answers what it has, and is tried again and again: %s",
                projector.view.name,
                error,
            )
        projector.hindrance = str(error)
        projector.needs_another = isinstance(error, ReadModelUnavailable) and error.needs_another
        self._set_off([projector], RETRY)
