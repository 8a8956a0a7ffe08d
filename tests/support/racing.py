"""Commands of any kind to few aggregates, so that they meet."""

from collections.abc import Sequence

from google.protobuf.message import Message
from hypothesis import strategies as st

from foldlog.inventory.v1.commands_pb2 import (
    DispatchStock,
    ReceiveStock,
    ReleaseStock,
    ReservationLine,
    ReserveStock,
)
from foldlog.orders.v1.commands_pb2 import CancelOrder, SubmitOrder
from tests.support.commands import add, create

# Few aggregates, so that commands meet; lists of products in any order, so that they could block each other.
PRODUCTS = st.sampled_from(["tea", "jam", "oil"])
SEVERAL = st.lists(PRODUCTS, min_size=1, max_size=3, unique=True)
ORDERS = st.sampled_from(["1", "2"])
UNITS = st.integers(1, 3)


def reserve(order_id: str, products: Sequence[str], quantity: int) -> ReserveStock:
    lines = [ReservationLine(product_id=product, quantity=quantity) for product in products]
    return ReserveStock(order_id=order_id, lines=lines)


COMMANDS: st.SearchStrategy[Message] = st.one_of(
    st.builds(ReceiveStock, product_id=PRODUCTS, quantity=UNITS),
    st.builds(reserve, ORDERS, SEVERAL, UNITS),
    st.builds(reserve, ORDERS, SEVERAL, UNITS),
    st.builds(ReleaseStock, order_id=ORDERS, product_ids=SEVERAL),
    st.builds(DispatchStock, order_id=ORDERS, product_ids=SEVERAL),
    st.builds(create, ORDERS),
    st.builds(add, ORDERS, PRODUCTS, UNITS),
    st.builds(SubmitOrder, order_id=ORDERS),
    st.builds(CancelOrder, order_id=ORDERS, reason=st.just("late")),
)
