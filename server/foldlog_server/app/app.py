"""Starts and stops a server: opens the store, the views and the port, and connects them."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta

from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_server.app import unknown_history
from foldlog_server.app.rebuild_processes import RebuildProcesses
from foldlog_server.app.server_clock import SLEWED, Lookout, Reading, ServerClock, monotonic_ns
from foldlog_server.app.services import Parts, handlers, new_id
from foldlog_server.domain.domain import Domains
from foldlog_server.domains.loading import load
from foldlog_server.errors import LogDetached, NothingToBuildFrom, StoreError
from foldlog_server.log.event_store import EventStore
from foldlog_server.settings import Settings
from foldlog_server.stores.files.data_directory import DataDirectoryUnusable
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from foldlog_server.stores.sqlite.scrubber import Scrubber
from foldlog_server.stores.sqlite.snapshots import SqliteSnapshots
from foldlog_server.stores.views import view_files
from foldlog_server.stores.views.read_model import SqliteReadModel
from foldlog_server.stores.views.view_files import ViewFile
from foldlog_server.stores.writer_thread import WriterThread
from foldlog_server.transport.calls import Calls
from foldlog_server.transport.refusal_log import RefusalLog
from foldlog_server.transport.server import BoundPort, GrpcServer
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import ReadModelDamaged
from foldlog_server.views.rebuilds import Rebuilds
from foldlog_server.views.registry import ViewRegistry
from foldlog_server.views.repairs import Repairs

logger = logging.getLogger("foldlog")

SCRUB_EVERY = timedelta(days=1)
"""The time between the end of a scrub of the log and the next."""


class App:
    """A running server: the store, the views that follow it, and the port."""

    def __init__(self, parts: Parts, server: GrpcServer, port: BoundPort, writer: WriterThread) -> None:
        self.parts = parts
        """The parts of the server."""
        self._server = server
        self._writer = writer
        self._lookout = Lookout(parts.clock)
        self._is_stopped = False
        self.port = port.number
        """The port listened on; 0 for a Unix socket."""
        self.address = port.address
        """The address that clients connect to."""
        self.clock = parts.clock
        """The server's time, and whether the wall clock deviates from it."""

    @classmethod
    async def start(
        cls,
        settings: Settings,
        domains: Domains | None = None,
        *,
        clock: Reading = time.time_ns,
        monotonic: Reading = monotonic_ns,
        before_serving: Callable[[], None] = lambda: None,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> "App":
        """Listen, open the data directory, follow the log, serve.

        `domains` are those that the settings name, if not given; raises `DomainsUnfit` if they do not fit.
        `clock` is the wall clock, and `monotonic` the clock that it is compared with; both return
        nanoseconds. `before_serving` is called when everything is ready, and no call has been answered yet.
        `on_failure` is called when the store can no longer be trusted; the process should then end, so that
        its next start verifies the log. Raises what the store and the server raise when they start.
        """
        server_clock = ServerClock(clock, monotonic)
        domains = domains or load(settings.domains, with_shop=settings.shop)
        async with AsyncExitStack() as opened:
            # First, so that an address that is in use leaves no data directory behind.
            port = BoundPort(settings.listen)
            opened.push_async_callback(port.release)
            store = await SqliteEventStore.open(
                settings.data,
                clock=server_clock,
                new_id=new_id,
                request_window=settings.request_window,
                on_failure=on_failure or (lambda _: None),
                monotonic=monotonic,
            )
            opened.push_async_callback(store.close)
            await _warn_of_events_ahead(store, server_clock())
            _warn_of_unknown_history(store, domains, settings)
            writer = opened.enter_context(WriterThread())
            parts, interrupted = await _assemble(
                opened,
                settings,
                domains,
                store,
                writer,
                server_clock,
                lambda *health: server.set_well(*health),
            )
            server = _server(port, parts, settings)
            before_serving()
            await server.start()
            store.when_refusing(lambda: server.set_serving(False))
            _begin(parts, interrupted, settings)
            opened.pop_all()
            return cls(parts, server, port, writer)

    @property
    def detached(self) -> LogDetached | None:
        """The error if the data directory was removed, moved or replaced; None otherwise."""
        refusal = self.parts.store.refusal
        return refusal if isinstance(refusal, LogDetached) else None

    async def stop(self, grace: float) -> None:
        """Finish the calls that were accepted, then close everything; `grace` is in seconds.

        If the data directory was removed, moved or replaced, its files are not closed: SQLite would
        delete, by their names, files that may belong to another server by now. The process must then end
        by `os._exit`. Stopping twice is harmless; a stop that was interrupted is finished by the next.
        """
        if self._is_stopped:
            return
        self._lookout.stop()
        await self._server.stop(grace)
        await self.parts.repairs.stop()
        await self.parts.rebuilds.stop()
        await self.parts.scrubber.stop()
        if self.detached is not None:
            return
        await self.parts.projectors.stop()
        await self.parts.store.close()
        await self.parts.snapshots.close()
        self._writer.end()
        self._is_stopped = True


async def _assemble(
    opened: AsyncExitStack,
    settings: Settings,
    domains: Domains,
    store: SqliteEventStore,
    writer: WriterThread,
    clock: ServerClock,
    on_health: Callable[[str, bool], None],
) -> tuple[Parts, Collection[str]]:
    """Make the parts of a server around its store; returns them and the views with an interrupted rebuild.

    `opened` gets what has to be closed; `on_health` is called with a view and whether it is healthy.
    """
    projectors, serving, interrupted = await _open_views(store, domains, settings, writer)
    opened.push_async_callback(projectors.stop)
    processes = _rebuild_processes(settings, domains, store, writer, serving, interrupted)
    rebuilds = Rebuilds(projectors, processes)
    opened.push_async_callback(rebuilds.stop)
    repairs = Repairs(projectors, rebuilds, on_health)
    opened.push_async_callback(repairs.stop)
    snapshots = await _open_snapshots(store, domains, settings, writer)
    opened.push_async_callback(snapshots.close)
    scrubber = Scrubber(store.scan, clock, store.distrust)
    opened.push_async_callback(scrubber.stop)
    parts = Parts(store, domains, projectors, rebuilds, repairs, snapshots, clock, scrubber)
    return parts, interrupted


def _server(port: BoundPort, parts: Parts, settings: Settings) -> GrpcServer:
    calls = Calls(RefusalLog(asyncio.get_running_loop))
    services = handlers(parts, calls, cached_aggregates=settings.cached_aggregates)
    return GrpcServer(port, services, calls, with_reflection=settings.reflection)


def _begin(parts: Parts, interrupted: Collection[str], settings: Settings) -> None:
    """Start the background tasks of a server."""
    parts.projectors.start()
    parts.scrubber.start(settings.scrub_after.total_seconds(), SCRUB_EVERY.total_seconds())
    _resume_rebuilds(parts.rebuilds, parts.projectors, interrupted, settings)
    parts.repairs.start()


async def _warn_of_events_ahead(store: EventStore, now: int) -> None:
    for event in await store.read_all(backwards=True, limit=1):
        ahead = RecordedEvent.FromString(event.record).recorded_time.ToNanoseconds() - now
        if ahead > SLEWED:
            logger.warning(
                "The newest event was recorded %.3f s ahead of this machine's clock. New events are recorded "
                "at the same time until the clock has passed it. If the clock is behind, set it right.",
                ahead / 1e9,
            )


def _warn_of_unknown_history(store: SqliteEventStore, domains: Domains, settings: Settings) -> None:
    try:
        types, categories = store.names()
    except sqlite3.Error as error:
        raise DataDirectoryUnusable(settings.data, error) from error
    if line := unknown_history.warning(
        types, categories, domains.codec.stored, domains.deciders, settings.data
    ):
        logger.warning("%s", line)


async def _open_views(
    store: SqliteEventStore, domains: Domains, settings: Settings, writer: WriterThread
) -> tuple[ViewRegistry, dict[str, ViewFile], dict[str, ViewFile]]:
    """The views, and by view the files that are answered from, and those of interrupted rebuilds."""
    directory = settings.data / "views"
    projectors: list[Projector] = []
    serving: dict[str, ViewFile] = {}
    interrupted: dict[str, ViewFile] = {}
    head = store.head.position
    try:
        for view in domains.views:
            choice = await view_files.choose(view, directory, store)
            read_model = await SqliteReadModel.open(
                choice.serving, view, writer, lambda: store.is_out_of_place
            )
            # An empty read model would answer that nothing exists.
            answers_from = 0 if read_model.position else head
            projectors.append(Projector(view, read_model, follows=choice.follows, answers_from=answers_from))
            serving[view.name] = choice.serving
            if choice.building is not None:
                interrupted[view.name] = choice.building
    except (OSError, sqlite3.Error, ReadModelDamaged) as error:
        reason = DataDirectoryUnusable(directory, error)  # before file descriptors are closed
        await ViewRegistry(projectors, store).stop()
        raise reason from error
    return ViewRegistry(projectors, store), serving, interrupted


def _rebuild_processes(
    settings: Settings,
    domains: Domains,
    store: SqliteEventStore,
    writer: WriterThread,
    serving: Mapping[str, ViewFile],
    interrupted: Mapping[str, ViewFile],
) -> RebuildProcesses:
    return RebuildProcesses(
        settings.data,
        domains.names,
        store,
        writer,
        serving,
        interrupted,
        lambda: NothingToBuildFrom() if store.is_out_of_place else None,
        lambda: store.is_out_of_place,
    )


def _resume_rebuilds(
    rebuilds: Rebuilds, projectors: ViewRegistry, interrupted: Collection[str], settings: Settings
) -> None:
    try:
        for projector in projectors.all:
            if not projector.follows or projector.view.name in interrupted:
                rebuilds.start(projector.view.name)
    except (OSError, sqlite3.Error, StoreError) as error:
        raise DataDirectoryUnusable(settings.data, error) from error


async def _open_snapshots(
    store: SqliteEventStore, domains: Domains, settings: Settings, writer: WriterThread
) -> SqliteSnapshots:
    try:
        return await SqliteSnapshots.open(
            settings.data, store.log_id, domains.deciders.values(), writer, lambda: store.is_out_of_place
        )
    except (OSError, sqlite3.Error) as error:
        raise DataDirectoryUnusable(settings.data, error) from error


async def run(
    settings: Settings,
    before_serving: Callable[[], None],
    ready: Callable[[App], None],
    stop: asyncio.Event,
) -> BaseException | None:
    """Serve until `stop` is set or the store fails; returns the failure, if that was the reason.

    Returns `LogDetached` if the data directory was removed, moved or replaced: see `App.stop`.
    """
    failures: list[BaseException] = []

    def fail(failure: BaseException) -> None:
        failures.append(failure)
        stop.set()

    app = await App.start(settings, before_serving=before_serving, on_failure=fail)
    try:
        ready(app)
        await stop.wait()
    finally:
        await app.stop(0 if failures else settings.grace)
    return failures[0] if failures else app.detached
