"""The decider of orders, put together."""

from collections.abc import Sequence
from typing import get_args

from google.protobuf.message import Message

from foldlog_server.domain.decider import Decider
from foldlog_server.domains.orders.order import Event, Order, evolve
from foldlog_server.domains.orders.order_message import render
from foldlog_server.domains.orders.order_rules import Command, decide


def _decide(command: Message, order: Order) -> Sequence[Event]:
    assert isinstance(command, Command)
    return decide(command, order)


def _evolve(order: Order, event: Message) -> Order:
    assert isinstance(event, Event)
    return evolve(order, event)


# A runner has messages of any domain: the two above narrow them, so that the checker proves the rest.
ORDER = Decider(
    category="order",
    initial=Order(),
    decide=_decide,
    evolve=_evolve,
    render=render,
    events=get_args(Event),
    revision=1,
)
