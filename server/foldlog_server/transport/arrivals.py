"""Calls that are under way together are taken up together, in rounds; who comes alone seldom waits.

gRPC hands over calls one by one, with its own work in between. Taken up one after the other, they find
code and objects in the processor's caches, and one commit stores them all. A round waits until the one before
is answered, as its commit would have to anyway, and for those who were answered to call again, as most do at
once; but only as long as calls keep coming and keep the loop busy. Calls that come by chance leave it idle in
between, and are waited for in vain.
"""

import asyncio
import time
from collections.abc import Callable

from foldlog_server.core.timer import Alarm, Timer

PATIENCE = 0.002
"""Seconds for which a round waits for the next call to come."""

MOST_WAITS = 10
"""How often it does so."""

MOST_PASSED = 64
"""Rounds, at most, that wait for no caller because others did so in vain."""


class Round:
    """Calls that are taken up together."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        """What takes them up; empty when they are."""
        self.unanswered = 0


class Arrivals:
    """The calls of one kind, from when they come to when they are answered."""

    def __init__(self, *, timer: Timer | None = None, worked: Callable[[], float] = time.thread_time) -> None:
        """`timer` is the running loop if not given; `worked` gives the seconds that its thread has worked."""
        self._timer = timer or asyncio.get_running_loop()
        self._worked = worked
        self._last = Round()
        self._next = Round()
        self._expected = 0
        """The most that were under way at a time since the last round was taken up. Calls of rounds before it
        take long, and do not count."""
        self._alarm: Alarm | None = None
        """Ends the waiting of the next round."""
        self._experience = _Experience()

    def enter(self, take_up: Callable[[], None]) -> Round:
        """Have a call taken up: at once when no other is expected, else with those that come soon.

        `take_up` does not raise. Gives the call's round, which is to be left when the call has ended.
        """
        round, before = self._next, self._last.unanswered
        round.calls.append(take_up)
        round.unanswered += 1
        here = len(round.calls)
        self._expected = max(self._expected, here + before)
        if here == self._expected:
            if here > 1:
                self._experience.reward()
            self._take_up()
        elif here == 1:
            self._be_patient(MOST_WAITS)
            if not before:
                self._hear_experience()
        return round

    def leave(self, round: Round) -> None:
        """Leave a round, however the call ended."""
        round.unanswered -= 1
        if round is self._last and not round.unanswered and self._next.calls:
            self._hear_experience()

    def _hear_experience(self) -> None:
        """Do without those who were answered, if such did not come again lately."""
        if self._experience.passes():
            self._wait(0, self._take_up)  # not now: an answer may be about to go out

    def _be_patient(self, waits: int) -> None:
        here, worked = len(self._next.calls), self._worked()
        self._wait(PATIENCE, lambda: self._look_up(here, worked, waits - 1))

    def _look_up(self, here: int, worked: float, waits: int) -> None:
        is_busy = self._worked() - worked > PATIENCE / 2
        if waits and is_busy and len(self._next.calls) > here:
            self._be_patient(waits)
            return
        if not self._last.unanswered:
            self._experience.disappoint()
        self._take_up()

    def _take_up(self) -> None:
        self._stop_waiting()
        taken, self._next = self._next, Round()
        calls, taken.calls = taken.calls, []
        self._last, self._expected = taken, taken.unanswered
        for take_up in calls:
            take_up()

    def _wait(self, seconds: float, end: Callable[[], None]) -> None:
        self._stop_waiting()
        self._alarm = self._timer.call_later(seconds, end)

    def _stop_waiting(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None


class _Experience:
    """With waiting for callers: each time that it was in vain, twice as many rounds do without."""

    def __init__(self) -> None:
        self._to_pass = 0
        self._left = 0

    def reward(self) -> None:
        self._to_pass = self._left = self._to_pass // 2

    def disappoint(self) -> None:
        self._to_pass = self._left = min(2 * self._to_pass + 1, MOST_PASSED)

    def passes(self) -> bool:
        """Whether the next round does without; asked once for each."""
        if self._left:
            self._left -= 1
            return True
        return False
