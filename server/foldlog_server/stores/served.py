"""How long a log has been served: the time by which request ids are forgotten."""

from collections.abc import Callable

LONGEST_GAP = 10_000_000_000
"""Nanoseconds. Between two looks at most so much is counted: who did not look did perhaps not serve.

A process may have been stopped, its machine suspended, or its clock moved. Then the window lasts longer.
"""


class Served:
    """Nanoseconds served; they grow with a monotonic clock for as long as somebody looks."""

    def __init__(self, before: int, monotonic: Callable[[], int]) -> None:
        """`before` is what was served by others; `monotonic` gives nanoseconds."""
        self._served = before
        self._monotonic = monotonic
        self._looked = monotonic()

    def now(self) -> int:
        """How long the log has been served by now; it never goes back."""
        looked = self._monotonic()
        self._served += max(0, min(looked - self._looked, LONGEST_GAP))
        self._looked = looked
        return self._served
