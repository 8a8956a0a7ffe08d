"""The shop that is served unless `--no-shop` is given: orders and inventory."""

from foldlog_server.domain.domain import Domains
from foldlog_server.domains.inventory import INVENTORY
from foldlog_server.domains.orders import ORDERS

NAMES = ("foldlog_server.domains.orders:ORDERS", "foldlog_server.domains.inventory:INVENTORY")
"""The names by which another process loads them."""

SHOP = Domains((ORDERS, INVENTORY), NAMES)
