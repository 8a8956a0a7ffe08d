"""One view on its way through the log: its place, who waits for it, and why it has stopped if it has.

Projectors are moved in groups: see `scheduler.py` for when each group moves.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from foldlog_server.domain.view import AnyView, Key
from foldlog_server.log.events import AnyRecordedEvent
from foldlog_server.personal import described
from foldlog_server.timer import Timer, within
from foldlog_server.views.batch import ViewBatch
from foldlog_server.views.definition import indexed_columns
from foldlog_server.views.read_model import Change, Checkpoint, ParkedEvent, ReadModel, ReadModelDamaged

SKIPPED_EVENTS = 10_000
"""How far the checkpoint on disk may stay behind while nothing changes."""

_log = logging.getLogger("foldlog.views")


class Projector:
    """Keeps one read model up to date."""

    def __init__(
        self,
        view: AnyView,
        read_model: ReadModel,
        *,
        follows: bool = True,
        answers_from: int = 0,
        timer: Timer | None = None,
    ) -> None:
        """`timer` is the running loop if not given.

        One that does not follow the log answers what it has, until another one takes its place.
        `answers_from` is the position that it must have seen before it answers anything.
        """
        self.view = view
        self.read_model = read_model
        self.follows = follows
        self.failed: BaseException | None = None
        """Why the view has stopped; None while it goes on."""
        self.damage = ""
        """What has become of the documents, so that nothing is answered from them; empty if nothing has."""
        self.hindrance = ""
        """Why the view cannot go on now, which is tried again; empty while it can."""
        self.needs_another = False
        """It cannot go on even when that is over, as when its file was opened to read only."""
        self.when_damaged: Callable[[], object] = lambda: None
        """Called when the documents turn out to be damaged."""
        self._answers_from = answers_from
        self.nudge = asyncio.Event()
        """Set when somebody begins to wait."""
        self._timer = timer
        self._wanted = frozenset(event.DESCRIPTOR.full_name for event in view.events)
        self._columns = {name: indexed_columns(document) for name, document in view.collections.items()}
        self._waiters: dict[asyncio.Future[bool], int] = {}
        self._moved = asyncio.Event()
        self.busy = asyncio.Lock()
        """Held by whoever is about to change the read model."""

    @property
    def position(self) -> int:
        """Everything up to it is in what the read model answers from now on."""
        return self.read_model.position

    @property
    def answers_from(self) -> int:
        """The position that must have been seen before anything is answered; 0 if it has."""
        if self._answers_from and self.position >= self._answers_from:
            self._answers_from = 0
        return self._answers_from

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for a position that has not been seen."""
        return bool(self._waiters)

    async def wait_for(self, position: int, max_wait: float) -> bool:
        """Whether the view has seen a position, or does within `max_wait` seconds.

        False at once when the view has stopped.
        """
        if self.position >= position:
            return True
        if self.failed is not None or max_wait <= 0:
            return False
        loop = asyncio.get_running_loop()
        seen = loop.create_future()
        waiters = self._waiters  # another projector may take them over
        waiters[seen] = position
        self.nudge.set()
        try:
            return await within(self._timer or loop, max_wait, seen) and seen.result()
        finally:
            waiters.pop(seen, None)

    async def moved(self) -> None:
        """Return when something has become of the view; it does not hurry for this."""
        await self._moved.wait()

    # One batch

    def begin(
        self, batch: Callable[[], Iterable[AnyRecordedEvent]], *, retried: Key | None = None
    ) -> ViewBatch:
        """The documents of the batch that follows on where the view stands, or of what is parked of one.

        `batch` gives its events once more, in order.
        """
        return ViewBatch(self.view, self._wanted, self._columns, self.read_model, batch, retried=retried)

    def write(
        self, changes: Sequence[Change], parked: Sequence[ParkedEvent], checkpoint: Checkpoint
    ) -> Awaitable[None] | None:
        """Store what a batch changes; None if it is done, because there was nothing to store.

        Raises what `ReadModel.write` does.
        """
        if changes or parked or checkpoint.position - self.read_model.stored >= SKIPPED_EVENTS:
            return self.read_model.write(changes, self.position, checkpoint, parked)
        self.read_model.skip_to(checkpoint.position)
        return None

    def tell_parked(self, view_batch: ViewBatch) -> None:
        """Log what a batch could not digest: the first with its trace, for the others may be many."""
        if view_batch.causes:
            first = next(event for event in view_batch.parked if event.error)
            _log.error(
                "The view %s has parked %d documents, which stay as they were while all else goes on: "
                "the first is one of %s, at position %d. foldlog views parked names them. "
                "Once the cause is cured: foldlog views retry.",
                self.view.name,
                len(view_batch.causes),
                first.key[0],
                first.position,
                exc_info=view_batch.causes[0],
            )

    def release_satisfied(self) -> None:
        """Wake those whose position has been seen."""
        here = self.position
        self._release([waiter for waiter, position in self._waiters.items() if position <= here], True)
        self.tell_followers()

    # The end

    def take_over(self, former: "Projector") -> None:
        """Take the place of another one, and go on for those who wait for that."""
        former._waiters.update(self._waiters)
        self._waiters, former._waiters = former._waiters, {}
        former.follows = False
        former.tell_followers()
        self.nudge.set()
        self.release_satisfied()

    def fail(self, error: BaseException) -> None:
        """Stop for good, visibly; if the documents are damaged, until others have taken their place."""
        if isinstance(error, ReadModelDamaged):
            self.be_damaged(error)
            return
        self.failed = error
        _log.error(
            "The view %s has stopped at position %d and answers what it had then: %s",
            self.view.name,
            self.position,
            described(error),
            exc_info=error,
        )
        self.release_all()

    def be_damaged(self, damage: ReadModelDamaged) -> None:
        """Answer nothing any more, and follow no longer; told once. Who waits goes on to wait for others."""
        if self.damage:
            return
        self.damage, self.follows = str(damage), False
        _log.error(
            "The view %s is damaged at position %d: %s. It answers nothing until it has been built anew from "
            "the log, which begins by itself.",
            self.view.name,
            self.position,
            self.damage,
        )
        self.when_damaged()
        self.tell_followers()

    def release_all(self) -> None:
        """Tell those who wait that what they wait for does not come."""
        self._release(list(self._waiters), False)
        self.tell_followers()

    def _release(self, waiters: Sequence[asyncio.Future[bool]], seen: bool) -> None:
        for waiter in waiters:
            del self._waiters[waiter]  # now, so that no rest is skipped for one that only has to be resumed
            if not waiter.done():
                waiter.set_result(seen)

    def tell_followers(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()
