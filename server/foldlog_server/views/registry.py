"""Finds the views of a server by name or by collection, and replaces one by its rebuilt successor."""

import asyncio
from collections.abc import Sequence

from foldlog_server.log.event_store import EventStore
from foldlog_server.timer import Timer
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import ReadModelDamaged
from foldlog_server.views.scheduler import Scheduler


class CannotReplace(Exception):
    """A rebuilt view cannot reach the position of the one that it is to replace."""


class ViewRegistry:
    """Starts and stops the projectors together, and replaces one by another."""

    def __init__(
        self, projectors: Sequence[Projector], store: EventStore, *, timer: Timer | None = None
    ) -> None:
        """The projectors follow the log of the store; `timer` is the running loop if not given.

        Raises `ValueError` if two have a collection of the same name.
        """
        self._by_view = {projector.view.name: projector for projector in projectors}
        self._by_collection = {
            collection: projector for projector in projectors for collection in projector.view.collections
        }
        if len(self._by_collection) < sum(len(projector.view.collections) for projector in projectors):
            raise ValueError("Two views have a collection of the same name.")
        self._scheduler = Scheduler(projectors, store, timer=timer)
        self.damaged = asyncio.Event()
        """Set when documents that are answered from are found to be damaged."""
        for projector in projectors:
            projector.when_damaged = self.damaged.set
        self._former: set[Projector] = set()
        """The projectors that have been replaced and are not yet discarded."""

    @property
    def all(self) -> Sequence[Projector]:
        """The projectors that are answered from, in the order of the views."""
        return list(self._by_view.values())

    def of(self, collection: str) -> Projector:
        """The projector of a collection; raises `KeyError` if it does not exist."""
        return self._by_collection[collection]

    def of_view(self, name: str) -> Projector:
        """The projector of a view; raises `KeyError` if it does not exist."""
        return self._by_view[name]

    def start(self) -> None:
        """Start all."""
        self._scheduler.start()

    async def replace(self, new: Projector) -> Projector:
        """Replace the projector of a view once the new one has caught up with it; returns the former one.

        Raises `CannotReplace`, or `ReadModelDamaged` if the new documents were removed or changed. The new
        projector then stops following, as it does if this is cancelled.
        """
        former = self.of_view(new.view.name)
        self._scheduler.add(new)
        try:
            await self._reach(new, former)
            await new.read_model.complete()
            await self._reach(new, former)  # the former one has moved meanwhile
            new.read_model.check()
        except BaseException:
            new.follows = False
            async with new.busy:
                raise
        new.when_damaged = self.damaged.set
        self._by_view[new.view.name] = new
        self._by_collection.update(dict.fromkeys(new.view.collections, new))
        new.take_over(former)
        self._former.add(former)
        return former

    async def discard(self, former: Projector) -> None:
        """Delete the documents of a replaced projector, once nobody reads or writes them any more."""
        async with former.busy:
            await former.read_model.discard()
        self._former.remove(former)

    @staticmethod
    async def _reach(new: Projector, former: Projector) -> None:
        while new.failed is None and not new.damage and new.position < former.position:
            await new.moved()
        if new.damage:
            raise ReadModelDamaged(new.damage)
        if new.failed is not None:
            raise CannotReplace(str(new.failed)) from new.failed

    async def stop(self) -> None:
        """Stop all, then close their read models."""
        await self._scheduler.stop()
        for projector in self.all:
            projector.release_all()
        await asyncio.gather(*(projector.read_model.close() for projector in [*self.all, *self._former]))
