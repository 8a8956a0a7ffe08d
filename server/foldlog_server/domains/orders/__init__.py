"""The domain of orders: they are drafted, submitted, reserved, paid, and shipped or cancelled."""

from foldlog.orders.v1 import command_service_pb2, query_service_pb2
from foldlog_server.domain.domain import Domain
from foldlog_server.domains.orders.order_rules import ORDER
from foldlog_server.domains.orders.views.current_orders import CURRENT_ORDERS
from foldlog_server.domains.orders.views.customer_orders import CUSTOMER_ORDERS
from foldlog_server.domains.orders.views.order_details import ORDER_DETAILS
from foldlog_server.domains.orders.views.order_history import ORDER_HISTORY

ORDERS = Domain(
    "orders",
    protos=(command_service_pb2, query_service_pb2),
    deciders=(ORDER,),
    views=(ORDER_DETAILS, CURRENT_ORDERS, ORDER_HISTORY, CUSTOMER_ORDERS),
)
