"""An order domain with a past: its orders were once opened, in two ways, where today they are created."""

from dataclasses import replace
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.message import Message

from foldlog.orders.v1.events_pb2 import OrderCreated
from foldlog_server.app import app
from foldlog_server.domain.domain import Domains
from foldlog_server.domains import shop
from foldlog_server.domains.inventory import INVENTORY
from foldlog_server.domains.orders import ORDERS
from foldlog_server.log.events import NewEvent
from foldlog_server.log.upcasting import Upcaster


def _declared(name: str, *fields: str) -> Any:
    file = FileDescriptorProto(name=f"test/{name}.proto", package="test.old", syntax="proto3")
    message = file.message_type.add(name=name)
    for number, field in enumerate(fields, 1):
        message.field.add(
            name=field,
            number=number,
            type=FieldDescriptorProto.TYPE_STRING,
            label=FieldDescriptorProto.LABEL_OPTIONAL,
        )
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(
        descriptor_pool.Default().FindMessageTypeByName(f"test.old.{name}")
    )


OrderOpened = _declared("OrderOpened", "customer")
OrderOpenedIn = _declared("OrderOpenedIn", "customer", "currency")

OPENED = Upcaster(
    OrderOpened, OrderOpenedIn, lambda old: OrderOpenedIn(customer=old.customer, currency="GBP")
)
OPENED_IN = Upcaster(
    OrderOpenedIn,
    OrderCreated,
    lambda old: OrderCreated(customer_id=old.customer, currency_code=old.currency),
)
UPCASTERS = (OPENED, OPENED_IN)


def stored(payload: Message, event_id: str = "e") -> NewEvent:
    """An event as a former release wrote it."""
    return NewEvent(event_id, payload.DESCRIPTOR.full_name, payload.SerializeToString())


def with_a_past(monkeypatch: Any, *upcasters: Upcaster) -> None:
    """Let servers that start from now on upcast."""
    domains = Domains((replace(ORDERS, upcasters=upcasters), INVENTORY), shop.NAMES)
    monkeypatch.setattr(app, "load", lambda *_, **__: domains)
