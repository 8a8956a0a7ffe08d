"""What helps the views of a domain."""

import pytest

from foldlog.orders.v1.types_pb2 import Order, OrderLine
from foldlog_server.domain import DocumentMissing, existing


def test_the_document_that_an_event_presupposes_is_there_and_of_its_kind() -> None:
    order = Order(order_id="1")
    document: Order | OrderLine = order
    assert existing(order) is order
    assert existing(document, Order).order_id == "1"


def test_a_document_that_is_missing_is_an_error_of_the_view() -> None:
    missing: Order | OrderLine | None = None
    with pytest.raises(DocumentMissing):
        existing(missing)
    with pytest.raises(DocumentMissing):
        existing(missing, Order)


def test_a_document_of_another_kind_is_an_error_of_the_view() -> None:
    with pytest.raises(TypeError, match="to be of type OrderLine, found Order"):
        existing(Order(), OrderLine)
