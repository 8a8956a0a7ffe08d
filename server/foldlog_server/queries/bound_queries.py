"""Answers questions from the documents of views, as fresh as they were asked to be.

A query that its proto binds to a collection needs no code: it is compiled from its descriptors here.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from foldlog.v1.options_pb2 import QueryRoute
from foldlog.v1.options_pb2 import filter as filter_option
from foldlog.v1.options_pb2 import query as query_option
from foldlog_server.commands.past import Past
from foldlog_server.error_catalogue import Reason, catalogue_of
from foldlog_server.errors import Rejected
from foldlog_server.log.record import embedded, tag_of
from foldlog_server.queries.paging import page_size
from foldlog_server.queries.reads import Reads
from foldlog_server.views.definition import nanoseconds
from foldlog_server.views.read_model import ColumnFilter

Query = Callable[[Any], Awaitable[bytes]]
"""Takes a checked request and gives the encoded response."""


def compile_query(method: MethodDescriptor, reads: Reads, past: Past) -> Query:
    """The answer to a query that its proto binds to a collection."""
    route = method.GetOptions().Extensions[query_option]
    return _compile_get(method, route, reads, past) if route.id else _compile_list(method, route, reads)


def _compile_get(method: MethodDescriptor, route: QueryRoute, reads: Reads, past: Past) -> Query:
    document_tag, freshness_tag = _tags(method.output_type)
    reason = _reason(method, route.not_found)

    def not_found(id: str, when: str) -> Rejected:
        kind = route.id.removesuffix("_id")
        return Rejected(reason, f"There {when} no {kind} {id}.", {route.id: id})

    async def get(request: Any) -> bytes:
        if route.aggregate and request.HasField("as_of"):
            return await get_past(request)
        id = getattr(request, route.id)
        if request.HasField("options") or reads.must_wait(route.collection):
            await reads.wait(route.collection, request.options)
        found = reads.get(route.collection, id)
        if found.document is None:
            raise not_found(id, "is")
        freshness = await reads.encoded_freshness(found, route.collection)
        return embedded(document_tag, found.document) + embedded(freshness_tag, freshness)

    async def get_past(request: Any) -> bytes:
        id = getattr(request, route.id)
        freshness = await reads.freshness_of_past(request.options)
        document = await past.render(route.aggregate, id, request.as_of)
        if document is None:
            raise not_found(id, "was then")
        return embedded(document_tag, document.SerializeToString()) + embedded(freshness_tag, freshness)

    return get


def _compile_list(method: MethodDescriptor, route: QueryRoute, reads: Reads) -> Query:
    document_tag, freshness_tag = _tags(method.output_type)
    token_tag = tag_of(method.output_type.fields_by_name["next_page_token"])
    filters = filters_of(method.input_type)

    async def page(request: Any) -> bytes:
        scope = reads.scope(route.collection)
        after = reads.page_after(request.page_token, request, scope)
        await reads.wait(route.collection, request.options)
        limit = page_size(request.page_size)
        page = await reads.page(
            route.collection,
            filters(request),
            by_id=route.by_id,
            descending=request.descending,
            after=after,
            limit=limit + 1,
        )
        parts = [embedded(document_tag, row.document) for row in page.rows[:limit]]
        if len(page.rows) > limit:
            last = page.rows[limit - 1]
            token = reads.next_page(last.cursor, page.position, request, scope)
            parts.append(embedded(token_tag, token.encode()))
        freshness = await reads.encoded_freshness(page, route.collection)
        parts.append(embedded(freshness_tag, freshness))
        return b"".join(parts)

    return page


def filters_of(request: Descriptor) -> Callable[[Message], list[ColumnFilter]]:
    """Gives the filters that a request's fields are, by their options."""
    filtered = [
        (field.name, field.GetOptions().Extensions[filter_option])
        for field in request.fields
        if field.GetOptions().HasExtension(filter_option)
    ]

    def filters(message: Message) -> list[ColumnFilter]:
        present = {field.name: value for field, value in message.ListFields()}
        return [
            ColumnFilter(option.column, option.comparison, _column_value(present[name]))
            for name, option in filtered
            if name in present
        ]

    return filters


def _column_value(value: Any) -> int | str:
    return nanoseconds(value) if isinstance(value, Timestamp) else value


def _reason(method: MethodDescriptor, name: str) -> Reason:
    file = method.containing_service.file
    enum = file.pool.FindEnumTypeByName(f"{file.package}.ErrorReason")
    return next(reason for reason in catalogue_of(enum).values() if reason.name == name)


def _tags(response: Descriptor) -> tuple[bytes, bytes]:
    """The tags of the response's documents, which are its first field, and of its freshness."""
    return tag_of(response.fields[0]), tag_of(response.fields_by_name["freshness"])
