"""Group commit alone: a call that appends what it brings to a log, and gives it back when that is on disk.

Calls are taken up and written as commands are. Nothing is checked or decided, no view follows: what a command
takes beside this is the interpreter's work for the business.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
import time
import uuid
from functools import partial
from pathlib import Path
from typing import Protocol

import grpc
import grpc.aio

from foldlog_server.core.event_store import Append, Appended, StreamAppend
from foldlog_server.core.events import NewEvent
from foldlog_server.process import collect_garbage_rarely, loop_factory
from foldlog_server.stores.sqlite import SqliteEventStore
from foldlog_server.transport.arrivals import Arrivals

SERVICE, METHOD = "bench.Appends", "Append"

_log = logging.getLogger("bench")


class Store(Protocol):
    """As much of an event store as is needed here."""

    def append(self, append: Append) -> asyncio.Future[Appended]:
        """Store all of it; the future resolves when it is on disk."""


class Appends:
    """Answers calls, each with an event in a new stream."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._arrivals = Arrivals()
        self._numbers = itertools.count(1)

    async def append(self, data: bytes, _: object) -> bytes:
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrivals.enter(partial(self._take_up, data, stored))
        try:
            await stored
        finally:
            self._arrivals.leave()
        return data

    def _take_up(self, data: bytes, stored: asyncio.Future[None]) -> None:
        event = NewEvent(str(uuid.uuid4()), "bench.Appended", data)
        append = Append((StreamAppend(f"append-{next(self._numbers)}", 0, (event,)),))
        self._store.append(append).add_done_callback(partial(_pass_on, stored))


def _pass_on(stored: asyncio.Future[None], appended: asyncio.Future[Appended]) -> None:
    error = appended.exception()
    if stored.done():  # its caller has gone
        return
    if error is None:
        stored.set_result(None)
    else:
        stored.set_exception(error)


async def _serve(directory: Path) -> None:
    store = await SqliteEventStore.open(
        directory,
        clock=time.time_ns,
        new_id=lambda: str(uuid.uuid4()),
        on_failure=lambda error: _log.error("The log cannot be written any more: %s", error),
    )
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(Appends(store).append)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"Appends at 127.0.0.1:{port}. Stop it with SIGTERM.", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    collect_garbage_rarely()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(Path(sys.argv[1])))
