"""Appends to the log in a directory until killed, and prints each append that was acknowledged."""

import asyncio
import sys
import time
from pathlib import Path

from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from tests.contract.appends import append, new_id, part, request


async def produce(store: SqliteEventStore, name: int) -> None:
    version = 0
    while True:
        new = request()
        await store.append(append(part(f"order-{name}", version, b"x", b"y"), request=new))
        version += 2
        print(f"order-{name}", version, new.key.request_id, flush=True)  # noqa: T201


async def main() -> None:
    store = await SqliteEventStore.open(
        Path(sys.argv[1]), clock=time.time_ns, new_id=new_id, on_failure=print
    )
    await asyncio.gather(*(produce(store, name) for name in range(8)))


asyncio.run(main())
