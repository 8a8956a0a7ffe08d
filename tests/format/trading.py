"""What a server does for its file to hold something of everything."""

import uuid

from foldlog.inventory.v1.commands_pb2 import ReceiveStock, ReservationLine, ReserveStock
from foldlog.orders.v1.commands_pb2 import AddItem, CreateOrder, RemoveItem, SubmitOrder
from tests.support.order_stories import line, money
from tests.support.wire import Wire

KEY = str(uuid.UUID(int=7))


async def trade(server: Wire) -> None:
    """Something of everything that is stored: several streams in one append, requests, nothing done."""
    products = ["tea", "ż雪🜚"]
    for product in products:
        await server.send(ReceiveStock(product_id=product, name="Tea", quantity=10))
    for number in range(20):
        order_id = f"o-{number}"
        lines = [line(product, 1, money("3.5")) for product in products]
        create = CreateOrder(order_id=order_id, customer_id="ada", currency_code="GBP", lines=lines)
        await server.send(create, request_id=str(uuid.uuid4()), correlation_id="trip", causation_id="click")
    await server.send(RemoveItem(order_id="o-1", line_id="tea"))
    await server.send(AddItem(order_id="o-1", line=line("tea", 2, money("3.5"))))
    wanted = [ReservationLine(product_id=product, quantity=2) for product in products]
    await server.send(ReserveStock(order_id="o-1", lines=wanted), request_id=KEY)
    await server.send(SubmitOrder(order_id="o-1"))
    await server.send(SubmitOrder(order_id="o-1"), request_id=str(uuid.uuid4()))
