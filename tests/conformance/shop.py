"""What is done again and again to see whether a sentence of the contract is kept."""

import uuid
from collections.abc import Sequence
from typing import Any

import grpc.aio

from foldlog.inventory.v1.commands_pb2 import ReceiveStock, ReservationLine, ReserveStock
from foldlog.orders.v1.commands_pb2 import (
    CancelOrder,
    ConfirmReservation,
    CreateOrder,
    RecordPayment,
    ShipOrder,
    SubmitOrder,
)
from foldlog.orders.v1.types_pb2 import OrderLine
from foldlog.v1.event_service_pb2 import ReadStreamRequest, SubscribeRequest, SubscribeResponse
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog.v1.money_pb2 import Money
from tests.support.wire import Wire

STATUSES = ("DRAFT", "SUBMITTED", "RESERVED", "PAID", "SHIPPED", "CANCELLED")


def fresh(kind: str = "x") -> str:
    """An id that nobody has used."""
    return f"{kind}-{uuid.uuid4().hex[:16]}"


def request_id() -> str:
    """A new request id."""
    return str(uuid.uuid4())


def of_another_history(token: str) -> str:
    """A token of the same position and log, seen in a history that the log does not have.

    Tokens are opaque to clients. Only a server that was set back gives such a one out, so it is made up here: the
    last of the 32 characters before the dot belongs to what names the history.
    """
    return token[:31] + ("A" if token[31] != "A" else "B") + token[32:]


def money(units: int = 0, nanos: int = 0, currency: str = "GBP") -> Money:
    return Money(currency_code=currency, units=units, nanos=nanos)


def line(product: str = "tea", quantity: int = 2, price: Money | None = None, **more: Any) -> OrderLine:
    return OrderLine(product_id=product, quantity=quantity, unit_price=price or money(3), **more)


class Shop(Wire):
    """A channel to a server, and the ways to bring an order to where a sentence begins."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel

    async def order(self, status: str = "DRAFT", lines: Sequence[OrderLine] = (), **fields: Any) -> str:
        """An order of a status, with one line unless told otherwise."""
        order_id = fresh("o")
        fields = {"customer_id": fresh("c"), "currency_code": "GBP", **fields}
        await self.send(CreateOrder(order_id=order_id, lines=lines or [line()], **fields))
        if status == "CANCELLED":
            await self.send(CancelOrder(order_id=order_id, reason="no longer wanted"))
            return order_id
        for step in range(STATUSES.index(status)):
            await self.send(await self._step(order_id, step))
        return order_id

    async def _step(self, order_id: str, step: int) -> Any:
        match step:
            case 0:
                return SubmitOrder(order_id=order_id)
            case 1:
                return ConfirmReservation(order_id=order_id, reservation_id="r-1")
            case 2:
                due = (await self.send(SubmitOrder(order_id=order_id))).order.amount_due
                return RecordPayment(order_id=order_id, payment_id="p-1", amount=due)
            case _:
                return ShipOrder(order_id=order_id, shipment_id="s-1", carrier="Post", tracking_number="T1")

    async def product(self, quantity: int = 10, reserved: int = 0, order_id: str = "o-1") -> str:
        """A product with some units in stock, of which some are reserved for an order."""
        product = fresh("p")
        await self.send(ReceiveStock(product_id=product, name="Tea", quantity=quantity))
        if reserved:
            wanted = ReservationLine(product_id=product, quantity=reserved)
            await self.send(ReserveStock(order_id=order_id, lines=[wanted]))
        return product

    async def events(self, stream: str, **request: Any) -> list[RecordedEvent]:
        """The events of a stream."""
        batches = self.ask(ReadStreamRequest(stream=stream, **request))
        return [event async for batch in batches for event in batch.events]

    async def subscription(self, request: SubscribeRequest, until: str) -> list[SubscribeResponse]:
        """The messages of a subscription, to the first of a kind."""
        call = self.ask(request)
        said: list[SubscribeResponse] = []
        async for message in call:
            said.append(message)
            if message.WhichOneof("message") == until:
                break
        call.cancel()
        return said


def names(events: Sequence[RecordedEvent]) -> list[str]:
    """What happened, in short."""
    return [event.type.rpartition(".")[2] for event in events]
