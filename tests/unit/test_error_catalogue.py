"""Refusals by a rule are FAILED_PRECONDITION, but for the reasons that the contract names."""

import pytest

from foldlog.inventory.v1.errors_pb2 import ErrorReason as StockReason
from foldlog.orders.v1.errors_pb2 import ErrorReason as OrderReason
from foldlog.v1.options_pb2 import Code
from foldlog_server.error_catalogue import Reason, catalogue

EXCEPTIONS = {
    "ORDER_NOT_FOUND": Code.CODE_NOT_FOUND,
    "LINE_NOT_FOUND": Code.CODE_NOT_FOUND,
    "CUSTOMER_NOT_FOUND": Code.CODE_NOT_FOUND,
    "PRODUCT_NOT_FOUND": Code.CODE_NOT_FOUND,
    "ORDER_EXISTS": Code.CODE_ALREADY_EXISTS,
}
REASONS = [*catalogue(OrderReason).values(), *catalogue(StockReason).values()]


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.name)
def test_a_reason_has_the_code_of_the_contract(reason: Reason) -> None:
    assert reason.code == EXCEPTIONS.get(reason.name, Code.CODE_FAILED_PRECONDITION)
