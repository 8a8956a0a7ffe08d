"""The shop with other views, as another release may define them."""

from collections.abc import Sequence

from foldlog_server.domain.domain import Domains
from foldlog_server.domain.view import AnyView
from foldlog_server.domains import shop
from foldlog_server.domains.inventory import INVENTORY
from foldlog_server.domains.orders import ORDERS


def shop_with(views: Sequence[AnyView]) -> Domains:
    """The shop with these views instead of its own."""
    domains = Domains((ORDERS, INVENTORY), shop.NAMES)
    domains.views = views
    return domains
