"""The checkout of examples/checkout, as its authors would test it: by what it is told, and once against a server."""

from collections.abc import Iterator

import grpc
import pytest
from google.rpc.error_details_pb2 import PreconditionFailure

import foldlog_server.testing
from examples.checkout.checkout import Basket, SoldOut, check_out, tracking_number
from foldlog.inventory.v1.command_service_pb2 import ReserveStockRequest, ReserveStockResponse
from foldlog.orders.v1.command_service_pb2 import (
    CancelOrderRequest,
    CancelOrderResponse,
    CreateOrderRequest,
    CreateOrderResponse,
    SubmitOrderResponse,
)
from foldlog.orders.v1.events_pb2 import OrderShipped
from foldlog.orders.v1.types_pb2 import Order, OrderStatus
from foldlog.v1.event_service_pb2 import SubscribeRequest
from foldlog.v1.money_pb2 import Money
from foldlog_client.testing import Fake, Refusal, recorded, subscribed

BASKET = Basket("1001", "ada", {"tea": 2}, {"tea": Money(currency_code="GBP", units=3)})
SHIPPED = recorded(OrderShipped(tracking_number="PP-1840"), 9, stream="order-1001")


@pytest.fixture
def fake() -> Iterator[Fake]:
    with Fake() as fake:
        yield fake


# By what it is told


def test_what_lies_in_the_basket_is_ordered(fake: Fake) -> None:
    fake.answer(
        CreateOrderResponse(), ReserveStockResponse(), SubmitOrderResponse(order=Order(order_id="1001"))
    )

    assert check_out(fake.client, BASKET).order_id == "1001"

    [created] = fake.requests_of(CreateOrderRequest)
    assert [(line.product_id, line.quantity) for line in created.command.lines] == [("tea", 2)]


def test_an_answer_that_is_lost_is_asked_for_with_the_same_id(fake: Fake) -> None:
    fake.refuse(CreateOrderRequest, grpc.StatusCode.UNAVAILABLE)
    fake.answer(CreateOrderResponse(), ReserveStockResponse(), SubmitOrderResponse())

    check_out(fake.client, BASKET)

    assert len({one.options.request_id for one in fake.requests_of(CreateOrderRequest)}) == 1


def test_when_it_is_sold_out_the_order_is_cancelled(fake: Fake) -> None:
    short = PreconditionFailure.Violation(subject="tea", type="INSUFFICIENT_STOCK")
    fake.answer(CreateOrderResponse(), CancelOrderResponse())
    fake.refuse(ReserveStockRequest, "INSUFFICIENT_STOCK", details=[PreconditionFailure(violations=[short])])

    with pytest.raises(SoldOut, match="tea"):
        check_out(fake.client, BASKET)

    assert [one.command.order_id for one in fake.requests_of(CancelOrderRequest)] == ["1001"]


def test_the_shipment_is_waited_for_across_a_lost_connection(fake: Fake) -> None:
    fake.stream(SubscribeRequest, *subscribed(), then=Refusal(grpc.StatusCode.UNAVAILABLE))
    fake.stream(SubscribeRequest, *subscribed(SHIPPED))

    assert tracking_number(fake.client, "1001") == "PP-1840"


# Against a server


def test_a_server_does_what_the_checkout_takes_it_to_do() -> None:
    with foldlog_server.testing.server() as server, server.connect() as client:
        client.inventory.receive_stock(product_id="tea", quantity=2)
        order = check_out(client, BASKET)
        assert (order.status, order.amount_due.units) == (OrderStatus.ORDER_STATUS_SUBMITTED, 6)

        server.restart()
        assert check_out(client, BASKET) == order  # again, as after a crash: it acts once

        with pytest.raises(SoldOut) as sold_out:
            check_out(client, Basket("1002", "ada", {"tea": 1}, BASKET.prices))
        assert sold_out.value.product_ids == ["tea"]
        assert client.inventory.get_stock(product_id="tea").stock.reserved == 2
