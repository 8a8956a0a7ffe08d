"""Whatever an error says, its status is small on the wire, and nothing that fits is cut."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from hypothesis import example, given
from hypothesis import strategies as st

from foldlog.inventory.v1 import errors_pb2 as stock_errors
from foldlog.orders.v1 import errors_pb2 as order_errors
from foldlog.orders.v1.commands_pb2 import RecordPayment, RemoveItem, ShipOrder
from foldlog.v1 import errors_pb2 as core_errors
from foldlog_server.domains.inventory import refusals as stock
from foldlog_server.domains.orders import refusals as orders
from foldlog_server.error_catalogue import Reason, catalogue
from foldlog_server.errors import (
    Contended,
    FoldlogError,
    ReadRefused,
    Rejected,
    Violation,
    WrongExpectedVersion,
)
from foldlog_server.transport.status import abort
from tests.support.wire import MAX_WIRE_BYTES, wire_bytes

REASONS = [
    reason
    for module in (core_errors, order_errors, stock_errors)
    for reason in catalogue(module.ErrorReason).values()
]
LONGEST_REASON = max(REASONS, key=lambda reason: len(reason.domain + reason.name))


class Ended(Exception):
    """The call has ended, as gRPC would end it."""


class Wires:
    """What a call was ended with."""

    async def abort(self, *told: Any) -> None:
        self.code, self.message, self.trailers = told
        raise Ended


def sent(error: FoldlogError) -> Wires:
    wires: Any = Wires()
    with pytest.raises(Ended):
        asyncio.run(abort(wires, error))
    assert isinstance(wires, Wires)
    return wires


def size_of(error: FoldlogError) -> int:
    wires = sent(error)
    return wire_bytes(wires.code, wires.message, wires.trailers)


# Short texts over and over are what makes long ones, with one, two, three and four bytes a character, and what
# gRPC encodes.
texts = st.builds(
    lambda text, times: text * times,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=10) | st.sampled_from("x%\x00é☃🜚"),
    st.sampled_from([0, 1, 7, 64, 500, 3_000]),
)
violations = st.builds(Violation, texts, st.sampled_from(["id", "required", LONGEST_REASON.name]), texts)
errors = st.builds(
    lambda reason, message, metadata, violations, times, after: FoldlogError(
        reason, message, metadata, violations=violations * times, retry_after=after
    ),
    st.sampled_from(REASONS),
    texts,
    st.dictionaries(st.text("abc_id", min_size=1, max_size=20), texts, max_size=6),
    st.lists(violations, max_size=5),
    st.sampled_from([1, 10, 400]),
    st.none() | st.floats(0, 60),
)


def filled(reason: Reason, text: str, times: int) -> FoldlogError:
    """An error with everything as long as it comes."""
    metadata = {f"metadata_{n:011}": text * 3_000 for n in range(6)}
    violations = [Violation(text * 3_000, reason.name, text * 3_000)] * times
    return FoldlogError(reason, text * 3_000, metadata, violations=violations, retry_after=60.0)


@example(filled(LONGEST_REASON, "x", 0))
@example(filled(LONGEST_REASON, "x", 400))
@example(filled(LONGEST_REASON, "\x00", 0))
@example(filled(LONGEST_REASON, "☃", 400))
@given(errors)
def test_no_status_has_more_than_4_kib_on_the_wire(error: FoldlogError) -> None:
    assert size_of(error) <= MAX_WIRE_BYTES


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: f"{reason.domain}.{reason.name}")
def test_no_reason_with_everything_full_has_more(reason: Reason) -> None:
    for text in "x%☃":
        for times in (0, 1, 400):
            assert size_of(filled(reason, text, times)) <= MAX_WIRE_BYTES


# What is within its rules is told whole

ID, PERCENT, STREAM = "☃" * 21 + "x", "%" * 64, "☃" * 66 + "xx"


def longest(id: str) -> Mapping[str, FoldlogError]:
    """Errors about the longest ids there are."""
    most = 10**12
    remove = RemoveItem(order_id=id, line_id=id)
    pay, ship = RecordPayment(order_id=id), ShipOrder(order_id=id)
    return {
        "differs": orders.line_differs(remove, id, id, 10**18),
        "price": orders.currency_mismatch(remove, id, "GBP", "EUR"),
        "total": orders.total_too_large(remove, id, "GBP", 10**30, most),
        "paid": orders.already_paid(pay, id),
        "shipped": orders.already_shipped(ship, id),
        "reserved": orders.other_reservation(ship, "CANCELLED", id),
        "stock": stock.insufficient_stock(id, id, most, most),
        "open": stock.reservation_differs(id, id, most, most),
        "none": stock.no_reservation(id, id),
        "below": stock.below_reserved(id, -most, most, most),
        "version": WrongExpectedVersion(f"stock-{id}", 2**63, 2**63),
        "race": Contended(f"stock-{id}", 10),
        "log": ReadRefused.log_replaced(id, id),
        "stream": ReadRefused.stream_not_found(STREAM),
    }


@pytest.mark.parametrize("id", [ID, PERCENT], ids=["three bytes a character", "encoded"])
@pytest.mark.parametrize("case", longest("x"))
def test_nothing_is_cut_of_the_longest_names_that_the_rules_allow(case: str, id: str) -> None:
    error = longest(id)[case]
    wires, info = sent(error), ErrorInfo()
    details = dict(wires.trailers)["grpc-status-details-bin"]
    Status.FromString(details).details[0].Unpack(info)
    assert dict(info.metadata) == error.metadata
    assert wires.message == error.message
    assert wires.message is not None
    assert "…" not in details.decode(errors="replace")


def test_many_refusals_of_one_command_are_counted_and_their_first_is_told_whole() -> None:
    refusals = [stock.insufficient_stock(ID, ID, 10**6, 0) for _ in range(2_000)]
    wires = sent(Rejected.of_all(refusals))
    assert wires.code is StatusCode.FAILED_PRECONDITION
    assert wires.message.endswith("(1999 more refused.)")
    assert wires.message.startswith(refusals[0].message)
