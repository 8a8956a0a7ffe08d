"""Orders whose events views are given in tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from google.protobuf.message import Message

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
from foldlog.v1.money_pb2 import Money
from foldlog_server.domain.money import NANOS, round_to_minor, to_money, to_nanos


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
