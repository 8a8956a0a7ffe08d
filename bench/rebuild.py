"""Rebuilds views from a whole log, all together and then each alone, and reports how long it took."""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from bench.processes import BenchFailed, output_of
from foldlog_server.app.services import new_id
from foldlog_server.domain.view import AnyView
from foldlog_server.domains.shop import SHOP
from foldlog_server.process import loop_factory
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from foldlog_server.stores.views import view_files
from foldlog_server.stores.views.read_model import SqliteReadModel
from foldlog_server.stores.writer_thread import WriterThread
from foldlog_server.views.projector import Projector
from foldlog_server.views.registry import ViewRegistry

ALL_VIEWS = "all views"
_SECONDS_AT_MOST = 300


async def rebuild(directory: Path) -> dict[str, float]:
    """Return the seconds to rebuild up to the head, for all views together and for each alone, by name."""
    store = await SqliteEventStore.open(
        directory,
        clock=time.time_ns,
        new_id=new_id,
        request_window=timedelta(hours=24),
        on_failure=lambda _: None,
    )
    try:
        seconds = {ALL_VIEWS: await _project(store, directory / "views", SHOP.views)}
        for view in SHOP.views:
            seconds[view.name] = await _project(store, directory / "views", [view])
        return seconds
    finally:
        await store.close()


async def _project(store: SqliteEventStore, directory: Path, views: Sequence[AnyView]) -> float:
    shutil.rmtree(directory, ignore_errors=True)
    writer = WriterThread()
    all_projectors = [Projector(view, await _opened(view, directory, store, writer)) for view in views]
    projectors = ViewRegistry(all_projectors, store)
    head = store.head.position
    began = time.perf_counter()
    projectors.start()
    seen = await asyncio.gather(*(one.wait_for(head, _SECONDS_AT_MOST) for one in all_projectors))
    seconds = time.perf_counter() - began
    await projectors.stop()
    if not all(seen):
        raise BenchFailed(f"A view was not rebuilt within {_SECONDS_AT_MOST} seconds.")
    return seconds


async def _opened(
    view: AnyView, directory: Path, store: SqliteEventStore, writer: WriterThread
) -> SqliteReadModel:
    choice = await view_files.choose(view, directory, store)
    return await SqliteReadModel.open(choice.serving, view, writer)


async def rebuild_in_a_process(directory: Path) -> dict[str, float]:
    """Like `rebuild`, in a process of its own. Raises `BenchFailed`."""
    said = await output_of(*(sys.executable, "-m", "bench.rebuild", str(directory)), seconds=_SECONDS_AT_MOST)
    seconds: dict[str, float] = json.loads(said)
    return seconds


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        print(json.dumps(runner.run(rebuild(Path(sys.argv[1])))))
