"""The server's time: it goes on with the monotonic clock, and follows a leap of the wall clock only when that
has proved steady.

Events are stamped with it for ever, so no single reading of the wall clock decides it. What a wall clock does
against a monotonic one is told apart by size: up to a second it is followed slowly; more is a leap.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

from msgspec import Struct

from foldlog_server.clock import Leap

Reading = Callable[[], int]
"""Gives nanoseconds."""

_MILLISECOND = 1_000_000
_SECOND = 1_000_000_000

LOOK_EVERY = 500 * _MILLISECOND
"""How often the wall clock is looked at, at most."""

SLEWED = _SECOND
"""A deviation up to here is followed slowly, and wall clocks that differ no more are steady."""

SLEW_DIVISOR = 1000
"""A slow change is at most this part of the time in which it happens: a millisecond a second."""

STEADY = 300 * _SECOND
"""How long a wall clock must have agreed with the monotonic clock before a leap is followed."""

LONGEST_GAP = 10 * _SECOND
"""Between two looks at most so much counts as agreement: nobody saw what lay between them."""

TOLD_EVERY = 60 * _SECOND
"""A wall clock that leaps again and again is not told more often."""

_log = logging.getLogger("foldlog")


class _Leaping(Struct):
    """A leap under observation."""

    leap: Leap
    told: bool
    steady: int = 0
    """How long the wall clock was seen to agree with the monotonic clock since."""


def _monotonic_reading() -> Reading:
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # Linux: it goes on while the machine is suspended
    if clock is None:
        return time.monotonic_ns
    reading = partial(time.clock_gettime_ns, clock)
    try:
        reading()
    except OSError:  # the system's headers have it, and its kernel has not
        return time.monotonic_ns
    return reading


monotonic_ns: Reading = _monotonic_reading()
"""The best monotonic clock there is."""


class ServerClock:
    """Gives the server's time, in nanoseconds since the epoch; to be called from one thread at a time.

    It never goes back, except when a leap back of the wall clock is followed.
    """

    def __init__(self, wall: Reading = time.time_ns, monotonic: Reading = monotonic_ns) -> None:
        """The time begins with what the wall clock says: there is nothing yet to hold it against."""
        self._wall = wall
        self._monotonic = monotonic
        self._looked = monotonic()
        self._look_at = self._looked + LOOK_EVERY
        self._offset = wall() - self._looked
        self._time = self._looked + self._offset
        self._leaping: _Leaping | None = None
        self._told: int | None = None

    def __call__(self) -> int:
        now = self._monotonic()
        if now >= self._look_at:
            self._look(now)
        time = now + self._offset
        if time > self._time:  # a slow change back must not show
            self._time = time
        return self._time

    @property
    def leap(self) -> Leap | None:
        """The leap of the wall clock that is under observation; None while both clocks agree."""
        return None if self._leaping is None else self._leaping.leap

    def _look(self, now: int) -> None:
        """Hold the wall clock against the monotonic one."""
        wall = self._wall()
        if self._monotonic() - now > SLEWED // 10:  # held up in between: the two do not belong together
            return
        passed, self._looked, self._look_at = now - self._looked, now, now + LOOK_EVERY
        ahead = wall - now - self._offset
        if abs(ahead) > SLEWED:
            self._observe(ahead, passed, now)
            return
        self._end_leap()
        most = passed // SLEW_DIVISOR
        self._offset += max(-most, min(ahead, most))

    def _observe(self, ahead: int, passed: int, now: int) -> None:
        leaping = self._leaping
        if leaping is None or abs(ahead - leaping.leap.nanoseconds) > SLEWED:
            self._leaping = _Leaping(Leap(ahead, now + self._offset), self._tell(ahead, now))
            return
        leaping.steady += min(passed, LONGEST_GAP)
        if leaping.steady >= STEADY:
            self._follow(ahead, now)

    def _follow(self, ahead: int, now: int) -> None:
        self._leaping = None
        self._offset += ahead
        self._time = now + self._offset
        _log.warning(
            "The wall clock has been steady for %d minutes: the server's time follows it, by %+.3f s.",
            STEADY // _SECOND // 60,
            ahead / _SECOND,
        )

    def _tell(self, ahead: int, now: int) -> bool:
        if self._told is not None and now - self._told < TOLD_EVERY:
            return False
        self._told = now
        _log.warning(
            "The wall clock has leapt by %+.3f s against the monotonic clock. The server's time goes on "
            "without it, and follows when both have agreed for %d minutes. Check what sets the clock.",
            ahead / _SECOND,
            STEADY // _SECOND // 60,
        )
        return True

    def _end_leap(self) -> None:
        if self._leaping is not None and self._leaping.told:
            _log.warning("The wall clock is back: it agrees with the server's time again.")
        self._leaping = None


class Lookout:
    """Asks a clock for the time every second, so that it notices what its wall clock does also when idle."""

    def __init__(self, clock: Reading) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._look()

    def stop(self) -> None:
        """Ask no more."""
        self._next.cancel()

    def _look(self) -> None:
        self._clock()
        self._next = self._loop.call_later(1.0, self._look)
