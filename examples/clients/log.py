"""Reads the log after a run, with the Python client."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foldlog.orders.v1.events_pb2 import OrderCreated
from foldlog_client import NotOffered
from foldlog_client.sync import Client, connect, unpack

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Event:
    """An event of an order."""

    position: int
    stream: str
    version: int
    type: str
    customer_id: str = ""
    """The customer, of OrderCreated only."""
    recorded_time: float = 0.0
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The contents of the log when the program has ended."""

    events: Sequence[Event]
    """All events of the category order, by position."""
    current: Mapping[str, Mapping[str, int]]
    """For each customer, the item counts of the current orders by their ids."""
    has_outcomes: bool
    """Whether the server has RequestService."""


def read(address: str) -> Truth:
    """Read the whole log, and ask for the current orders of every customer. Raises FoldlogError."""
    with connect(address, timeout=60) as client:
        events, request_id, head = [], "", 0
        for event in client.events.read_all():
            head = event.position
            if not event.stream.startswith("order-"):
                continue
            payload = unpack(event)
            customer = payload.customer_id if isinstance(payload, OrderCreated) else ""
            time = event.recorded_time.ToNanoseconds() / 1e9
            events.append(Event(event.position, event.stream, event.version, event.type, customer, time))
            request_id = request_id or event.metadata.request_id
        return Truth(events, _current(client, head), bool(request_id) and _has_outcomes(client, request_id))


def _current(client: Client, head: int) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    token = ""
    while True:
        page = client.orders.list_current_orders(page_size=_PAGE, page_token=token, min_position=head)
        for order in page.orders:
            found.setdefault(order.customer_id, {})[order.order_id] = order.item_count
        token = page.next_page_token
        if not token:
            return found


def _has_outcomes(client: Client, request_id: str) -> bool:
    try:
        client.outcome(request_id)
    except NotOffered:
        return False
    return True
