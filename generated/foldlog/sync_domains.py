# Written by foldlog from the protos; do not edit.
"""Every domain of the contract. Importing this registers every message by name."""

import foldlog.inventory.v1.command_service_pb2
import foldlog.inventory.v1.commands_pb2
import foldlog.inventory.v1.errors_pb2
import foldlog.inventory.v1.events_pb2
import foldlog.inventory.v1.queries_pb2
import foldlog.inventory.v1.query_service_pb2
import foldlog.inventory.v1.types_pb2
import foldlog.orders.v1.command_service_pb2
import foldlog.orders.v1.commands_pb2
import foldlog.orders.v1.errors_pb2
import foldlog.orders.v1.events_pb2
import foldlog.orders.v1.queries_pb2
import foldlog.orders.v1.query_service_pb2
import foldlog.orders.v1.types_pb2
import foldlog.v1.admin_service_pb2
import foldlog.v1.commands_pb2
import foldlog.v1.errors_pb2
import foldlog.v1.event_service_pb2
import foldlog.v1.events_pb2
import foldlog.v1.money_pb2
import foldlog.v1.options_pb2
import foldlog.v1.reads_pb2
import foldlog.v1.request_service_pb2
from foldlog.inventory.v1.sync_client import Inventory
from foldlog.orders.v1.sync_client import Orders
from foldlog.v1.sync_client import Admin
from foldlog.v1.sync_caller import Caller


class Domains:
    """One attribute for each domain."""

    def __init__(self, caller: Caller) -> None:
        self.inventory: Inventory = Inventory(caller)
        self.orders: Orders = Orders(caller)
        self.admin: Admin = Admin(caller)
