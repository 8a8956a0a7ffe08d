"""Tracks one view's position in the log, its waiters, and its failure.

Projectors are moved in groups: see `scheduler.py` for when each group moves.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from foldlog_server.domain.view import AnyView, Key
from foldlog_server.log.events import AnyRecordedEvent
from foldlog_server.personal import described
from foldlog_server.printable import counted
from foldlog_server.timer import Timer, within
from foldlog_server.views.batch import ViewBatch
from foldlog_server.views.definition import indexed_columns
from foldlog_server.views.read_model import Change, Checkpoint, ParkedEvent, ReadModel, ReadModelDamaged

SKIPPED_EVENTS = 10_000
"""How many events the checkpoint on disk may lag while no document changes."""

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

        A projector that does not follow the log answers from what it has, until another takes its place.
        `answers_from` is the position that it must reach before it answers anything.
        """
        self.view = view
        self.read_model = read_model
        self.follows = follows
        self.failed: BaseException | None = None
        """Why the view has stopped for good; None if it has not."""
        self.damage = ""
        """What is wrong with the documents, so that nothing is answered from them; empty if they are
        sound."""
        self.hindrance = ""
        """Why the view cannot be updated now, which is retried; empty while it can."""
        self.needs_another = False
        """It cannot be updated even once the hindrance is over, such as when its file was opened
        read-only."""
        self.when_damaged: Callable[[], object] = lambda: None
        """Called when the documents are found to be damaged."""
        self._answers_from = answers_from
        self.nudge = asyncio.Event()
        """Set when a caller begins to wait."""
        self._timer = timer
        self._wanted = frozenset(event.DESCRIPTOR.full_name for event in view.events)
        self._columns = {name: indexed_columns(document) for name, document in view.collections.items()}
        self._waiters: dict[asyncio.Future[bool], int] = {}
        self._moved = asyncio.Event()
        self.busy = asyncio.Lock()
        """Held while the read model is being changed."""

    @property
    def position(self) -> int:
        """Everything up to this position is in what the read model answers from now on."""
        return self.read_model.position

    @property
    def answers_from(self) -> int:
        """The position that must be reached before anything is answered; 0 once it has been."""
        if self._answers_from and self.position >= self._answers_from:
            self._answers_from = 0
        return self._answers_from

    @property
    def is_awaited(self) -> bool:
        """Whether a caller waits for a position that has not been reached."""
        return bool(self._waiters)

    async def wait_for(self, position: int, max_wait: float) -> bool:
        """Whether the view has reached a position, or does so within `max_wait` seconds.

        Returns False at once if the view has stopped.
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
        """Wait for the next change of the view or of its state, without making the view hurry."""
        await self._moved.wait()

    # One batch

    def begin(
        self, batch: Callable[[], Iterable[AnyRecordedEvent]], *, retried: Key | None = None
    ) -> ViewBatch:
        """Begin the batch behind the view's position, or one of the parked events of the document `retried`.

        `batch` returns its events again, in order.
        """
        return ViewBatch(self.view, self._wanted, self._columns, self.read_model, batch, retried=retried)

    def write(
        self, changes: Sequence[Change], parked: Sequence[ParkedEvent], checkpoint: Checkpoint
    ) -> Awaitable[None] | None:
        """Store what a batch changes; returns None if there is nothing to store.

        Raises what `ReadModel.write` does.
        """
        if changes or parked or checkpoint.position - self.read_model.stored >= SKIPPED_EVENTS:
            return self.read_model.write(changes, self.position, checkpoint, parked)
        self.read_model.skip_to(checkpoint.position)
        return None

    def log_parked(self, view_batch: ViewBatch) -> None:
        """Log which documents a batch has parked: the first with its trace, as there may be many."""
        if view_batch.causes:
            first = next(event for event in view_batch.parked if event.error)
            _log.error(
                "The view %s has parked %s, to which it could not apply an event; all others are updated. "
                "The first is in %s, at position %d. `foldlog views parked` lists what is parked; "
                "once the cause is fixed, run `foldlog views retry`.",
                self.view.name,
                counted(len(view_batch.causes), "document"),
                first.key[0],
                first.position,
                exc_info=view_batch.causes[0],
            )

    def release_satisfied(self) -> None:
        """Wake the waiters whose position has been reached."""
        here = self.position
        self._release([waiter for waiter, position in self._waiters.items() if position <= here], True)
        self.wake_followers()

    # The end

    def take_over(self, former: "Projector") -> None:
        """Take the place of another projector, and take over its waiters."""
        former._waiters.update(self._waiters)
        self._waiters, former._waiters = former._waiters, {}
        former.follows = False
        former.wake_followers()
        self.nudge.set()
        self.release_satisfied()

    def fail(self, error: BaseException) -> None:
        """Stop for good and log it; if the documents are damaged, stop until a rebuild replaces them."""
        if isinstance(error, ReadModelDamaged):
            self.be_damaged(error)
            return
        self.failed = error
        _log.error(
            "The view %s has stopped at position %d, and answers as of that position: %s",
            self.view.name,
            self.position,
            described(error),
            exc_info=error,
        )
        self.release_all()

    def be_damaged(self, damage: ReadModelDamaged) -> None:
        """Stop following and answer nothing; logged once. Callers keep waiting for the rebuilt documents."""
        if self.damage:
            return
        self.damage, self.follows = str(damage), False
        _log.error(
            "The view %s is damaged at position %d: %s. It answers nothing until it has been rebuilt from "
            "the log, which begins automatically.",
            self.view.name,
            self.position,
            self.damage,
        )
        self.when_damaged()
        self.wake_followers()

    def release_all(self) -> None:
        """Wake all waiters: the position that they wait for will not be reached."""
        self._release(list(self._waiters), False)
        self.wake_followers()

    def _release(self, waiters: Sequence[asyncio.Future[bool]], seen: bool) -> None:
        for waiter in waiters:
            del self._waiters[waiter]  # now: a waiter that only has to be resumed must not cut a rest short
            if not waiter.done():
                waiter.set_result(seen)

    def wake_followers(self) -> None:
        """Wake everybody who waits in `moved`."""
        self._moved.set()
        self._moved = asyncio.Event()
