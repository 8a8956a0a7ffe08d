"""Given events, then documents: a view folded by a model of its runner, and orders to fold."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from foldlog.orders.v1.events_pb2 import (
    ItemAdded,
    OrderCancelled,
    OrderCreated,
    OrderReserved,
    OrderShipped,
    OrderSubmitted,
    PaymentReceived,
)
from foldlog.orders.v1.types_pb2 import (
    ORDER_STATUS_DRAFT,
    ORDER_STATUS_PAID,
    ORDER_STATUS_RESERVED,
    ORDER_STATUS_SHIPPED,
    ORDER_STATUS_SUBMITTED,
    OrderLine,
    OrderStatus,
)
from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage
from foldlog.v1.money_pb2 import Money
from foldlog_server.domain.money import NANOS, round_to_minor, to_money, to_nanos
from foldlog_server.domain.view import Key, View
from foldlog_server.log.events import RecordedEvent, id_of

_FIRST_SECOND = 1_767_258_000


def recorded_time(position: int) -> Timestamp:
    """When a scenario records its event at the position: a second after the event before."""
    return Timestamp(seconds=_FIRST_SECOND + position, nanos=position)


class ViewScenario:
    """A log of its own and the documents that a view makes of it.

    Events take the next position of the log and the next version of their stream. Documents are encoded
    after every event, as a runner does, so that nothing is shared between documents or with an event.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._position = 0
        self._versions: dict[str, int] = {}
        self._documents: dict[Key, bytes] = {}

    def given(self, stream: str, *payloads: Message) -> None:
        """Record the payloads in the stream, and let the view see those it looks at."""
        for payload in payloads:
            recorded = self.record(stream, payload)
            if isinstance(payload, self._view.events):
                self._apply(recorded)

    def record(self, stream: str, payload: Message) -> RecordedEvent:
        """Record the payload in the stream, unseen by the view."""
        self._position += 1
        self._versions[stream] = self._versions.get(stream, 0) + 1
        stored = type(payload)()
        stored.CopyFrom(payload)
        return RecordedEvent(
            position=self._position,
            stream=stream,
            id=id_of(stream),
            version=self._versions[stream],
            type=payload.DESCRIPTOR.full_name,
            recorded_time=recorded_time(self._position),
            payload=stored,
            envelope=RecordedEventMessage(event_id=f"event-{self._position}"),
        )

    def document(self, collection: str, id: str) -> Message | None:
        """The document, or None if there is none."""
        encoded = self._documents.get(Key(collection, id))
        return None if encoded is None else self._view.collections[collection].FromString(encoded)

    def ids(self, collection: str) -> list[str]:
        """The ids of the collection's documents, in their order."""
        return sorted(key.id for key in self._documents if key.collection == collection)

    def _apply(self, recorded: RecordedEvent) -> None:
        before = recorded.payload.SerializeToString(deterministic=True)
        keys = list(self._view.keys(recorded))
        assert len(keys) == len(set(keys)), f"{recorded.type} yields a key twice: {keys}"
        for key in keys:
            self._evolve(key, recorded)
        after = recorded.payload.SerializeToString(deterministic=True)
        assert after == before, f"{self._view.name} changed the event {recorded.type}"
        assert recorded.recorded_time == recorded_time(recorded.position)

    def _evolve(self, key: Key, recorded: RecordedEvent) -> None:
        document = self._view.evolve(key, self.document(*key), recorded)
        if document is None:
            self._documents.pop(key, None)
        else:
            assert isinstance(document, self._view.collections[key.collection])
            self._documents[key] = document.SerializeToString(deterministic=True)


def money(amount: str, currency_code: str = "GBP") -> Money:
    """The amount as it is written, such as "9.99"."""
    return to_money(currency_code, int(Decimal(amount) * NANOS))


def line(line_id: str, quantity: int, unit_price: Money, product_id: str = "", name: str = "") -> OrderLine:
    """A line; of the product with the line's id unless another is given."""
    return OrderLine(
        line_id=line_id,
        product_id=product_id or line_id,
        product_name=name,
        quantity=quantity,
        unit_price=unit_price,
    )


@dataclass(frozen=True, slots=True)
class OrderStory:
    """The events of one order, each as the order's history makes it."""

    lines: tuple[OrderLine, ...]
    currency_code: str = "GBP"
    customer_id: str = "ada"
    customer_name: str = "Ada"

    def until(self, status: OrderStatus.ValueType) -> list[Message]:
        """Everything that happens until the order has the status."""
        events = list(self._life())
        end = next(index for index, (reached, _) in reversed(list(enumerate(events))) if reached == status)
        return [payload for _, payload in events[: end + 1]]

    def cancelled(self, former_status: OrderStatus.ValueType) -> OrderCancelled:
        """The order's end if it is cancelled with this status."""
        due, paid = former_status >= ORDER_STATUS_SUBMITTED, former_status >= ORDER_STATUS_PAID
        return OrderCancelled(
            reason="no longer wanted",
            former_status=former_status,
            customer_id=self.customer_id,
            customer_name=self.customer_name,
            lines=self.lines,
            total=self._total,
            amount_due=self._amount_due if due else None,
            paid=self._amount_due if paid else None,
        )

    def _life(self) -> Iterator[tuple[OrderStatus.ValueType, Message]]:
        yield ORDER_STATUS_DRAFT, self._created
        for added in self.lines:
            yield ORDER_STATUS_DRAFT, ItemAdded(line=added)
        yield ORDER_STATUS_SUBMITTED, self._submitted
        yield ORDER_STATUS_RESERVED, OrderReserved(reservation_id="reservation-1")
        yield ORDER_STATUS_PAID, self._paid
        yield ORDER_STATUS_SHIPPED, self._shipped

    @property
    def _created(self) -> OrderCreated:
        return OrderCreated(
            customer_id=self.customer_id,
            customer_name=self.customer_name,
            currency_code=self.currency_code,
        )

    @property
    def _submitted(self) -> OrderSubmitted:
        return OrderSubmitted(
            customer_id=self.customer_id,
            customer_name=self.customer_name,
            lines=self.lines,
            total=self._total,
            amount_due=self._amount_due,
        )

    @property
    def _paid(self) -> PaymentReceived:
        return PaymentReceived(payment_id="payment-1", amount=self._amount_due, customer_id=self.customer_id)

    @property
    def _shipped(self) -> OrderShipped:
        return OrderShipped(
            shipment_id="shipment-1",
            carrier="Parcel Post",
            tracking_number="PP 42",
            customer_id=self.customer_id,
            customer_name=self.customer_name,
            lines=self.lines,
            total=self._total,
            amount_due=self._amount_due,
        )

    @property
    def _nanos(self) -> int:
        return sum(line.quantity * to_nanos(line.unit_price) for line in self.lines)

    @property
    def _total(self) -> Money:
        return to_money(self.currency_code, self._nanos)

    @property
    def _amount_due(self) -> Money:
        return to_money(self.currency_code, round_to_minor(self.currency_code, self._nanos))


LAMP_AND_SHADE = OrderStory((line("lamp", 2, money("9.99")), line("shade", 1, money("4.505"))))
"""Two lines and three units; 24.485 in all, of which 24.48 are due."""
