"""The questions about orders that one document does not answer."""

from foldlog.orders.v1.errors_pb2 import ErrorReason
from foldlog.orders.v1.queries_pb2 import (
    Customer,
    CustomerOrder,
    GetCustomerOrdersRequest,
    GetCustomerOrdersResponse,
    GetOrderHistoryRequest,
    GetOrderHistoryResponse,
    OrderHistoryEntry,
)
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog.v1.options_pb2 import COMPARISON_UNSPECIFIED
from foldlog_server.error_catalogue import catalogue
from foldlog_server.errors import InvalidRequest, Rejected
from foldlog_server.log.event_store import EventStore
from foldlog_server.log.events import stream_name
from foldlog_server.log.record import message
from foldlog_server.queries.bound_queries import Query
from foldlog_server.queries.paging import page_size
from foldlog_server.queries.reads import Reads
from foldlog_server.views.read_model import ColumnFilter, Cursor, Found, Page

_REASONS = catalogue(ErrorReason)
_ORDERS = "customer-orders"
_MAX_VERSION = 2**63 - 1


def get_order_history(store: EventStore, reads: Reads) -> Query:
    """Everything that happened to one order, read from its stream."""

    async def answer(request: GetOrderHistoryRequest) -> bytes:
        stream = stream_name("order", request.order_id)
        after = reads.page_after(request.page_token, request, store.log_id)
        reads.asked(request.options)
        limit = page_size(request.page_size)
        head = store.head.position
        events = await store.read_stream(
            stream,
            from_version=_next_version(after, request.descending),
            backwards=request.descending,
            limit=limit,
        )
        if not events and not await store.read_stream(stream, limit=1):
            raise _not_found(ErrorReason.ERROR_REASON_ORDER_NOT_FOUND, "order", request.order_id)
        response = GetOrderHistoryResponse()
        for event in events:
            entry = OrderHistoryEntry(event=RecordedEvent.FromString(message(event)))
            entry.token = store.lineage.token(event.position)
            response.entries.append(entry)
        # A read may end early, at its most bytes: only the next one tells whether there is more.
        read_at = max([head, *(event.position for event in events)])
        if events and await _goes_on(store, stream, response, request.descending):
            last = Cursor(response.entries[-1].event.version, "")
            response.next_page_token = reads.next_page(last, read_at, request, store.log_id)
        response.freshness.CopyFrom(await reads.freshness(read_at))
        return response.SerializeToString()

    return answer


def get_customer_orders(reads: Reads) -> Query:
    """The sums of one customer, and a page of the customer's orders, both as of one position."""

    async def answer(request: GetCustomerOrdersRequest) -> bytes:
        scope = reads.scope(_ORDERS)
        after = reads.page_after(request.page_token, request, scope)
        await reads.wait(_ORDERS, request.options)
        limit = page_size(request.page_size)
        found, page = await _read_together(request, reads, after, limit + 1)
        if found.document is None:
            raise _not_found(ErrorReason.ERROR_REASON_CUSTOMER_NOT_FOUND, "customer", request.customer_id)
        response = GetCustomerOrdersResponse(
            customer=Customer.FromString(found.document),
            orders=[CustomerOrder.FromString(row.document) for row in page.rows[:limit]],
            freshness=await reads.freshness_of(_ORDERS, found, page),
        )
        if len(page.rows) > limit:
            last = page.rows[limit - 1]
            response.next_page_token = reads.next_page(last.cursor, page.position, request, scope)
        return response.SerializeToString()

    return answer


async def _read_together(
    request: GetCustomerOrdersRequest, reads: Reads, after: Cursor | None, limit: int
) -> tuple[Found, Page]:
    mine = [ColumnFilter("customer_id", COMPARISON_UNSPECIFIED, request.customer_id)]
    while True:
        found = reads.get("customers", request.customer_id)
        page = await reads.page(_ORDERS, mine, after=after, limit=limit, descending=request.descending)
        if found.position == page.position:  # else the view has moved on between the two
            return found, page


def _next_version(after: Cursor | None, descending: bool) -> int:
    """The version that a page begins with, 0 for the first page; raises `InvalidRequest` for a forged one."""
    if after is None:
        return 0
    version = after.made - 1 if descending else after.made + 1
    if not 1 <= version <= _MAX_VERSION:  # no page ends where such a one would follow
        raise InvalidRequest.page_token()
    return version


async def _goes_on(
    store: EventStore, stream: str, response: GetOrderHistoryResponse, descending: bool
) -> bool:
    last = response.entries[-1].event.version
    if descending:
        return last > 1
    return bool(await store.read_stream(stream, from_version=last + 1, limit=1))


def _not_found(reason: ErrorReason.ValueType, what: str, id: str) -> Rejected:
    return Rejected(_REASONS[reason], f"There is no {what} {id}.", {f"{what}_id": id})
