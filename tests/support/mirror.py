"""What a watcher knows."""

import asyncio
from collections.abc import Callable
from typing import Any

from foldlog.v1.async_caller import Watch
from tests.support.wire import SECONDS


class Mirror:
    """What a watcher knows, kept as the contract says it may be."""

    def __init__(self, id_of: str) -> None:
        self.documents: dict[str, Any] = {}
        self.position = 0
        self.resets = 0
        self.complete = False
        self._id_of = id_of

    def take(self, message: Any) -> None:
        if message.reset:
            self.documents.clear()
            self.resets += 1
            self.complete, self.position = False, 0
        for document in message.puts:
            self.documents[getattr(document, self._id_of)] = document
        for id in message.gone:
            self.documents.pop(id, None)
        assert message.position >= self.position
        self.position = message.position
        self.complete = self.complete or message.snapshot_complete

    async def follow(self, watch: Watch[Any], until: Callable[[], bool]) -> None:
        """Take messages in until something is so."""
        async with asyncio.timeout(SECONDS):
            while not until():
                self.take(await anext(watch))

    async def catch_up(self, watch: Watch[Any], position: int) -> None:
        await self.follow(watch, lambda: self.complete and self.position >= position)
