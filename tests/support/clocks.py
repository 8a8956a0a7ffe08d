"""A machine's clocks, moved by hand."""

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Clocks:
    """A wall clock and a monotonic clock; nanoseconds."""

    def __init__(self, wall: int = 1_700_000_000 * SECOND, monotonic: int = 77 * SECOND) -> None:
        self.wall_time = wall
        self.monotonic_time = monotonic

    def wall(self) -> int:
        return self.wall_time

    def monotonic(self) -> int:
        return self.monotonic_time

    def passes(self, nanoseconds: int) -> None:
        """Time that both clocks see."""
        self.wall_time += nanoseconds
        self.monotonic_time += nanoseconds

    def leaps(self, nanoseconds: int) -> None:
        """The wall clock is set."""
        self.wall_time += nanoseconds
