"""Prints every event as it comes, under the step that caused it."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_client import Client


class Feed:
    """A live subscription to the whole log, running beside the story for as long as the block lasts."""

    _following: asyncio.Task[None]

    def __init__(self, client: Client, print_line: Callable[[str], None]) -> None:
        self._client = client
        self._print_line = print_line
        self._moved = asyncio.Condition()
        self.events: list[RecordedEvent] = []
        """The events received so far, in order."""

    async def __aenter__(self) -> Self:
        self._following = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)

    async def reaches(self, position: int) -> None:
        """Wait until everything up to the position has come. Raises what ended the subscription."""
        reached = asyncio.create_task(self._reaches(position))
        await asyncio.wait({reached, self._following}, return_when=asyncio.FIRST_COMPLETED)
        if not reached.done():
            reached.cancel()
            self._following.result()

    async def _reaches(self, position: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self.events and self.events[-1].position >= position)

    async def _follow(self) -> None:
        async with self._client.events.subscribe() as events:
            async for event in events:
                kind = event.type.rpartition(".")[2]
                self._print_line(f"{event.position:>5}  {event.stream} v{event.version}  {kind}")
                async with self._moved:
                    self.events.append(event)
                    self._moved.notify_all()
