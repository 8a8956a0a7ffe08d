"""All views of a server, found by what they are asked for."""

import asyncio
from collections.abc import Sequence

from foldlog_server.core.cohorts import Cohorts
from foldlog_server.core.event_store import EventStore
from foldlog_server.core.projector import Projector


class Projectors:
    """Starts and stops the projectors together."""

    def __init__(self, projectors: Sequence[Projector], store: EventStore) -> None:
        """They follow the log of the store. Raises `ValueError` if two have a collection of the same name."""
        self._projectors = tuple(projectors)
        self._cohorts = Cohorts(self._projectors, store)
        self._by_collection = {
            collection: projector for projector in projectors for collection in projector.view.collections
        }
        if len(self._by_collection) < sum(len(projector.view.collections) for projector in projectors):
            raise ValueError("Two views have a collection of the same name.")

    def of(self, collection: str) -> Projector:
        """The projector of a collection; raises `KeyError` if there is none."""
        return self._by_collection[collection]

    def start(self) -> None:
        """Start all."""
        self._cohorts.start()

    async def stop(self) -> None:
        """Stop all, then close their read models."""
        await self._cohorts.stop()
        await asyncio.gather(*(projector.read_model.close() for projector in self._projectors))
