"""Turns a basket into an order, or reports what is sold out. Either happens once."""

from dataclasses import dataclass
from uuid import UUID, uuid5

from foldlog.inventory.v1.commands_pb2 import ReservationLine
from foldlog.orders.v1.events_pb2 import OrderShipped
from foldlog.orders.v1.types_pb2 import Order, OrderLine
from foldlog.v1.money_pb2 import Money
from foldlog_client import Rejected, sync

_REQUESTS = UUID("0197a5c0-0000-7000-8000-00000000c0de")
"""The namespace of this shop's request ids: the steps of a basket have the same ids in every attempt."""


@dataclass(frozen=True, slots=True)
class Basket:
    """What a customer wants to buy."""

    id: str
    customer_id: str
    quantities: dict[str, int]
    prices: dict[str, Money]


class SoldOut(Exception):
    """There is too little stock of these products; no order is left open."""

    def __init__(self, product_ids: list[str]) -> None:
        super().__init__(f"Sold out: {', '.join(product_ids)}.")
        self.product_ids = product_ids


def check_out(client: sync.Client, basket: Basket) -> Order:
    """Place an order, with its stock reserved. After a crash, call it again.

    Raises SoldOut, after which the basket is finished.
    """
    client.orders.create_order(
        order_id=basket.id,
        customer_id=basket.customer_id,
        currency_code="GBP",
        lines=[
            OrderLine(product_id=product_id, quantity=quantity, unit_price=basket.prices[product_id])
            for product_id, quantity in basket.quantities.items()
        ],
        request_id=_request_id(basket, "create"),
    )
    try:
        client.inventory.reserve_stock(
            order_id=basket.id,
            lines=[ReservationLine(product_id=id, quantity=many) for id, many in basket.quantities.items()],
            request_id=_request_id(basket, "reserve"),
        )
    except Rejected as refusal:
        if refusal.reason != "INSUFFICIENT_STOCK":
            raise
        client.orders.cancel_order(
            order_id=basket.id, reason="Sold out.", request_id=_request_id(basket, "cancel")
        )
        raise SoldOut([one.subject for one in refusal.violations]) from refusal
    submitted = client.orders.submit_order(order_id=basket.id, request_id=_request_id(basket, "submit"))
    return submitted.order


def tracking_number(client: sync.Client, order_id: str) -> str:
    """Wait until an order is shipped, however long that takes."""
    with client.events.subscribe(stream_prefixes=[f"order-{order_id}"], event_types=[OrderShipped]) as events:
        shipped = sync.unpack(next(events))
    assert isinstance(shipped, OrderShipped)
    return shipped.tracking_number


def _request_id(basket: Basket, step: str) -> str:
    return str(uuid5(_REQUESTS, f"{basket.id}/{step}"))
