"""Reads a page of a list as a request asks for it, and encodes it with the token of the next page."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor

from foldlog_server.log.record import embedded, tag_of
from foldlog_server.queries.filters import filters_of
from foldlog_server.queries.paging import page_size
from foldlog_server.queries.reads import Reads
from foldlog_server.queries.responses import route_of
from foldlog_server.views.read_model import Cursor, Page


class Wanted(NamedTuple):
    """Which page a request asks for."""

    scope: str
    """Names the documents as they are now: page tokens do not outlive it."""
    after: Cursor | None
    limit: int


class Listing:
    """The list in the responses of one method."""

    def __init__(self, method: MethodDescriptor, documents: FieldDescriptor, reads: Reads) -> None:
        """`documents` is the field of the response that lists them."""
        self._route = route_of(method)
        self._filters = filters_of(method.input_type)
        self._documents_tag = tag_of(documents)
        self._token_tag = tag_of(method.output_type.fields_by_name["next_page_token"])
        self._reads = reads

    async def wanted(self, request: Any) -> Wanted:
        """Which page the request asks for, once the view has seen what it asks for.

        Raises `InvalidRequest` for a token from elsewhere, and `ReadRefused` if the view is behind.
        """
        scope = self._reads.scope(self._route.collection)
        after = self._reads.page_after(request.page_token, request, scope)
        await self._reads.wait(self._route.collection, request.options)
        return Wanted(scope, after, page_size(request.page_size))

    async def read(self, request: Any, wanted: Wanted) -> Page:
        """The page, and one row more if there is one."""
        return await self._reads.page(
            self._route.collection,
            self._filters(request),
            by_id=self._route.by_id,
            descending=request.descending,
            after=wanted.after,
            limit=wanted.limit + 1,
        )

    def encoded(self, request: Any, wanted: Wanted, page: Page) -> Iterator[bytes]:
        """The bytes of the documents, and of the token of the next page if there is one."""
        for row in page.rows[: wanted.limit]:
            yield embedded(self._documents_tag, row.document)
        if len(page.rows) > wanted.limit:
            last = page.rows[wanted.limit - 1]
            token = self._reads.next_page(last.cursor, page.position, request, wanted.scope)
            yield embedded(self._token_tag, token.encode())
