"""Renders the state of an order as the message that clients get."""

from foldlog.orders.v1 import types_pb2
from foldlog.orders.v1.types_pb2 import OrderLine
from foldlog.v1.money_pb2 import Money
from foldlog_server.domain.money import set_money, to_money
from foldlog_server.domains.orders.order import Line, Order, Status


def render(id: str, version: int, order: Order) -> types_pb2.Order | None:
    """The order as clients see it; None if it does not exist.

    Its lines are in the order in which they were added. Each has its line id, even if that is the product id
    by default, and a price whose units and nanos share the sign. The total is always set; the amount due and
    the amount paid are set once they are fixed, even if they are zero.
    """
    if order.status is Status.ABSENT:
        return None
    # Field by field: with named arguments, a message takes twice as long to make.
    rendered = types_pb2.Order()
    rendered.order_id = id
    rendered.version = version
    rendered.customer_id = order.customer_id
    rendered.customer_name = order.customer_name
    rendered.currency_code = order.currency_code
    rendered.status = order.status.value
    if order.lines:
        rendered.lines.extend(line_messages(order))
    set_money(rendered.total, order.currency_code, order.total)
    if order.amount_due is not None:
        set_money(rendered.amount_due, order.currency_code, order.amount_due)
    rendered.reservation_id = order.reservation_id
    rendered.payment_id = order.payment_id
    if order.paid is not None:
        set_money(rendered.paid, order.currency_code, order.paid)
    rendered.shipment_id = order.shipment_id
    rendered.carrier = order.carrier
    rendered.tracking_number = order.tracking_number
    rendered.cancel_reason = order.cancel_reason
    return rendered


def line_messages(order: Order) -> list[OrderLine]:
    return [line_message(id, line, order.currency_code) for id, line in order.lines.items()]


def line_message(line_id: str, line: Line, currency_code: str) -> OrderLine:
    return OrderLine(
        line_id=line_id,
        product_id=line.product_id,
        product_name=line.product_name,
        quantity=line.quantity,
        unit_price=to_money(currency_code, line.unit_price),
    )


def money(order: Order, nanos: int | None) -> Money | None:
    return None if nanos is None else to_money(order.currency_code, nanos)
