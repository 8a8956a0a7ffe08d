"""The server's time: it advances with the monotonic clock, and follows a leap of the wall clock only
once that has proved steady.

The times of events are permanent, so no single reading of the wall clock decides them. A deviation of the
wall clock from the monotonic clock of up to a second is followed slowly; a larger one is a leap.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

from msgspec import Struct

from foldlog_server.clock import Leap

Reading = Callable[[], int]
"""Returns nanoseconds."""

_MILLISECOND = 1_000_000
_SECOND = 1_000_000_000

LOOK_EVERY = 500 * _MILLISECOND
"""The shortest time between two readings of the wall clock."""

SLEWED = _SECOND
"""A deviation up to this is followed slowly, and a wall clock that deviates no more than this is steady."""

SLEW_DIVISOR = 1000
"""A slow change is at most this fraction of the time that has passed: a millisecond a second."""

STEADY = 300 * _SECOND
"""How long a wall clock must have agreed with the monotonic clock before a leap is followed."""

LONGEST_GAP = 10 * _SECOND
"""At most this much of the time between two readings counts as agreement: nothing was read in between."""

LOG_EVERY = 60 * _SECOND
"""The shortest time between two log lines about leaps."""

_log = logging.getLogger("foldlog")


class _Leaping(Struct):
    """A leap under observation."""

    leap: Leap
    is_logged: bool
    steady: int = 0
    """How long the wall clock has agreed with the monotonic clock since."""


def _monotonic_reading() -> Reading:
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # Linux: it also counts while the machine is suspended
    if clock is None:
        return time.monotonic_ns
    reading = partial(time.clock_gettime_ns, clock)
    try:
        reading()
    except OSError:  # the system's headers have this clock, its kernel does not
        return time.monotonic_ns
    return reading


monotonic_ns: Reading = _monotonic_reading()
"""The best monotonic clock of this system."""


class ServerClock:
    """Returns the server's time, in nanoseconds since the epoch; called from one thread at a time.

    The time never goes back, except when a leap back of the wall clock is followed.
    """

    def __init__(self, wall: Reading = time.time_ns, monotonic: Reading = monotonic_ns) -> None:
        """The time begins with the wall clock's: there is nothing yet to compare it with."""
        self._wall = wall
        self._monotonic = monotonic
        self._looked = monotonic()
        self._look_at = self._looked + LOOK_EVERY
        self._offset = wall() - self._looked
        self._time = self._looked + self._offset
        self._leaping: _Leaping | None = None
        self._logged: int | None = None
        """When a leap was last logged."""

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
        """The leap of the wall clock under observation; None while both clocks agree."""
        return None if self._leaping is None else self._leaping.leap

    def _look(self, now: int) -> None:
        """Compare the wall clock with the monotonic one."""
        wall = self._wall()
        if (
            self._monotonic() - now > SLEWED // 10
        ):  # delayed in between: the two readings do not belong together
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
            self._leaping = _Leaping(Leap(ahead, now + self._offset), self._log_leap(ahead, now))
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

    def _log_leap(self, ahead: int, now: int) -> bool:
        if self._logged is not None and now - self._logged < LOG_EVERY:
            return False
        self._logged = now
        _log.warning(
            "The wall clock has leapt by %+.3f s against the monotonic clock. The server's time does not "
            "follow it until both have agreed for %d minutes. Check what sets the clock.",
            ahead / _SECOND,
            STEADY // _SECOND // 60,
        )
        return True

    def _end_leap(self) -> None:
        if self._leaping is not None and self._leaping.is_logged:
            _log.warning("The wall clock is back: it agrees with the server's time again.")
        self._leaping = None


class Lookout:
    """Reads a clock every second, so that it notices a leap of its wall clock when the server is idle,
    too."""

    def __init__(self, clock: Reading) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._look()

    def stop(self) -> None:
        """Stop reading the clock."""
        self._next.cancel()

    def _look(self) -> None:
        self._clock()
        self._next = self._loop.call_later(1.0, self._look)
