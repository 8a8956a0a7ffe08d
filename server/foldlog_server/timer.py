"""Waits whose end can be brought about by whoever injects the timer: a running event loop is one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol


class Alarm(Protocol):
    """Something that is going to happen."""

    def cancel(self) -> None:
        """It does not happen, if it has not yet."""


class Timer(Protocol):
    """What the runners ask of a clock."""

    def time(self) -> float:
        """Seconds since some fixed moment."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Alarm:
        """Call back once, after so many seconds."""


async def within(timer: Timer, seconds: float, awaitable: Awaitable[object]) -> bool:
    """Whether something ended in time; if not, it was cancelled."""
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
    """Do nothing for so many seconds."""
    over = asyncio.Event()
    alarm = timer.call_later(seconds, over.set)
    try:
        await over.wait()
    finally:
        alarm.cancel()
