"""Waits on an injected timer: an event loop in a server, and one that a test moves by hand."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol


class Alarm(Protocol):
    """A callback that is scheduled."""

    def cancel(self) -> None:
        """Cancel the callback, if it has not run yet."""


class Timer(Protocol):
    """The interface of a timer; a running event loop has it."""

    def time(self) -> float:
        """Seconds since a fixed moment."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Alarm:
        """Call back once, after this many seconds."""


async def within(timer: Timer, seconds: float, awaitable: Awaitable[object]) -> bool:
    """Await something for at most this many seconds; returns whether it ended in time, and cancels it
    if not."""
    loop = asyncio.get_running_loop()
    scope = asyncio.timeout(None)
    try:
        async with scope:
            alarm = timer.call_later(seconds, lambda: scope.reschedule(loop.time()))
            try:
                await awaitable
            finally:
                alarm.cancel()
    except TimeoutError:
        if not scope.expired():
            raise
        return False
    return True


async def pause(timer: Timer, seconds: float) -> None:
    """Wait for this many seconds."""
    over = asyncio.Event()
    alarm = timer.call_later(seconds, over.set)
    try:
        await over.wait()
    finally:
        alarm.cancel()
