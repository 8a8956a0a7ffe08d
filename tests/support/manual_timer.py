"""A clock that stands still until a test moves it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(eq=False)
class ManualAlarm:
    due: float
    callback: Callable[[], object]
    timer: "ManualTimer"

    def cancel(self) -> None:
        if self in self.timer.alarms:
            self.timer.alarms.remove(self)


class ManualTimer:
    def __init__(self) -> None:
        self.now = 1000.0
        self.alarms: list[ManualAlarm] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], object], /) -> ManualAlarm:
        alarm = ManualAlarm(self.now + delay, callback, self)
        self.alarms.append(alarm)
        return alarm

    async def advance(self, seconds: float) -> None:
        """Let time pass and let everybody do what follows from it."""
        self.now += seconds
        for alarm in sorted(self.alarms, key=lambda alarm: alarm.due):
            if alarm.due <= self.now and alarm in self.alarms:
                self.alarms.remove(alarm)
                alarm.callback()
        await settle()


async def settle() -> None:
    """Let everybody on the loop go on until they wait for something."""
    for _ in range(200):
        await asyncio.sleep(0)
