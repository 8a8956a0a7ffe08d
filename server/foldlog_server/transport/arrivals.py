"""Calls that are under way together are taken up together; a lone call never waits.

gRPC hands over calls one by one, with its own work in between. Taken up one after the other, they find
code and objects in the processor's caches, and one commit stores them all. Who was answered is likely to come
again: without the memory of how many there were, the first to come back went ahead alone, and all others
waited for its commit.
"""

import asyncio
from collections.abc import Callable

TURNS = 512
"""Turns of the event loop for which calls gather at most; a pause of a fixed time would be idle when
nothing else is there to do."""

_TURNS_PER_CALL = 32
"""Few calls are not worth a long wait."""


class Arrivals:
    """The calls of one kind, from when they come to when they are answered."""

    def __init__(self) -> None:
        self._under_way = 0
        self._lately = 0
        """How many were under way when calls were last taken up together."""
        self._gathering: list[Callable[[], None]] = []

    def enter(self, take_up: Callable[[], None]) -> None:
        """Have a call taken up: at once when alone, else with those that come within some turns of the loop.

        `take_up` does not raise.
        """
        self._under_way += 1
        if self._expected == 1:
            take_up()
            return
        self._gathering.append(take_up)
        if len(self._gathering) == 1:
            loop = asyncio.get_running_loop()
            self._gather(loop, min(TURNS, _TURNS_PER_CALL * self._expected))

    def leave(self) -> None:
        """Go, however the call ended, once for each time that it came in."""
        self._under_way -= 1

    @property
    def _expected(self) -> int:
        return max(self._under_way, self._lately)

    def _gather(self, loop: asyncio.AbstractEventLoop, turns: int) -> None:
        if turns and len(self._gathering) < self._expected:
            loop.call_soon(self._gather, loop, turns - 1)
            return
        gathered, self._gathering = self._gathering, []
        self._lately = self._under_way
        for take_up in gathered:
            take_up()
