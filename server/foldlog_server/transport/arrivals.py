"""Starts calls together that arrive together; a lone call waits at most once, after others.

gRPC delivers calls one by one, with its own work in between. Calls that start one right after the other find
code and objects in the processor's caches, and one commit stores them all. A client that got an answer is
likely to call again: without remembering how many calls there were, the first new one would start alone, and
all others would wait for its commit.
"""

import asyncio
import time
from collections.abc import Callable

TURNS = 512
"""The most turns of the event loop for which calls gather; a pause of a fixed time would waste idle time."""

LONGEST = 0.01
"""The most seconds for which they gather, if turns take long."""

_TURNS_PER_CALL = 32
"""Fewer calls are worth a shorter wait."""


class Arrivals:
    """The calls of one kind, from their arrival to their answer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns seconds."""
        self._clock = clock
        self._under_way = 0
        self._lately = 0
        """How many were under way when calls last started together."""
        self._gathering: list[asyncio.Future[None]] = []

    async def enter(self) -> None:
        """Count a call in, and return when it may start: with those that arrive soon, or at once if none is
        expected."""
        self._under_way += 1
        if self._expected == 1:
            return
        loop = asyncio.get_running_loop()
        together = loop.create_future()
        self._gathering.append(together)
        if len(self._gathering) == 1:
            turns = min(TURNS, _TURNS_PER_CALL * self._expected)
            self._gather(loop, turns, self._clock() + LONGEST)
        await together

    def leave(self) -> None:
        """Count a call out, however it ended; once for each time that it was counted in."""
        self._under_way -= 1

    @property
    def _expected(self) -> int:
        return max(self._under_way, self._lately)

    def _gather(self, loop: asyncio.AbstractEventLoop, turns: int, until: float) -> None:
        if turns and len(self._gathering) < self._expected and self._clock() < until:
            loop.call_soon(self._gather, loop, turns - 1, until)
            return
        gathered, self._gathering = self._gathering, []
        self._lately = self._under_way
        for together in gathered:
            if not together.done():  # else its call was cancelled
                together.set_result(None)
