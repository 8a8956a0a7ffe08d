"""`latest` keeps each aggregate's latest state behind what the decider renders, whatever the state is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum, IntEnum
from functools import partial
from typing import Any, NamedTuple

import pytest

from foldlog_server.domain import Decider, Key, latest
from foldlog_server.domain.latest import without_state
from foldlog_server.domain.testing import ViewScenario
from foldlog_server.domain.view import DocumentMissing
from foldlog_server.log.codec import Codec
from foldlog_server.views.definition import generation
from foldlog_server.views.projector import Projector
from foldlog_server.views.scheduler import Scheduler
from tests.support.dict_read_model import DictReadModel
from tests.support.list_log import ListLog
from tests.support.manual_timer import ManualTimer, settle
from tests.support.savings.unfit import ours

pb: Any = ours.savings_pb2
Account: Any = pb.Account
OPENED = pb.Opened(owner="Ada")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Line(NamedTuple):
    name: str
    amount: int
    inner: "Inner | None" = None


class Inner(NamedTuple):
    colours: tuple[Colour, ...] = ()


class Rich(NamedTuple):
    number: int = 0
    text: str = ""
    flag: bool = False
    colour: Colour | None = None
    size: Size = Size.SMALL
    lines: tuple[Line, ...] = ()
    by_name: Mapping[str, Line] = {}
    by_number: Mapping[int, str] = {}


def rich(state: Rich, event: Any) -> Rich:
    """Everything changes with every event, and depends on what was."""
    if isinstance(event, pb.Opened):
        return state._replace(text=event.owner, colour=Colour.BLUE, size=Size.LARGE)
    amount = state.number * event.cents + event.cents
    line = Line(f"n{event.cents}", amount, Inner((Colour.RED, Colour.BLUE)))
    return state._replace(
        number=amount,
        flag=not state.flag,
        lines=(*state.lines, line),
        by_name={**state.by_name, line.name: line},
        by_number={**state.by_number, event.cents: line.name},
    )


def shown(id: str, version: int, state: Rich) -> Any:
    return Account(account_id=id, owner=f"{state}", cents=version)


shown.__annotations__["return"] = Account | None


def decider_of(**changes: Any) -> Decider[Any, Any, Any]:
    decider: Any = Decider(
        "account",
        Rich(),
        ours.decide,
        rich,
        shown,
        commands=(pb.Open,),
        events=(pb.Opened, pb.Deposited),
    )
    changed: Decider[Any, Any, Any] = replace(decider, **changes)
    return changed


def folded(decider: Decider[Any, Any, Any], events: Sequence[Any], id: str = "1") -> Any:
    state = decider.initial
    for event in events:
        state = decider.evolve(state, event)
    return decider.render(id, len(events), state)


@pytest.mark.parametrize("cents", [1, 2**62, -(2**63)])
def test_a_document_is_what_the_decider_renders_of_all_events(cents: int) -> None:
    """After each of them: numbers beyond 64 bits, enums, mappings and tuples in tuples come back as they were."""
    decider = decider_of()
    view, events = ViewScenario(latest("accounts", decider)), [OPENED]
    view.given("account-1", OPENED)
    for number in range(12):
        events.append(pb.Deposited(cents=cents - number if cents > 0 else cents + number))
        view.given("account-1", events[-1])
        assert view.document("accounts", "1") == folded(decider, events)


def test_aggregates_do_not_share_a_state() -> None:
    decider = decider_of()
    view = ViewScenario(latest("accounts", decider))
    view.given("account-1", OPENED)
    view.given("account-2", pb.Opened(owner="Eve"), pb.Deposited(cents=3))
    view.given("account-1", pb.Deposited(cents=7))
    assert view.document("accounts", "1") == folded(decider, [OPENED, pb.Deposited(cents=7)])
    assert view.ids("accounts") == ["1", "2"]


def test_another_category_may_have_the_same_events() -> None:
    view = ViewScenario(latest("accounts", decider_of()))
    view.given("card-1", OPENED)
    view.given("account", OPENED)
    view.given("account-card-1", OPENED)
    assert view.ids("accounts") == ["", "card-1"]


@pytest.mark.parametrize("size", [100, 300, 70_000, 3_000_000])
def test_a_state_may_be_large(size: int) -> None:
    decider = decider_of()
    view = ViewScenario(latest("accounts", decider))
    events = [pb.Opened(owner="x" * size), pb.Deposited(cents=1)]
    view.given("account-1", *events)
    assert view.document("accounts", "1") == folded(decider, events)


def test_what_is_answered_has_no_state_and_is_byte_for_byte_what_was_rendered() -> None:
    view = latest("accounts", decider_of())
    recorded = ViewScenario(view).record("account-1", OPENED)
    document: Any = view.evolve(Key("accounts", "1"), None, recorded)
    answered = view.answered
    assert answered is not None
    assert answered(document.SerializeToString()) == folded(decider_of(), [OPENED]).SerializeToString()
    assert len(document.SerializeToString()) > len(answered(document.SerializeToString()))


def test_a_document_of_fields_that_end_alike_is_told_from_its_state() -> None:
    """The rendered text ends in what looks like the state's own end."""
    tail = b"\xfa\xe1\x09\x01A\x00\x00\x00\x07".decode("latin-1")
    decider = decider_of(render=_rendering(Account(owner=tail)))
    view = ViewScenario(latest("accounts", decider))
    view.given("account-1", OPENED, pb.Deposited(cents=1))
    assert view.document("accounts", "1") == Account(owner=tail)


