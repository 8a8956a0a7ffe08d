"""The checks of a whole domain find what they are for, and nothing in a domain that has no such defect."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import pytest

from foldlog_server.domain import Domain
from foldlog_server.domain.testing import (
    check,
    check_decisions,
    check_events,
    check_imports,
    check_reasons,
    check_views,
)
from foldlog_server.domains.inventory import INVENTORY
from foldlog_server.domains.orders import ORDERS
from tests.support.savings.changed import Changed, message
from tests.support.savings.unfit import ours, savings_with, with_decider

pb: Any = ours.savings_pb2
PROVOKED = ["ACCOUNT_NOT_FOUND", "NOT_EMPTY"]


def found_by(check: Callable[..., None], *given: Any, **options: Any) -> list[str]:
    with pytest.raises(AssertionError) as error:
        check(*given, **options)
    return str(error.value).strip().split("\n")


@pytest.mark.parametrize(
    "held",
    [
        check,
        check_decisions,
        check_events,
        check_imports,
        check_views,
        partial(check_reasons, provoked=PROVOKED),
    ],
    ids=["check", "decisions", "events", "imports", "views", "reasons"],
)
def test_a_sound_domain_passes(held: Callable[[Domain], None]) -> None:
    held(ours.SAVINGS)


def test_a_domain_is_checked_beside_the_shop_unless_it_is_served_without() -> None:
    domain = with_decider(category="order")
    assert 'The category "order" occurs 2 times; rename one decider\'s.' in found_by(check, domain)
    alone = savings_with(name="orders")
    check(alone, with_shop=False)
    assert found_by(check, alone) == ['The domain "orders" occurs 2 times; rename one.']


def test_a_domain_is_checked_with_those_that_it_needs() -> None:
    check(INVENTORY, ORDERS)
    check(ORDERS, INVENTORY, ours.SAVINGS)
    assert any("handles foldlog.orders.v1.OrderSubmitted" in line for line in found_by(check, INVENTORY))


def test_every_line_is_in_the_error_once() -> None:
    assert found_by(check, savings_with(name="No"), savings_with(name="No"))[:2] == [
        "'No' is no name of a domain. Use lower case letters, digits and underscores.",
        'The domain "No" occurs 2 times; rename one.',
    ]


# Decisions


def deciding(command: Any, state: Any) -> Sequence[Any]:
    """Lacks the case of Close, which only an open account comes to."""
    match command:
        case pb.Open():
            return [pb.Opened(owner=command.owner)]
        case _ if not state.owner:
            raise ours.refuse(1, "There is no such account.")
        case pb.Deposit(cents=cents):
            return [pb.Deposited(cents=cents)]
    return None  # type: ignore[return-value]


def never_closing(command: Any, state: Any) -> Sequence[Any]:
    if isinstance(command, pb.Close) and state.owner:
        raise AssertionError("never")
    return []


def looking_up(command: Any, state: Any) -> Sequence[Any]:
    return [{}[command.account_id]] if isinstance(command, pb.Close) else []


def unknown(command: Any, state: Any) -> Sequence[Any]:
    return [pb.Credited()] if isinstance(command, pb.Deposit) else []


def forgetting(state: Any, event: Any) -> Any:
    return None if isinstance(event, pb.Closed) else ours.evolve(state, event)


def asserting(state: Any, event: Any) -> Any:
    if isinstance(event, pb.Closed):
        raise AssertionError("no\ncase")
    return ours.evolve(state, event)


def impossible(state: Any, event: Any) -> Any:
    if isinstance(event, pb.Closed):
        raise KeyError("no such account")
    return ours.evolve(state, event)


_CLOSE = "`decide` of the decider account, given savings.v1.Close,"
_CLOSED = "`evolve` of the decider account, given savings.v1.Closed,"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"decide": deciding}, f"{_CLOSE} returns None, and not a list of events. Add its case."),
        (
            {"decide": never_closing},
            f"{_CLOSE} raises AssertionError: never. Add its case; if no such command can come, give one that can.",
        ),
        (
            {"decide": looking_up},
            f"{_CLOSE} raises KeyError: '1'. Add its case; if no such command can come, give one that can.",
        ),
        (
            {"decide": unknown},
            "`decide` of the decider account, given savings.v1.Deposit, returns a Credited, which `evolve` is not "
            "annotated with. Add it there.",
        ),
        ({"evolve": forgetting}, f"{_CLOSED} returns None, and not a State. Add its case."),
        ({"evolve": asserting}, f"{_CLOSED} raises AssertionError: no case. Add its case."),
    ],
    ids=[
        "no case",
        "assert_never",
        "on the initial state",
        "unknown",
        "no event's case",
        "no event's assertion",
    ],
)
def test_a_missing_case_is_found(changes: dict[str, Any], said: str) -> None:
    assert found_by(check_decisions, with_decider(**changes)) == [said]


def test_an_event_that_cannot_happen_yet_may_fail() -> None:
    check_decisions(with_decider(evolve=impossible))


def test_a_command_can_be_given_that_can_come() -> None:
    def choosy(command: Any, state: Any) -> Sequence[Any]:
        return [pb.Deposited(cents=1 // (command.cents - 1))] if isinstance(command, pb.Deposit) else []

    assert len(found_by(check_decisions, with_decider(decide=choosy))) == 1
    check_decisions(with_decider(decide=choosy), pb.Deposit(cents=7))


# Events


def test_an_event_that_no_decider_knows_is_found() -> None:
    file = Changed()
    file.proto.message_type.add(name="Frozen")
    assert found_by(check_events, savings_with(protos=(file.module(),))) == [
        "savings.v1.Frozen is used by nothing. If it is an event, name it in the annotation of a decider's evolve; "
        "if it was one, give it an upcaster; if it is neither, remove it."
    ]


def test_an_event_that_has_lost_its_upcaster_is_found() -> None:
    [line] = found_by(check_events, savings_with(upcasters=()))
    assert line.startswith("savings.v1.Credited is used by nothing.")


def test_a_message_within_a_message_is_used_if_a_field_is_of_it() -> None:
    file = Changed()
    step = file.message("Step")
    step.nested_type.add(name="Limit")
    file.add("Step", "limit", ".savings.v1.Step.Limit")
    step.nested_type.add(name="Left")
    [line] = found_by(check_events, savings_with(protos=(file.module(),)))
    assert line.startswith("savings.v1.Step.Left is used by nothing.")


def test_what_only_a_view_or_a_rendering_has_is_used() -> None:
    file = Changed()
    file.proto.message_type.add(name="Summary")
    module = file.module()
    summary = message(module, "Summary")
    view = replace(ours.OWNERS, collections={**ours.OWNERS.collections, "summaries": summary})
    check_events(savings_with(protos=(module,), views=(ours.SAVINGS.views[0], view)))


def test_what_only_a_decider_has_is_used() -> None:
    file = Changed()
    file.proto.message_type.add(name="Summary")
    module = file.module()
    summary = message(module, "Summary")

    def render(id: str, version: int, state: Any) -> Any:
        return None

    render.__annotations__["return"] = summary
    decider = replace(ours.ACCOUNT, render=render)
    check_events(savings_with(protos=(module,), deciders=(decider,), views=(ours.OWNERS,)))
    with pytest.raises(AssertionError, match=r"savings\.v1\.Summary is used by nothing"):
        check_events(savings_with(protos=(module,), views=(ours.OWNERS,)))


# Reasons


def test_every_reason_is_provoked_but_for_what_queries_refuse() -> None:
    check_reasons(ours.SAVINGS, ["NOT_EMPTY"])
    assert found_by(check_reasons, ours.SAVINGS, []) == [
        "NOT_EMPTY is provoked by no test. Write one, or remove it."
    ]


def test_refusals_are_taken_as_well_as_names() -> None:
    check_reasons(ours.SAVINGS, [ours.refuse(3, "Empty it first."), "ACCOUNT_NOT_FOUND"])


def test_a_name_that_is_no_reason_is_found() -> None:
    assert found_by(check_reasons, ours.SAVINGS, ["NOT_EMPTY", "EMPTY"]) == [
        "EMPTY is no reason of the catalogue. Correct the name."
    ]


def test_a_reason_without_an_entry_is_found() -> None:
    file = Changed()
    file.proto.enum_type[0].value[3].options.Clear()
    [line] = found_by(check_reasons, savings_with(protos=(file.module(),)), ["NOT_EMPTY"])
    assert line.startswith(
        "savings.v1.ErrorReason.ERROR_REASON_NOT_EMPTY lacks its code, its cause, its action"
    )


# Views


def no_case(recorded: Any) -> Any:
    return None


def unreachable(key: Any, document: Any, recorded: Any) -> Any:
    raise AssertionError("Expected code to be unreachable")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"keys": no_case},
            "`keys` of the view {}, given {}, returns None, and not a list of keys. Add its case.",
        ),
        (
            {"evolve": unreachable},
            "The view {}, given {}, raises AssertionError: Expected code to be unreachable. Add its case.",
        ),
    ],
)
def test_a_case_that_a_view_lacks_is_found(change: dict[str, Any], said: str) -> None:
    view = ours.SAVINGS.views[-1]
    lacking = replace(ours.SAVINGS, views=(replace(view, **change),))
    names = [event.DESCRIPTOR.full_name for event in view.events]
    assert found_by(check_views, lacking) == [said.format(view.name, name) for name in names]


def test_a_state_that_is_changed_in_place_is_found() -> None:
    assert any("changes the state that it is given" in line for line in found_by(check_decisions, in_place()))


def in_place() -> Domain:
    class Shared(NamedTuple):
        owners: dict[str, str]

    def evolve(state: Any, event: Any) -> Any:
        state.owners[type(event).__name__] = "Ada"
        return state

    account = replace(ours.ACCOUNT, initial=Shared({}), evolve=evolve, decide=lambda _, __: [])
    domain: Domain = replace(ours.SAVINGS, deciders=(account,))
    return domain
