"""How far the log has come, and a place to wait for more: one wake-up per commit."""

import asyncio

from foldlog_server.errors import StoreUnavailable
from foldlog_server.log.event_store import Head


class Progress:
    """The head of a log, and those who wait for it to move."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self._moved = asyncio.Event()
        self._ended = False

    def advance(self, head: Head) -> None:
        """The log has grown."""
        self.head = head
        self._wake()

    def end(self) -> None:
        """The log will not grow any more: whoever waits, or comes to wait, gets `StoreUnavailable`."""
        self._ended = True
        self._wake()

    async def beyond(self, position: int) -> None:
        """Return once the head is beyond a position."""
        while self.head.position <= position:
            if self._ended:
                raise StoreUnavailable
            await self._moved.wait()

    def _wake(self) -> None:
        # A new event for those who come later, so that nobody who has just been woken waits on a set one.
        self._moved.set()
        self._moved = asyncio.Event()
