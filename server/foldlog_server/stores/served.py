"""Measures how long a log has been served, which is the time by which request ids expire."""

from collections.abc import Callable

LONGEST_GAP = 10_000_000_000
"""Nanoseconds. At most so much is counted between two calls: longer gaps may be time without service.

The process may have been stopped, its machine suspended, or its clock moved. Then the window lasts longer.
"""


class Served:
    """Nanoseconds of service; they grow with a monotonic clock as long as `now` is called."""

    def __init__(self, before: int, monotonic: Callable[[], int]) -> None:
        """`before` is the time served by earlier processes; `monotonic` returns nanoseconds."""
        self._served = before
        self._monotonic = monotonic
        self._asked_at = monotonic()

    def now(self) -> int:
        """How long the log has been served until now; never decreases."""
        asked_at = self._monotonic()
        self._served += max(0, min(asked_at - self._asked_at, LONGEST_GAP))
        self._asked_at = asked_at
        return self._served
