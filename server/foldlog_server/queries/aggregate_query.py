"""Answers a query from the aggregate itself: its latest state, as commands see it, or a past one."""

from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from foldlog_server.log.events import stream_name
from foldlog_server.log.record import embedded
from foldlog_server.queries.responses import NOW, THEN, not_found_of, route_of, tags_of
from foldlog_server.queries.sources import Query, Sources


def compile_aggregate_query(method: MethodDescriptor, sources: Sources) -> Query:
    """Return the function that answers a query that names an aggregate and no collection."""
    route, tags, not_found = route_of(method), tags_of(method.output_type), not_found_of(method)
    decider, reads = sources.deciders[route.aggregate], sources.reads
    has_past = "as_of" in method.input_type.fields_by_name

    async def latest(id: str) -> tuple[Message | None, int]:
        head = sources.store.head.position
        found = await sources.aggregates.latest(stream_name(route.aggregate, id), decider)
        return decider.render(id, found.version, found.state), max(head, found.position)

    async def past(id: str, request: Any) -> tuple[Message | None, int]:
        head = sources.store.head.position
        return await sources.past.render(route.aggregate, id, request.as_of), head

    async def answer(request: Any) -> bytes:
        reads.asked(request.options)
        id = getattr(request, route.id)
        is_past = has_past and request.HasField("as_of")
        shown, position = await (past(id, request) if is_past else latest(id))
        if shown is None:
            raise not_found(id, THEN if is_past else NOW)
        freshness = await reads.freshness(position)
        return embedded(tags.first, shown.SerializeToString()) + embedded(
            tags.freshness, freshness.SerializeToString()
        )

    return answer
