"""Hands entries to one writer, a batch at a time and in order; an idle writer starts at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Entry = TypeVar("Entry")

MAX_BATCH_ENTRIES = 512
MAX_BATCH_WEIGHT = 4 * 1024 * 1024


class GroupCommit(Generic[Entry]):
    """The entries that wait for a writer, which takes a batch at a time and must not raise."""

    def __init__(
        self, write: Callable[[list[Entry]], Awaitable[None]], weigh: Callable[[Entry], int]
    ) -> None:
        self._write = write
        self._weigh = weigh
        self._loop = asyncio.get_running_loop()
        self._entries: list[Entry] = []
        self._idle = asyncio.Event()
        self._idle.set()
        self._writing: asyncio.Task[None] | None = None

    def add(self, entry: Entry) -> None:
        """Add an entry, to be written after all that were added before it."""
        self._entries.append(entry)
        if self._idle.is_set():
            self._idle.clear()
            self._hand_over()

    async def drained(self) -> None:
        """Return when everything that was added has been written."""
        await self._idle.wait()

    def _hand_over(self) -> None:
        # A task starts in the next turn of the loop, so entries that are added in this turn join the batch.
        self._writing = self._loop.create_task(self._write_batch())

    async def _write_batch(self) -> None:
        await self._write(self._take())
        if self._entries:
            self._hand_over()
        else:
            self._idle.set()

    def _take(self) -> list[Entry]:
        """The oldest entries: at least one, and as many as fit into a batch."""
        weight = count = 0
        for entry in self._entries[:MAX_BATCH_ENTRIES]:
            weight += self._weigh(entry)
            if weight > MAX_BATCH_WEIGHT and count:
                break
            count += 1
        batch, self._entries = self._entries[:count], self._entries[count:]
        return batch
