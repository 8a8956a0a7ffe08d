"""Answers a query with one document and a page of the documents that belong to it, both at one position."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.descriptor import MethodDescriptor

from foldlog_server.log.record import embedded, tag_of
from foldlog_server.queries.filters import filters_of
from foldlog_server.queries.paging import page_size
from foldlog_server.queries.reads import Reads
from foldlog_server.queries.responses import NOW, not_found_of, route_of, tags_of
from foldlog_server.queries.sources import Query
from foldlog_server.views.read_model import Cursor, Found, Page


def compile_owned_list(method: MethodDescriptor, reads: Reads) -> Query:
    """Return the function that answers a query with an owner; both collections are of one view."""
    route, tags, not_found = route_of(method), tags_of(method.output_type), not_found_of(method)
    list_tag = tag_of(method.output_type.fields[1])
    token_tag = tag_of(method.output_type.fields_by_name["next_page_token"])
    read = _reader(method, reads)

    async def answer(request: Any) -> bytes:
        scope = reads.scope(route.collection)
        after = reads.page_after(request.page_token, request, scope)
        await reads.wait(route.collection, request.options)
        limit = page_size(request.page_size)
        owner, page = await read(request, after, limit + 1)
        if owner.document is None:
            raise not_found(getattr(request, route.id), NOW)
        parts = [embedded(tags.first, owner.document)]
        parts += [embedded(list_tag, row.document) for row in page.rows[:limit]]
        if len(page.rows) > limit:
            last = page.rows[limit - 1]
            token = reads.next_page(last.cursor, page.position, request, scope)
            parts.append(embedded(token_tag, token.encode()))
        freshness = await reads.freshness_of(route.collection, owner, page)
        parts.append(embedded(tags.freshness, freshness.SerializeToString()))
        return b"".join(parts)

    return answer


def _reader(
    method: MethodDescriptor, reads: Reads
) -> Callable[[Any, Cursor | None, int], Awaitable[tuple[Found, Page]]]:
    """Reads the owner and a page at one position: again where the view has moved on between the two."""
    route, filters = route_of(method), filters_of(method.input_type)

    async def read(request: Any, after: Cursor | None, limit: int) -> tuple[Found, Page]:
        while True:
            owner = reads.get(route.owner, getattr(request, route.id))
            page = await reads.page(
                route.collection,
                filters(request),
                by_id=route.by_id,
                descending=request.descending,
                after=after,
                limit=limit,
            )
            if owner.position == page.position:
                return owner, page

    return read
