"""Answers a query with the history of one aggregate: the events of its stream, in pages of versions."""

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_server.errors import InvalidRequest
from foldlog_server.log.event_store import EventStore
from foldlog_server.log.events import EncodedEvent, stream_name
from foldlog_server.log.record import embedded, message, tag_of
from foldlog_server.queries.paging import page_size
from foldlog_server.queries.responses import NOW, not_found_of, route_of, tags_of
from foldlog_server.queries.sources import Query, Sources
from foldlog_server.views.read_model import Cursor

_MAX_VERSION = 2**63 - 1


def compile_stream_history(method: MethodDescriptor, sources: Sources) -> Query:
    """Return the function that answers a query with a history."""
    route, tags, not_found = route_of(method), tags_of(method.output_type), not_found_of(method)
    token_tag = tag_of(method.output_type.fields_by_name["next_page_token"])
    entry = _entry_encoder(method.output_type.fields[0], sources.store)
    store, reads = sources.store, sources.reads

    async def answer(request: Any) -> bytes:
        id = getattr(request, route.id)
        stream = stream_name(route.history, id)
        after = reads.page_after(request.page_token, request, store.log_id)
        reads.asked(request.options)
        head = store.head.position
        events = await store.read_stream(
            stream,
            from_version=_next_version(after, request.descending),
            backwards=request.descending,
            limit=page_size(request.page_size),
        )
        if not events and not await store.read_stream(stream, limit=1):
            raise not_found(id, NOW)
        parts = [embedded(tags.first, entry(event)) for event in events]
        read_at = max([head, *(event.position for event in events)])
        if events:
            last = RecordedEvent.FromString(events[-1].record).version
            if await _has_more(store, stream, last, request.descending):
                token = reads.next_page(Cursor(last, ""), read_at, request, store.log_id)
                parts.append(embedded(token_tag, token.encode()))
        freshness = await reads.freshness(read_at)
        parts.append(embedded(tags.freshness, freshness.SerializeToString()))
        return b"".join(parts)

    return answer


def event_field(entry: Descriptor | None) -> FieldDescriptor | None:
    """Return the field of a history's entry that is the event; None if it has none."""
    name, fields = RecordedEvent.DESCRIPTOR.full_name, () if entry is None else entry.fields
    return next(
        (one for one in fields if one.message_type is not None and one.message_type.full_name == name),
        None,
    )


def _entry_encoder(entries: FieldDescriptor, store: EventStore) -> Callable[[EncodedEvent], bytes]:
    """Return a function that builds an entry around the bytes of its event, without decoding it."""
    entry, event = entries.message_type, event_field(entries.message_type)
    assert entry is not None  # checked at the start
    assert event is not None
    event_tag, token = tag_of(event), entry.fields_by_name.get("token")
    token_tag = None if token is None else tag_of(token)

    def encoded(stored: EncodedEvent) -> bytes:
        element = embedded(event_tag, message(stored))
        if token_tag is not None:
            element += embedded(token_tag, store.lineage.token(stored.position).encode())
        return element

    return encoded


def _next_version(after: Cursor | None, descending: bool) -> int:
    """Return the version that a page starts with, 0 for the first page; raises `InvalidRequest` for a
    forged one."""
    if after is None:
        return 0
    version = after.made - 1 if descending else after.made + 1
    if not 1 <= version <= _MAX_VERSION:  # no page ends at such a version
        raise InvalidRequest.page_token()
    return version


async def _has_more(store: EventStore, stream: str, last: int, descending: bool) -> bool:
    """Whether events follow the last of a page: a read may end early, at its limit of bytes."""
    if descending:
        return last > 1
    return bool(await store.read_stream(stream, from_version=last + 1, limit=1))
