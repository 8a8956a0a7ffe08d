"""Compiles a query from the options of its method, so that no domain needs code for one.

A query is answered from one of four sources, as fresh as its options ask: one document of a view, a list of
documents, the state of an aggregate, or the events of a stream.
"""

from typing import Any

from google.protobuf.descriptor import MethodDescriptor

from foldlog_server.commands.past import Past
from foldlog_server.log.record import embedded
from foldlog_server.queries.aggregate_query import compile_aggregate_query
from foldlog_server.queries.listing import Listing
from foldlog_server.queries.owned_list import compile_owned_list
from foldlog_server.queries.reads import Reads
from foldlog_server.queries.responses import NOW, THEN, not_found_of, route_of, tags_of
from foldlog_server.queries.sources import Query, Sources
from foldlog_server.queries.stream_history import compile_stream_history


def compile_query(method: MethodDescriptor, sources: Sources) -> Query:
    """Return the function that answers a query."""
    route = route_of(method)
    if route.history:
        return compile_stream_history(method, sources)
    if not route.collection:
        return compile_aggregate_query(method, sources)
    if route.owner:
        return compile_owned_list(method, sources.reads)
    if route.id:
        return _compile_get(method, sources.reads, sources.past)
    return _compile_list(method, sources.reads)


def _compile_get(method: MethodDescriptor, reads: Reads, past: Past) -> Query:
    route, tags, not_found = route_of(method), tags_of(method.output_type), not_found_of(method)

    async def get(request: Any) -> bytes:
        if route.aggregate and request.HasField("as_of"):
            return await get_past(request)
        id = getattr(request, route.id)
        if request.HasField("options") or reads.must_wait(route.collection):
            await reads.wait(route.collection, request.options)
        found = reads.get(route.collection, id)
        if found.document is None:
            raise not_found(id, NOW)
        freshness = await reads.encoded_freshness(found, route.collection)
        return embedded(tags.first, found.document) + embedded(tags.freshness, freshness)

    async def get_past(request: Any) -> bytes:
        id = getattr(request, route.id)
        freshness = await reads.freshness_of_past(request.options)
        document = await past.render(route.aggregate, id, request.as_of)
        if document is None:
            raise not_found(id, THEN)
        return embedded(tags.first, document.SerializeToString()) + embedded(tags.freshness, freshness)

    return get


def _compile_list(method: MethodDescriptor, reads: Reads) -> Query:
    route, tags = route_of(method), tags_of(method.output_type)
    listing = Listing(method, method.output_type.fields[0], reads)

    async def answer(request: Any) -> bytes:
        wanted = await listing.wanted(request)
        page = await listing.read(request, wanted)
        parts = [*listing.encoded(request, wanted, page)]
        freshness = await reads.encoded_freshness(page, route.collection)
        parts.append(embedded(tags.freshness, freshness))
        return b"".join(parts)

    return answer
