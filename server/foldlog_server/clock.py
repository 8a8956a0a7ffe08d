"""What is asked of the server's time."""

from typing import NamedTuple, Protocol


class Leap(NamedTuple):
    """A leap of the wall clock that is not followed so far."""

    nanoseconds: int
    """How far the wall clock is ahead of the server's time; negative: behind."""
    since: int
    """The server's time when it was noticed, in nanoseconds since the epoch."""


class Clock(Protocol):
    """The server's time."""

    def __call__(self) -> int:
        """Nanoseconds since the epoch."""

    @property
    def leap(self) -> Leap | None:
        """The leap of the wall clock that is under observation; None while it agrees."""
