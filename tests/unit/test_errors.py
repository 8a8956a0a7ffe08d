"""Every entry of every error catalogue tells a client what happened and what to do."""

import inspect
import re
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import EnumValueDescriptor

from foldlog.inventory.v1 import errors_pb2 as inventory_errors
from foldlog.orders.v1 import errors_pb2 as orders_errors
from foldlog.v1 import errors_pb2 as neutral_errors
from foldlog.v1.options_pb2 import Code, error
from foldlog_server import errors
from foldlog_server.error_catalogue import Reason, catalogue
from foldlog_server.errors import FoldlogError, InvalidRequest, Rejected, Violation

CATALOGUES = {
    "foldlog.v1": neutral_errors.ErrorReason,
    "foldlog.orders.v1": orders_errors.ErrorReason,
    "foldlog.inventory.v1": inventory_errors.ErrorReason,
}
ENTRIES = [
    value
    for enum in CATALOGUES.values()
    for value in enum.DESCRIPTOR.values
    if value.number  # zero is never sent
]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.type.file.package}.{entry.name}")
def test_an_entry_has_a_code_a_cause_and_an_action(entry: EnumValueDescriptor) -> None:
    said = entry.GetOptions().Extensions[error]
    assert said.code != Code.CODE_UNSPECIFIED
    assert re.fullmatch(r"[A-Z].*\.", said.cause)
    assert re.fullmatch(r"[A-Z].*\.", said.action)


@pytest.mark.parametrize("domain", CATALOGUES)
def test_a_catalogue_holds_every_value_but_the_one_never_sent(domain: str) -> None:
    enum = CATALOGUES[domain]
    reasons = catalogue(enum)
    assert set(reasons) == set(enum.values()) - {0}
    for number, reason in reasons.items():
        assert reason.domain == domain
        assert enum.DESCRIPTOR.values_by_number[number].name == f"ERROR_REASON_{reason.name}"


@pytest.mark.parametrize("domain", CATALOGUES)
def test_only_what_can_pass_by_itself_is_worth_a_retry(domain: str) -> None:
    passing = {Code.CODE_ABORTED, Code.CODE_UNAVAILABLE, Code.CODE_RESOURCE_EXHAUSTED}
    assert all(reason.code in passing for reason in catalogue(CATALOGUES[domain]).values() if reason.retry)


def test_an_error_speaks_its_message_and_keeps_its_values_apart() -> None:
    reason = Reason("foldlog.orders.v1", "ORDER_EMPTY", Code.CODE_FAILED_PRECONDITION, False)
    metadata = {"order_id": "1"}
    refusal = Rejected(reason, "The order has no lines.", metadata)
    metadata["order_id"] = "2"
    assert str(refusal) == refusal.message == "The order has no lines."
    assert refusal.metadata == {"order_id": "1"}
    assert refusal.violations == ()
    assert refusal.retry_after is None


def test_a_refusal_names_its_aggregate_once() -> None:
    reason = next(iter(catalogue(orders_errors.ErrorReason).values()))
    plain = Rejected(reason, "No.", {"status": "DRAFT"}).of_aggregate("order-7-8")
    assert plain.metadata == {"order_id": "7-8", "status": "DRAFT"}
    assert plain.about == ("order", "7-8")
    same_by_chance = Rejected(reason, "No.", {"available": "5"}).of_aggregate("account-5")
    assert same_by_chance.metadata == {"account_id": "5", "available": "5"}
    named = Rejected(reason, "No.", {"line_id": "1", "order_id": "7-8"})
    assert named.of_aggregate("order-7-8") is named


def test_all_violations_of_a_request_come_back_and_the_first_speaks() -> None:
    violations = [Violation(f"command.f{n}", "required", "is required") for n in range(3)]
    refused = InvalidRequest.fields(violations)
    assert refused.violations == tuple(violations)
    assert refused.message == "command.f0: is required (2 more)"
    assert InvalidRequest.fields(violations[:1]).message == "command.f0: is required"


def test_the_drawn_tree_is_the_hierarchy() -> None:
    drawn = re.findall(r"^[│├└─ ]*(\w+)", (inspect.getdoc(errors) or "").split("\n\n")[1], re.MULTILINE)
    assert drawn == [subclass.__name__ for subclass in tree(FoldlogError)]


def tree(root: type[FoldlogError]) -> Iterator[type[FoldlogError]]:
    """The classes of the core, depth first, in the order in which they are defined."""
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child)
