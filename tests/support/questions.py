"""Every query of the contract, as it is asked of a shop with one order, one customer and one product."""

from typing import Any, NamedTuple

from foldlog.inventory.v1.queries_pb2 import GetInventoryRequest, GetStockRequest, ListInventoryRequest
from foldlog.orders.v1.queries_pb2 import (
    GetCustomerOrdersRequest,
    GetOrderHistoryRequest,
    GetOrderRequest,
    ListCurrentOrdersRequest,
    ListCustomersRequest,
    ListOrderHistoryRequest,
)
from foldlog.v1.reads_pb2 import ReadOptions

ORDER, CUSTOMER, PRODUCT = "1", "ada", "tea"


class Question(NamedTuple):
    """A query, and the collection that answers it; none if the log does."""

    request: Any
    collection: str


QUESTIONS = [
    Question(GetOrderRequest(order_id=ORDER), "order-details"),
    Question(ListCurrentOrdersRequest(page_size=1000), "current-orders"),
    Question(ListOrderHistoryRequest(page_size=1000), "order-history"),
    Question(GetCustomerOrdersRequest(customer_id=CUSTOMER, page_size=1000), "customers"),
    Question(ListCustomersRequest(page_size=1000), "customers"),
    Question(GetInventoryRequest(product_id=PRODUCT), "inventory"),
    Question(ListInventoryRequest(page_size=1000), "inventory"),
    Question(GetOrderHistoryRequest(order_id=ORDER, page_size=1000), ""),
    Question(GetStockRequest(product_id=PRODUCT), ""),
]


def with_options(request: Any, **options: Any) -> Any:
    """The request with these ReadOptions."""
    asked = type(request).FromString(request.SerializeToString())
    asked.options.CopyFrom(ReadOptions(**options))
    return asked
