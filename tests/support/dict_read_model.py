"""A read model in a dictionary, for tests of what moves it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from foldlog_server.domain.view import Key
from foldlog_server.views.read_model import (
    Change,
    Checkpoint,
    ParkedEvent,
    ReadModelDamaged,
    ReadModelUnavailable,
)


class DictReadModel:
    """A read model in a dictionary, which can refuse to be written and can be held up."""

    def __init__(self) -> None:
        self.rows: dict[Key, tuple[int, bytes]] = {}
        self.stored = 0
        self.skipped_to = 0
        self.parked: dict[str, dict[str, ParkedEvent]] = {}
        self.queued: list[ParkedEvent] = []
        self.became: list[str] = []
        self.writes: list[tuple[int, Sequence[Key], Checkpoint]] = []
        self.refusals = 0
        self.unavailable: ReadModelUnavailable | None = None
        self.damage: ReadModelDamaged | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.may_complete = asyncio.Event()
        self.may_complete.set()

    @property
    def position(self) -> int:
        return max(self.stored, self.skipped_to)

    def load(self, keys: Iterable[Key]) -> Mapping[Key, bytes]:
        return {key: self.rows[key][1] for key in keys if key in self.rows}

    async def write(
        self,
        changes: Sequence[Change],
        base: int,
        checkpoint: Checkpoint,
        parked: Sequence[ParkedEvent] = (),
    ) -> None:
        self.check()
        if self.unavailable is not None:
            raise self.unavailable
        if self.refusals:
            self.refusals -= 1
            raise ReadModelUnavailable("the disk is full")
        await self.gate.wait()
        assert base == self.position
        for change in changes:
            made = change.made or self.rows[change.key][0]
            self.rows.pop(change.key, None)
            if change.document is not None:
                self.rows[change.key] = made, change.document
        for event in parked:
            first = self.parked.setdefault(event.key.collection, {}).setdefault(event.key.id, event)
            self.queued.append(event if first is event else event._replace(error=""))
        self.writes.append((base, [change.key for change in changes], checkpoint))
        self.stored = checkpoint.position

    def skip_to(self, position: int) -> None:
        self.skipped_to = position

    async def complete(self) -> None:
        await self.may_complete.wait()
        self.became.append("complete")

    def check(self) -> None:
        if self.damage is not None:
            raise self.damage

    async def close(self) -> None:
        self.became.append("closed")

    async def discard(self) -> None:
        self.became.append("discarded")
