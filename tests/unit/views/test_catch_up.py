"""Views are moved up to a position and no further, batch by batch, and what stops them is raised."""

from dataclasses import replace
from typing import Any

import pytest

from foldlog_server.log.events import AnyRecordedEvent
from foldlog_server.views import catch_up as catching_up
from foldlog_server.views.batch import CannotApply
from foldlog_server.views.catch_up import catch_up
from foldlog_server.views.group import ProjectorGroup
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import ReadModelUnavailable
from tests.support.dict_read_model import DictReadModel
from tests.support.list_log import ListLog
from tests.support.order_counts import ORDER_COUNTS, created


def a_group(model: DictReadModel, view: Any = ORDER_COUNTS) -> ProjectorGroup:
    log, read_model = ListLog(), model  # type: Any, Any
    for number in range(9):
        log.add(f"order-{number}", created())
    return ProjectorGroup([Projector(view, read_model)], log)


async def test_it_yields_the_position_after_each_batch_and_ends_where_it_was_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catching_up, "BATCH_EVENTS", 3)
    model = DictReadModel()
    assert [position async for position in catch_up(a_group(model), 7)] == [3, 6, 7]
    assert model.position == 7


async def test_it_does_nothing_where_it_has_nothing_to_do() -> None:
    assert [position async for position in catch_up(a_group(DictReadModel()), 0)] == []


async def test_why_a_member_cannot_be_written_is_raised() -> None:
    model = DictReadModel()
    model.unavailable = ReadModelUnavailable("it is read-only")
    with pytest.raises(ReadModelUnavailable, match="it is read-only"):
        await anext(catch_up(a_group(model), 9))


async def test_an_event_that_stops_the_view_is_raised_after_those_before_it() -> None:
    def keys(recorded: AnyRecordedEvent) -> Any:
        return ORDER_COUNTS.keys(recorded) if recorded.position < 5 else 1 / 0

    model = DictReadModel()
    with pytest.raises(CannotApply, match="position 5 "):
        await anext(catch_up(a_group(model, replace(ORDER_COUNTS, keys=keys)), 9))
    assert model.position == 4
