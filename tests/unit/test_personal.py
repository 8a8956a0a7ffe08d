"""What a request says about persons is found wherever it is, so that the log can leave it out."""

import pytest
from google.protobuf.message import Message

from foldlog.orders.v1.command_service_pb2 import CreateOrderRequest, ShipOrderRequest
from foldlog.orders.v1.commands_pb2 import CreateOrder, ShipOrder
from foldlog.orders.v1.queries_pb2 import (
    Customer,
    GetCustomerOrdersRequest,
    GetCustomerOrdersResponse,
    ListCurrentOrdersRequest,
    ListCustomersResponse,
    ListOrderHistoryRequest,
    WatchCurrentOrdersRequest,
)
from foldlog_server.errors import ReadRefused
from foldlog_server.personal import described, values
from tests.support import enrolment


@pytest.mark.parametrize(
    "request_",
    [
        CreateOrderRequest(command=CreateOrder(order_id="1", customer_id="ada")),
        CreateOrderRequest(command=CreateOrder(order_id="1", customer_name="ada")),
        ShipOrderRequest(command=ShipOrder(order_id="1", carrier="Post", tracking_number="ada")),
        GetCustomerOrdersRequest(customer_id="ada", page_size=1),
        ListCurrentOrdersRequest(customer_id="ada"),
        ListOrderHistoryRequest(customer_id="ada"),
        WatchCurrentOrdersRequest(customer_id="ada"),
        GetCustomerOrdersResponse(customer=Customer(customer_id="ada")),
        ListCustomersResponse(customers=[Customer(customer_id="ada")]),
    ],
)
def test_personal_fields_are_found_in_requests(request_: Message) -> None:
    assert list(values(request_)) == ["ada"]


def test_in_a_map_keys_and_values_are_found() -> None:
    request = enrolment.message("EnrolClass")(course_id="go", parents={"bob": "ada"})
    assert list(values(request)) == ["bob", "ada"]


def test_a_refusal_is_described_without_what_it_names() -> None:
    assert described(ReadRefused.stream_not_found("order-ada")) == "ReadRefused"
