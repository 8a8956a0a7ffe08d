"""The questions about stock that are answered from the log itself."""

from foldlog.inventory.v1.errors_pb2 import ErrorReason
from foldlog.inventory.v1.queries_pb2 import GetStockRequest, GetStockResponse
from foldlog.inventory.v1.types_pb2 import Stock
from foldlog_server.commands.aggregates import Aggregates
from foldlog_server.commands.past import Past
from foldlog_server.domains.inventory.stock import STOCK
from foldlog_server.error_catalogue import catalogue
from foldlog_server.errors import Rejected
from foldlog_server.log.event_store import EventStore
from foldlog_server.log.events import stream_name
from foldlog_server.queries.bound_queries import Query
from foldlog_server.queries.reads import Reads

_REASONS = catalogue(ErrorReason)


def get_stock(store: EventStore, aggregates: Aggregates, past: Past, reads: Reads) -> Query:
    """The stock of one product as commands see it, or saw it."""

    async def answer(request: GetStockRequest) -> bytes:
        reads.asked(request.options)
        head = store.head.position
        id = request.product_id
        if request.HasField("as_of"):
            stock = await past.render(STOCK.category, id, request.as_of)
        else:
            latest = await aggregates.latest(stream_name(STOCK.category, id), STOCK)
            stock = STOCK.render(id, latest.version, latest.state)
            head = max(head, latest.position)
        if stock is None:
            raise _not_found(id, "was then" if request.HasField("as_of") else "is")
        assert isinstance(stock, Stock)
        freshness = await reads.freshness(head)
        return GetStockResponse(stock=stock, freshness=freshness).SerializeToString()

    return answer


def _not_found(id: str, when: str) -> Rejected:
    reason = _REASONS[ErrorReason.ERROR_REASON_PRODUCT_NOT_FOUND]
    return Rejected(reason, f"There {when} no product {id}.", {"product_id": id})
