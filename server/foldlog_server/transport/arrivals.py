"""Calls that are under way together are taken up together; a lone call waits at most once, after others.

gRPC hands over calls one by one, with its own work in between. Taken up one after the other, they find
code and objects in the processor's caches, and one commit stores them all. Who was answered is likely to come
again: without the memory of how many there were, the first to come back went ahead alone, and all others
waited for its commit.
"""

import asyncio
import time
from collections.abc import Callable

TURNS = 512
"""Turns of the event loop for which calls gather at most; a pause of a fixed time would be idle when
nothing else is there to do."""

LONGEST = 0.01
"""Seconds for which they gather at most, where turns take long."""

_TURNS_PER_CALL = 32
"""Few calls are not worth a long wait."""


class Arrivals:
    """The calls of one kind, from when they come to when they are answered."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._under_way = 0
        self._lately = 0
        """How many were under way when calls were last taken up together."""
        self._gathering: list[asyncio.Future[None]] = []

    async def enter(self) -> None:
        """Come in, and wait for the others: not at all when none is expected, else for those that come
        soon."""
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
        """Go, however the call ended, once for each time that it came in."""
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
            if not together.done():  # else its caller has given up
                together.set_result(None)
