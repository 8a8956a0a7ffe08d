"""The interface of the server's clock."""

from typing import NamedTuple, Protocol


class Leap(NamedTuple):
    """A leap of the wall clock that the server's time has not followed yet."""

    nanoseconds: int
    """How far the wall clock is ahead of the server's time; negative: behind."""
    since: int
    """The server's time when the leap was noticed, in nanoseconds since the epoch."""


class Clock(Protocol):
    """Returns the server's time."""

    def __call__(self) -> int:
        """Nanoseconds since the epoch."""

    @property
    def leap(self) -> Leap | None:
        """The leap of the wall clock under observation; None while it agrees with the server's time."""
