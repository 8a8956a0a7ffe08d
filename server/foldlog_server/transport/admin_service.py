"""Answers AdminService: the state of the log, the views and the clock, and what operators do to them."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import TypeVar

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from foldlog.v1.admin_service_pb2 import (
    BackupRequest,
    ClockLeap,
    GetClockRequest,
    GetClockResponse,
    GetScrubRequest,
    GetScrubResponse,
    ListParkedRequest,
    ListParkedResponse,
    ListViewsRequest,
    ListViewsResponse,
    ParkedDocument,
    Rebuilding,
    RebuildViewRequest,
    RebuildViewResponse,
    RetryParkedRequest,
    RetryParkedResponse,
    ViewState,
)
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_server.clock import Clock, Leap
from foldlog_server.domain.view import AnyView, Key
from foldlog_server.errors import InvalidRequest, ReadRefused, Violation
from foldlog_server.log import backup_stream
from foldlog_server.log.event_store import EventStore
from foldlog_server.log.scrub import Scrub
from foldlog_server.log.source import LogSource
from foldlog_server.queries.paging import PageEnd, make_token, page_size, read_token
from foldlog_server.queries.reads import Reads
from foldlog_server.transport.calls import Calls, RpcMethodHandler
from foldlog_server.transport.status import Context
from foldlog_server.views import retry_parked
from foldlog_server.views.batch import one_line
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import Cursor, Parked, ReadModelDamaged, ReadModelUnavailable
from foldlog_server.views.rebuilds import Rebuilds
from foldlog_server.views.registry import ViewRegistry
from foldlog_server.views.repairs import Repairs

_ORDER = 0
"""The first part of a cursor: parked documents are ordered by name alone, which is its second part."""

MOST_DAMAGES = 100
"""How much of the damage that a scrub finds is listed."""

_log = logging.getLogger("foldlog")

Request = TypeVar("Request", bound=Message)


def admin_handlers(service: ServiceDescriptor, calls: Calls, admin: "Admin") -> dict[str, RpcMethodHandler]:
    """A handler for each method, by name."""

    def unary(name: str, answer: Callable[[Request], Awaitable[Message]]) -> RpcMethodHandler:
        async def encoded(request: Request, _: Context) -> bytes:
            return (await answer(request)).SerializeToString()

        return calls.unary(service.methods_by_name[name], encoded)

    return {
        "Backup": calls.streamed(service.methods_by_name["Backup"], admin.backup),
        "GetClock": unary("GetClock", admin.get_clock),
        "GetScrub": unary("GetScrub", admin.get_scrub),
        "ListViews": unary("ListViews", admin.list_views),
        "RebuildView": unary("RebuildView", admin.rebuild_view),
        "ListParked": unary("ListParked", admin.list_parked),
        "RetryParked": unary("RetryParked", admin.retry_parked),
    }


class Admin:
    """The methods of AdminService, for one server."""

    def __init__(
        self,
        store: EventStore,
        projectors: ViewRegistry,
        rebuilds: Rebuilds,
        repairs: Repairs,
        reads: Reads,
        clock: Clock,
        scrub: Callable[[], Scrub],
        source: Callable[[], Awaitable[LogSource]],
    ) -> None:
        """`source` returns a reader of everything that the log holds at that moment."""
        self._store = store
        self._projectors = projectors
        self._rebuilds = rebuilds
        self._repairs = repairs
        self._reads = reads
        self._clock = clock
        self._scrub = scrub
        self._source = source

    async def list_views(self, _: ListViewsRequest) -> ListViewsResponse:
        """The state of every view."""
        views = [await self._state(projector) for projector in self._projectors.all]
        head = self._store.head.position
        token = self._store.lineage.token(head)
        return ListViewsResponse(views=views, log_id=self._store.log_id, head=head, token=token)

    async def rebuild_view(self, request: RebuildViewRequest) -> RebuildViewResponse:
        """Begin to rebuild a view.

        Raises `ReadRefused` if the view does not exist, and a `StoreError` if the rebuild cannot begin now.
        """
        projector = self._of(request.view)
        self._rebuilds.start(request.view)
        return RebuildViewResponse(view=await self._state(projector))

    async def list_parked(self, request: ListParkedRequest) -> ListParkedResponse:
        """A page of parked documents. Raises `ReadRefused` if the view does not exist."""
        projectors = [self._of(request.view)] if request.view else self._projectors.all
        end = read_token(request.page_token, request, "")
        after = None if end is None else end.cursor
        documents = {
            "\n".join((projector.view.name, *key)): (projector.view.name, key, parked)
            for projector in projectors
            for key, parked in _parked(projector)
        }
        names = sorted(name for name in documents if after is None or name > after.id)
        limit = page_size(request.page_size)
        response = ListParkedResponse(documents=[_document(*documents[name]) for name in names[:limit]])
        if len(names) > limit:
            response.next_page_token = make_token(PageEnd(Cursor(_ORDER, names[limit - 1])), request, "")
        return response

    async def retry_parked(self, request: RetryParkedRequest) -> RetryParkedResponse:
        """Retry parked documents.

        Raises `ReadRefused` if the view does not exist, `InvalidRequest` if it has no such collection, and a
        `StoreError` if the view cannot be written now.
        """
        view = self._of(request.view).view
        if request.collection and request.collection not in view.collections:
            raise InvalidRequest.fields([_no_collection(view)])
        response = RetryParkedResponse()
        for key, _ in _parked(self._of(request.view)):
            if request.collection in ("", key.collection) and request.id in ("", key.id):
                if await self._is_still_parked(request.view, key):
                    response.still_parked += 1
                else:
                    response.cured += 1
        _log.info(
            "View %s: %d parked documents were repaired, %d are still parked.",
            request.view,
            response.cured,
            response.still_parked,
        )
        return response

    async def _is_still_parked(self, view: str, key: Key) -> bool:
        """Retry a document; returns whether it is still parked in the documents that are then served."""
        while True:
            projector = self._of(view)
            try:
                parked = await retry_parked.retry(projector, self._store, key)
            except ReadModelUnavailable as error:
                raise error.refusal from error
            except ReadModelDamaged as damage:
                projector.be_damaged(damage)
                head = self._store.head.position
                raise ReadRefused.view_damaged(view, projector.position, head) from damage
            if projector is self._of(view):  # else it has been rebuilt meanwhile
                return parked is not None

    async def backup(self, _: BackupRequest, __: Context) -> AsyncGenerator[bytes]:
        """Everything that the log holds, for a backup, as encoded `BackupResponse`s."""
        async with aclosing(backup_stream.parts(await self._source())) as parts:
            async for part in parts:
                yield part.SerializeToString()

    async def get_clock(self, _: GetClockRequest) -> GetClockResponse:
        """The server's time, the leap of the wall clock, and the time of the newest event."""
        response = GetClockResponse()
        response.time.FromNanoseconds(self._clock())
        if self._clock.leap is not None:
            response.leap.CopyFrom(_clock_leap(self._clock.leap))
        for newest in await self._store.read_all(backwards=True, limit=1):
            recorded = RecordedEvent.FromString(newest.record).recorded_time
            response.newest_event_time.CopyFrom(recorded)
        return response

    async def get_scrub(self, _: GetScrubRequest) -> GetScrubResponse:
        """The progress of the running scrub, or the result of the last one."""
        scrub = self._scrub()
        response = GetScrubResponse(
            part=scrub.part,
            done=scrub.done,
            total=max(scrub.done, scrub.total),
            damages=scrub.damages[:MOST_DAMAGES],
            damage_count=len(scrub.damages),
        )
        for field, time in ((response.begin_time, scrub.began), (response.end_time, scrub.ended)):
            if time:
                field.FromNanoseconds(time)
        return response

    def _of(self, view: str) -> Projector:
        try:
            return self._projectors.of_view(view)
        except KeyError:
            raise ReadRefused.view_not_found(view) from None

    async def _state(self, projector: Projector) -> ViewState:
        name = projector.view.name
        parked = [parked for _, parked in _parked(projector)]
        fresh = await self._reads.freshness(projector.position)
        state = ViewState(
            name=name,
            position=fresh.position,
            token=fresh.token,
            lag_events=fresh.lag_events,
            lag_time=fresh.lag_time,
            parked_documents=len(parked),
            parked_events=sum(one.events for one in parked),
            stopped="" if projector.failed is None else _why(projector.failed),
            outdated=not projector.follows and not projector.damage,
            rebuild_error=self._rebuilds.failure(name),
            edition=projector.read_model.edition,
            damage=projector.damage,
            hindrance=projector.hindrance,
        )
        progress = self._rebuilds.progress(name)
        if progress is not None:
            state.rebuilding.CopyFrom(Rebuilding(position=progress.position, target=progress.target))
        elif projector.answers_from and projector.follows:  # it is built in the server itself
            made = Rebuilding(position=projector.position, target=projector.answers_from)
            state.rebuilding.CopyFrom(made)
        pause = self._repairs.next_attempt(name)
        if pause is not None:
            state.next_rebuild.FromNanoseconds(int(pause * 1e9))
        return state


def _no_collection(view: AnyView) -> Violation:
    names = ", ".join(view.collections)
    return Violation("collection", "unknown", f"must be one that the view has: {names}")


def _parked(projector: Projector) -> Sequence[tuple[Key, Parked]]:
    """All parked documents, copied at once: the thread that writes them does not wait for readers."""
    return list(_each(projector))


def _each(projector: Projector) -> Iterator[tuple[Key, Parked]]:
    for collection, documents in list(projector.read_model.parked.items()):
        for id, parked in list(documents.items()):
            yield Key(collection, id), parked


def _document(view: str, key: Key, parked: Parked) -> ParkedDocument:
    return ParkedDocument(
        view=view,
        collection=key.collection,
        id=key.id,
        position=parked.position,
        error=parked.error,
        events=parked.events,
    )


def _why(failure: BaseException) -> str:
    cause = failure.__cause__
    return one_line(failure) if cause is None else f"{failure}: {one_line(cause)}"


def _clock_leap(leap: Leap) -> ClockLeap:
    message = ClockLeap()
    message.ahead.FromNanoseconds(leap.nanoseconds)
    message.since.FromNanoseconds(leap.since)
    return message
