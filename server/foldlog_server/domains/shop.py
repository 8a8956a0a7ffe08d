"""The shop: the deciders, views, events and upcasters of orders and inventory."""

from collections.abc import Sequence
from dataclasses import replace

from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domain.view import AnyView
from foldlog_server.domains.inventory.stock import STOCK
from foldlog_server.domains.inventory.views.inventory import INVENTORY
from foldlog_server.domains.orders.order_rules import ORDER
from foldlog_server.domains.orders.views.current_orders import CURRENT_ORDERS
from foldlog_server.domains.orders.views.customer_orders import CUSTOMER_ORDERS
from foldlog_server.domains.orders.views.order_details import ORDER_DETAILS
from foldlog_server.domains.orders.views.order_history import ORDER_HISTORY
from foldlog_server.log.codec import Codec
from foldlog_server.log.upcasting import Upcaster

DECIDERS: dict[str, AnyDecider] = {decider.category: decider for decider in (ORDER, STOCK)}
UPCASTERS: Sequence[Upcaster] = ()
"""None yet: no message that was ever stored has changed its meaning."""
VIEWS: Sequence[AnyView] = tuple(
    replace(view, upcasters=UPCASTERS)
    for view in (ORDER_DETAILS, CURRENT_ORDERS, ORDER_HISTORY, CUSTOMER_ORDERS, INVENTORY)
)
CODEC = Codec((event for decider in DECIDERS.values() for event in decider.events), UPCASTERS)
