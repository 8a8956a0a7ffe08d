"""What is plugged into the core: the deciders, views and events of all domains."""

from collections.abc import Sequence

from foldlog_server.core.codec import Codec
from foldlog_server.core.decider import AnyDecider
from foldlog_server.core.view import View
from foldlog_server.inventory.inventory_view import INVENTORY
from foldlog_server.inventory.stock import STOCK
from foldlog_server.orders.current_orders import CURRENT_ORDERS
from foldlog_server.orders.customer_orders import CUSTOMER_ORDERS
from foldlog_server.orders.order_decider import ORDER
from foldlog_server.orders.order_details import ORDER_DETAILS
from foldlog_server.orders.order_history import ORDER_HISTORY

DECIDERS: dict[str, AnyDecider] = {decider.category: decider for decider in (ORDER, STOCK)}
VIEWS: Sequence[View] = (ORDER_DETAILS, CURRENT_ORDERS, ORDER_HISTORY, CUSTOMER_ORDERS, INVENTORY)
CODEC = Codec(event for decider in DECIDERS.values() for event in decider.events)
