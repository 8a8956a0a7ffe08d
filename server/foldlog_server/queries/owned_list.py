"""Answers a query with one document and a page of the documents that belong to it, both at one position."""

from typing import Any

from google.protobuf.descriptor import MethodDescriptor

from foldlog_server.log.record import embedded
from foldlog_server.queries.listing import Listing, Wanted
from foldlog_server.queries.reads import Reads
from foldlog_server.queries.responses import NOW, not_found_of, route_of, tags_of
from foldlog_server.queries.sources import Query
from foldlog_server.views.read_model import Found, Page


def compile_owned_list(method: MethodDescriptor, reads: Reads) -> Query:
    """Return the function that answers a query with an owner; both collections are of one view."""
    route, tags, not_found = route_of(method), tags_of(method.output_type), not_found_of(method)
    listing = Listing(method, method.output_type.fields[1], reads)

    async def read(request: Any, wanted: Wanted) -> tuple[Found, Page]:
        while True:
            owner = reads.get(route.owner, getattr(request, route.id))
            page = await listing.read(request, wanted)
            if owner.position == page.position:  # otherwise the view has moved on between the two
                return owner, page

    async def answer(request: Any) -> bytes:
        wanted = await listing.wanted(request)
        owner, page = await read(request, wanted)
        if owner.document is None:
            raise not_found(getattr(request, route.id), NOW)
        parts = [embedded(tags.first, owner.document), *listing.encoded(request, wanted, page)]
        freshness = await reads.freshness_of(route.collection, owner, page)
        parts.append(embedded(tags.freshness, freshness.SerializeToString()))
        return b"".join(parts)

    return answer