def _rendering(document: Any) -> Any:
    def render(id: str, version: int, state: Any) -> Any:
        return document

    render.__annotations__["return"] = Account
    return render


def test_one_message_may_be_rendered_again_and_again() -> None:
    """What is rendered stays as it is: a state is not added to a constant."""
    constant = Account(owner="closed")
    view = ViewScenario(latest("accounts", decider_of(render=_rendering(constant))))
    view.given("account-1", OPENED, *[pb.Deposited(cents=1)] * 3)
    assert constant == Account(owner="closed")
    assert view.document("accounts", "1") == constant


def test_an_empty_message_is_a_document() -> None:
    view = ViewScenario(latest("accounts", decider_of(render=_rendering(Account()))))
    view.given("account-1", OPENED, pb.Deposited(cents=1))
    assert view.document("accounts", "1") == Account()


def test_what_is_no_longer_rendered_is_deleted_and_does_not_come_back() -> None:
    accounts = ViewScenario(ours.SAVINGS.views[0])
    accounts.given("account-1", OPENED, pb.Closed())
    assert accounts.document("accounts", "1") is None
    with pytest.raises(DocumentMissing):
        accounts.given("account-1", OPENED)


def test_bytes_without_a_state_are_refused() -> None:
    with pytest.raises(ValueError, match="something else than a state"):
        without_state(Account(owner="Ada" * 9).SerializeToString())


def test_what_the_documents_depend_on_is_in_the_definition() -> None:
    first = generation(latest("accounts", decider_of()))
    others = [
        latest("accounts", decider_of(), revision=2),
        latest("accounts", decider_of(revision=2)),
        latest("others", decider_of()),
        latest("accounts", decider_of(initial=ours.State())),
        latest("accounts", decider_of(events=(pb.Opened,))),
    ]
    assert generation(latest("accounts", decider_of())) == first
    assert len({first, *map(generation, others)}) == 6


def test_a_decider_has_to_say_what_it_renders() -> None:
    with pytest.raises(TypeError, match="needs an annotation of what it returns"):
        latest("accounts", decider_of(render=lambda id, version, state: None))


def test_a_state_that_cannot_be_kept_is_refused() -> None:
    class Floating(NamedTuple):
        number: float = 0.0

    with pytest.raises(TypeError, match="is a float"):
        latest("accounts", decider_of(initial=Floating()))


# Parked


async def test_a_parked_document_waits_and_is_made_of_all_events_once_the_cause_is_cured() -> None:
    broken = True

    def evolve(state: Rich, event: Any) -> Rich:
        if broken and isinstance(event, pb.Deposited) and event.cents == 2:
            raise ArithmeticError("two")
        return rich(state, event)

    decider = decider_of(evolve=evolve)
    events = [OPENED, *(pb.Deposited(cents=cents) for cents in (1, 2, 3))]
    log, model = ListLog(), DictReadModel()
    read_model: Any = model
    projector = Projector(latest("accounts", decider), read_model, timer=ManualTimer())
    log.add("account-1", *events)
    log.add("account-2", OPENED)
    await _follow(projector, log)
    key = Key("accounts", "1")
    assert [model.parked["accounts"]["1"].position] == [3]
    assert _document(model, key) == folded(decider, events[:2])
    assert _document(model, Key("accounts", "2")) == folded(decider, [OPENED], "2")
    broken = False
    codec = Codec(decider.events)
    waiting = [codec.decode(event) for event in log.events[2:4]]
    batch = projector.begin(partial(iter, waiting), retried=key)
    batch.apply([(recorded, (key,)) for recorded in waiting])
    [change] = batch.changes([key])
    assert change.document is not None
    assert Account.FromString(without_state(change.document)) == folded(decider, events)


async def _follow(projector: Projector, log: Any) -> None:
    scheduler = Scheduler([projector], log, timer=ManualTimer())
    scheduler.start()
    await settle()
    await scheduler.stop()


def _document(model: DictReadModel, key: Key) -> Any:
    return Account.FromString(without_state(model.rows[key][1]))


@pytest.mark.parametrize("batch", [1, 3, 100])
async def test_batches_of_any_size_make_the_same(batch: int) -> None:
    decider = decider_of()
    events = [OPENED, *(pb.Deposited(cents=cents) for cents in range(20))]
    log, model = ListLog(), DictReadModel()
    read_model: Any = model
    projector = Projector(latest("accounts", decider), read_model, timer=ManualTimer())
    log.add("account-1", *events)
    codec = Codec(decider.events)
    recorded = [codec.decode(event) for event in log.events]
    for start in range(0, len(recorded), batch):
        some = recorded[start : start + batch]
        view_batch = projector.begin(partial(iter, some))
        for _, touches in view_batch.touches(some):
            view_batch.apply(touches)
        for change in view_batch.changes(view_batch.touched):
            assert change.document is not None
            model.rows[change.key] = (1, change.document)
    assert _document(model, Key("accounts", "1")) == folded(decider, events)
