"""The head of a log, and a way to wait until it moves: one wake-up per commit."""

import asyncio

from foldlog_server.errors import StoreUnavailable
from foldlog_server.log.event_store import Head


class HeadSignal:
    """The head of a log, and the tasks that wait for it to move."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self._moved = asyncio.Event()
        self._ended = False

    def advance(self, head: Head) -> None:
        """Move the head, because the log has grown."""
        self.head = head
        self._wake()

    def end(self) -> None:
        """Stop: the log will not grow any more, and whatever waits, now or later, gets `StoreUnavailable`."""
        self._ended = True
        self._wake()

    async def wait_beyond(self, position: int) -> None:
        """Return when the head is beyond a position; raises `StoreUnavailable` if it never will be."""
        while self.head.position <= position:
            if self._ended:
                raise StoreUnavailable
            await self._moved.wait()

    def _wake(self) -> None:
        # Those who wait from now on get a new event: they must not wait on one that is already set.
        self._moved.set()
        self._moved = asyncio.Event()
