"""The domain of stock: it is received, reserved for orders, and dispatched or released."""

from foldlog.inventory.v1 import command_service_pb2, query_service_pb2
from foldlog_server.domain.domain import Domain
from foldlog_server.domains.inventory.stock import STOCK
from foldlog_server.domains.inventory.views.inventory import INVENTORY as INVENTORY_VIEW

INVENTORY = Domain(
    "inventory",
    protos=(command_service_pb2, query_service_pb2),
    deciders=(STOCK,),
    views=(INVENTORY_VIEW,),
)
