"""Serves group commit alone: a call appends its bytes to a log, and returns them when they are on disk.

Calls are gathered and written as commands are. Nothing is checked or decided, and no view follows.
"""

import asyncio
import itertools
import logging
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from bench.bare_server import serve
from foldlog_server.log.event_store import Append, Appended, StreamAppend
from foldlog_server.log.events import NewEvent
from foldlog_server.process import collect_garbage_rarely, loop_factory
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from foldlog_server.transport.arrivals import Arrivals

SERVICE, METHOD = "bench.Appends", "Append"

_log = logging.getLogger("bench")


class Appends:
    """Answers calls; each appends an event to a new stream."""

    def __init__(self, append: Callable[[Append], "asyncio.Future[Appended]"]) -> None:
        """`append` is that of an event store."""
        self._append = append
        self._arrivals = Arrivals()
        self._numbers = itertools.count(1)

    async def answer(self, data: bytes, _: object) -> bytes:
        try:
            await self._arrivals.enter()
            event = NewEvent(str(uuid.uuid4()), "bench.Appended", data)
            append = Append((StreamAppend(f"append-{next(self._numbers)}", 0, (event,)),))
            # Shielded: a cancelled call does not undo an append on its way to the disk.
            await asyncio.shield(self._append(append))
        finally:
            self._arrivals.leave()
        return data


async def _serve(directory: Path) -> None:
    store = await SqliteEventStore.open(
        directory,
        clock=time.time_ns,
        new_id=lambda: str(uuid.uuid4()),
        on_failure=lambda error: _log.error("The log can no longer be written: %s", error),
    )
    await serve(SERVICE, METHOD, Appends(store.append).answer, "Appends")


if __name__ == "__main__":
    collect_garbage_rarely()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(Path(sys.argv[1])))
