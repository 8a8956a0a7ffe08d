"""What keeps domains from being served is found before anything is opened, all of it at once."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from foldlog.v1 import admin_service_pb2, money_pb2
from foldlog.v1.options_pb2 import CommandRoute, error
from foldlog.v1.options_pb2 import command as command_option
from foldlog.v1.options_pb2 import indexed as indexed_option
from foldlog_server.domain import Domain, RecordedEvent, Upcaster, View
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domains.fit import problems
from foldlog_server.domains.inventory import INVENTORY
from foldlog_server.domains.orders import ORDERS
from tests.support.savings.changed import Changed, message
from tests.support.savings.unfit import (
    BYTES,
    Case,
    case,
    check,
    ours,
    parametrized,
    proto,
    savings_with,
    with_view,
)

pb: Any = ours.savings_pb2
_LATEST = "savings.v1.Reports.GetLatest"


@pytest.mark.parametrize("domains", [[ours.SAVINGS], [ORDERS, INVENTORY], [ORDERS, INVENTORY, ours.SAVINGS]])
def test_nothing_is_wrong_with_what_fits(domains: Sequence[Domain]) -> None:
    assert problems(domains) == []


# The value


@parametrized(
    case(
        "a name that is no text",
        lambda: savings_with(name=3),
        "3 is no name of a domain. Use lower case letters, digits and underscores.",
    ),
    case(
        "a decider without a comma",
        lambda: savings_with(deciders=ours.ACCOUNT),
        "`deciders` of the domain savings is no tuple. Write `deciders=(…,)`, with its comma.",
    ),
    case(
        "a proto without a comma",
        lambda: savings_with(protos=pb),
        "`protos` of the domain savings is no tuple. Write `protos=(…,)`, with its comma.",
    ),
    case(
        "a module that is no proto's, and a view among the deciders",
        lambda: savings_with(protos=(partial,), deciders=(ours.OWNERS.__class__,), views=("owners",)),
        f"`protos` of the domain savings has {partial!r}, which is no generated module of a proto. Give its "
        "module that ends in _pb2.",
        "`deciders` of the domain savings has <class 'foldlog_server.domain.view.View'>, which is no Decider.",
        "`views` of the domain savings has 'owners', which is no View.",
    ),
    case(
        "a pair instead of an upcaster",
        lambda: savings_with(upcasters=[(pb.Credited, pb.Deposited)]),
        f"`upcasters` of the domain savings has {(pb.Credited, pb.Deposited)!r}, which is no Upcaster.",
    ),
    case(
        "a name with a capital",
        lambda: savings_with(name="Savings"),
        "'Savings' is no name of a domain. Use lower case letters, digits and underscores.",
    ),
    case(
        "a proto without a service",
        lambda: savings_with(protos=(money_pb2,)),
        "The domain savings has no service. List in `protos` the module that declares it.",
    ),
    case(
        "the same domain by two values",
        lambda: savings_with(),
        'The domain "savings" occurs 2 times; rename one.',
        'The service "savings.v1.Accounts" occurs 2 times; list its proto in one domain alone, and once.',
        'The service "savings.v1.Reports" occurs 2 times; list its proto in one domain alone, and once.',
        'The category "account" occurs 2 times; rename one decider\'s.',
        'The view "accounts" occurs 2 times; rename one.',
        'The view "owners" occurs 2 times; rename one.',
        'The collection "accounts" occurs 2 times; rename one.',
        'The collection "owners" occurs 2 times; rename one.',
        'The collection "accounts-of-owners" occurs 2 times; rename one.',
        beside=[savings_with()],
    ),
    case(
        "a service of Foldlog's own",
        lambda: savings_with(protos=(pb, admin_service_pb2)),
        *(
            f"{method.full_name} has no route. Give it the option foldlog.v1.command or foldlog.v1.query, "
            "which say what it is decided on or answered from."
            for method in admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"].methods
        ),
    ),
)
def test_the_parts_of_a_domain_are_what_they_are_called(case: Case) -> None:
    check(case)


# Views and upcasters


def keys_of(recorded: Any) -> Iterator[Any]:
    yield from ()


def evolve_credited(key: Any, document: Any, recorded: "RecordedEvent[pb.Credited]") -> Any:
    return document


def evolve_unknown(key: Any, document: Any, recorded: "RecordedEvent[pb.Owner]") -> Any:
    return document


async def evolve_later(key: Any, document: Any, recorded: "RecordedEvent[pb.Opened]") -> Any:
    return document


def _with_bytes() -> Domain:
    file = Changed()
    file.add("Account", "photo", type=BYTES).options.Extensions[indexed_option] = True
    accounts, owners = ours.SAVINGS.views
    documents = {"accounts": message(file.module(), "Account")}
    return savings_with(views=(replace(accounts, collections=documents), owners))


_VIEWS = "no view has a collection"


@parametrized(
    case("keys that are yielded", lambda: with_view(keys=keys_of)),
    case(
        "a name that is no file's",
        lambda: with_view(name="Owners_of"),
        '"Owners_of" is no name of a view. Use lower case letters and digits, with single dashes, 100 at most.',
    ),
    case(
        "a name that is too long",
        lambda: with_view(name="x" * 101),
        f'"{"x" * 101}" is no name of a view. Use lower case letters and digits, with single dashes, 100 at '
        "most.",
    ),
    case(
        "no collection",
        lambda: with_view(collections={}),
        "The view owners has no collection. Name the message of its documents in `collections`.",
        f'savings.v1.Reports.GetOwner: {_VIEWS} "accounts-of-owners" (there are: accounts); add a view, or '
        "correct the name.",
        f'savings.v1.Reports.GetOwner: {_VIEWS} "owners" (there are: accounts); add a view, or correct the '
        "name.",
    ),
    case(
        "a document that is no message",
        lambda: with_view(collections={**ours.OWNERS.collections, "more": dict}),
        "The collection \"more\" is of <class 'dict'>, which is no message class.",
    ),
    case(
        "a coroutine",
        lambda: with_view(evolve=evolve_later),
        "`evolve` of the view owners is a coroutine. Make it a plain function: `def`, and nothing awaited.",
    ),
    case(
        "keys of nothing",
        lambda: with_view(keys=lambda: ()),
        "`keys` of the view owners cannot be called with (recorded): too many positional arguments. Correct its "
        "parameters.",
    ),
    case(
        "an event that is upcast",
        lambda: with_view(evolve=evolve_credited, events=(pb.Credited,)),
        "The view owners handles savings.v1.Credited, which is upcast. Let it handle savings.v1.Deposited "
        "instead.",
    ),
    case(
        "an event that nobody knows",
        lambda: with_view(evolve=evolve_unknown, events=(pb.Owner,)),
        "The view owners handles savings.v1.Owner, which no decider knows. Add it to the annotation of a "
        "decider's evolve, or take it out of the view's.",
    ),
    case(
        "an index of bytes",
        _with_bytes,
        "The view accounts cannot be indexed: savings.v1.Account.photo cannot be indexed: expected one string, "
        "enum, bool, Timestamp or number of at most 63 bits.",
    ),
    case(
        "an upcaster that leads back",
        lambda: savings_with(
            upcasters=(
                Upcaster(pb.Credited, pb.Deposited, ours.today),
                Upcaster(pb.Deposited, pb.Credited, ours.today),
            )
        ),
        "Upcasters form a circle: savings.v1.Credited to savings.v1.Deposited to savings.v1.Credited. Remove one "
        "of them.",
    ),
    case(
        "an upcaster of what a decider knows, to what none knows",
        lambda: savings_with(upcasters=(Upcaster(pb.Opened, pb.Credited, ours.today),)),
        "savings.v1.Opened is upcast, so no decider is given it. Take it out of the events of its decider.",
        "savings.v1.Opened is upcast to savings.v1.Credited, which no decider knows. Add that to the annotation "
        "of the decider's evolve.",
        "The view accounts handles savings.v1.Opened, which is upcast. Let it handle savings.v1.Credited "
        "instead.",
        "The view owners handles savings.v1.Opened, which is upcast. Let it handle savings.v1.Credited instead.",
    ),
    case(
        "an upcaster of two parameters",
        lambda: savings_with(upcasters=(Upcaster(pb.Credited, pb.Deposited, ours.evolve),)),
        "`upcast` of the upcaster of savings.v1.Credited cannot be called with (message): missing a required "
        "argument: 'event'. Correct its parameters.",
    ),
)
def test_what_is_wrong_with_a_view_or_an_upcaster_is_said(case: Case) -> None:
    check(case)


# Methods


def _no_option(file: Changed) -> None:
    file.method("Deposit").options.Clear()


def _both_options(file: Changed) -> None:
    file.method("GetLatest").options.Extensions[command_option].CopyFrom(
        CommandRoute(category="account", streams="account_id")
    )


def _no_code(file: Changed) -> None:
    file.proto.enum_type[0].value[3].options.Extensions[error].ClearField("code")
    file.proto.enum_type[0].value[3].options.Extensions[error].ClearField("action")


def _not_found(file: Changed) -> None:
    file.query("GetLatest").not_found = "ERROR_REASON_ACCOUNT_NOT_FOUND"


def _no_reasons(file: Changed) -> None:
    file.proto.enum_type[0].name = "Reason"


_NO_REASONS = "savings.v1 has no enum ErrorReason; declare one, with an entry for `not_found`."


@parametrized(
    proto(
        "no option",
        _no_option,
        "savings.v1.Accounts.Deposit has no route. Give it the option foldlog.v1.command or foldlog.v1.query, "
        "which say what it is decided on or answered from.",
    ),
    proto(
        "both options",
        _both_options,
        "savings.v1.Reports.GetLatest is a command and a query. Keep one of the two options.",
    ),
    proto(
        "a command that its decider does not decide",
        lambda file: setattr(file.method("Open"), "input_type", ".savings.v1.GetAccountRequest"),
        "savings.v1.Accounts.Open: savings.v1.GetAccountRequest has no field `options` of type foldlog.v1."
        "CommandOptions; add `foldlog.v1.CommandOptions options = 15;`, or another number.",
        'savings.v1.Accounts.Open: the decider of "account" does not decide savings.v1.GetAccountRequest; add it '
        "to the decider's commands, with its case in `decide`.",
    ),
    proto(
        "a reason without a code and an action",
        _no_code,
        "savings.v1.ErrorReason.ERROR_REASON_NOT_EMPTY lacks its code, its action: give it an option such as "
        '[(foldlog.v1.error) = {code: CODE_FAILED_PRECONDITION cause: "…" action: "…"}].',
    ),
    proto(
        "a reason by its whole name",
        _not_found,
        f'{_LATEST}: "ERROR_REASON_ACCOUNT_NOT_FOUND" is no reason of savings.v1.ErrorReason; let `not_found` '
        "name one, without its prefix ERROR_REASON_.",
    ),
    proto(
        "no catalogue",
        _no_reasons,
        *(
            f"savings.v1.Reports.{name}: {_NO_REASONS}"
            for name in ("GetAccount", "GetLatest", "GetHistory", "GetSteps", "GetOwner")
        ),
    ),
)
def test_what_is_wrong_with_a_method_is_said(case: Case) -> None:
    check(case)


def test_a_proto_without_a_package_is_refused() -> None:
    file = Changed()
    file.proto.package = ""
    for one in file.proto.message_type:
        for inner in one.field:
            if inner.type_name:
                inner.type_name = inner.type_name.replace(".savings.v1.", ".")
    for service in file.proto.service:
        for method in service.method:
            method.input_type = method.input_type.replace(".savings.v1.", ".")
            method.output_type = method.output_type.replace(".savings.v1.", ".")
    found = problems([savings_with(protos=(file.module(),))])
    assert (
        found[0]
        == "savings/v1/savings.proto has no package, which errors and events are named by. Declare one."
    )


def test_everything_is_said_at_once() -> None:
    file = Changed()
    _no_option(file)
    _no_code(file)
    file.query("GetOwner").ClearField("id")
    decider: AnyDecider = replace(ours.ACCOUNT, decide=evolve_later)
    view: View[Any, Any] = replace(ours.OWNERS, name="Owners")
    domain = savings_with(name="!", protos=(file.module(),), deciders=(decider,), views=(view,))
    said = "\n".join(problems([domain, replace(ORDERS, name="!"), INVENTORY]))
    for part in (
        "'!' is no name of a domain",
        'The domain "!" occurs 2 times',
        "`decide` of the decider account is a coroutine",
        "`decide` of the decider account cannot be called",
        '"Owners" is no name of a view',
        'no view has a collection "accounts"',
        "Deposit has no route",
        "NOT_EMPTY lacks its code, its action",
        "GetOwner: it lists what belongs",
    ):
        assert part in said


def test_a_line_is_said_once_and_is_one_line() -> None:
    module = ModuleType("savings_pb2")
    found = problems([savings_with(protos=(module,)), savings_with(protos=(module,))])
    assert all("\n" not in line for line in found)
    assert len(found) == len(set(found))
