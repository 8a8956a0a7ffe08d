"""A view that is built anew answers from what it had until the new documents are as far, and then from those."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from foldlog_server.domain.view import AnyView, Key
from foldlog_server.log.events import AnyRecordedEvent
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import ReadModel
from foldlog_server.views.rebuilds import BuildFailed, Progress, Rebuilds
from foldlog_server.views.registry import ViewRegistry
from tests.support.dict_read_model import DictReadModel
from tests.support.list_log import ListLog
from tests.support.manual_timer import ManualTimer, settle
from tests.support.order_counts import ORDER_COUNTS, ORDERS, added, created, replay

VIEW = ORDER_COUNTS.name
OTHER = replace(
    ORDER_COUNTS, name="other", collections={"other": ORDER_COUNTS.collections[ORDERS]}, events=()
)


@dataclass
class Building:
    """One build that a test brings to its end."""

    view: AnyView
    tell: Callable[[Progress], None]
    done: "asyncio.Future[Any]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class ManualBuilder:
    """Builds nothing by itself."""

    def __init__(self) -> None:
        self.prepared: list[str] = []
        self.builds: list[Building] = []

    def prepare(self, view: AnyView) -> None:
        self.prepared.append(view.name)

    async def build(self, view: AnyView, tell: Callable[[Progress], None]) -> ReadModel:
        building = Building(view, tell)
        self.builds.append(building)
        model: ReadModel = await building.done
        return model


class Setting:
    """A log, two views of it, and what rebuilds them."""

    def __init__(self, *, follows: bool = True, view: AnyView = ORDER_COUNTS) -> None:
        self.log = ListLog()
        self.timer = ManualTimer()
        self.former = DictReadModel()
        self.view = view
        former: Any = self.former
        other: Any = DictReadModel()
        self.projector = Projector(view, former, follows=follows, timer=self.timer)
        others = Projector(OTHER, other, timer=self.timer)
        self.projectors = ViewRegistry([self.projector, others], self.log, timer=self.timer)
        self.builder = ManualBuilder()
        self.rebuilds = Rebuilds(self.projectors, self.builder, timer=self.timer)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.projectors.start()
        await settle()
        try:
            async with asyncio.timeout(10):
                yield
        finally:
            await self.rebuilds.stop()
            await self.projectors.stop()

    async def built(self, position: int) -> DictReadModel:
        """The last build begun comes to its end, with documents of the log up to a position."""
        model = DictReadModel()
        model.rows = dict(replay(self.log.events[:position]))
        model.stored = position
        self.builder.builds[-1].done.set_result(model)
        await settle()
        return model

    @property
    def answers(self) -> Any:
        """What is answered from."""
        return self.projectors.of(ORDERS).read_model


async def test_the_new_documents_answer_when_they_are_as_far_and_not_before() -> None:
    setting = Setting()
    setting.log.add("order-1", created(), added())
    async with setting.running():
        setting.rebuilds.start(VIEW)
        await settle()
        assert setting.answers is setting.former
        new = await setting.built(1)
        await setting.timer.advance(1)
        assert setting.answers is new
        assert new.position == 2
        assert new.rows == replay(setting.log.events)
        assert (new.became, setting.former.became) == (["complete"], ["discarded"])
        assert setting.rebuilds.progress(VIEW) is None
        assert not setting.rebuilds.failure(VIEW)
        setting.log.add("order-1", added())
        await setting.timer.advance(1)
        assert (new.position, setting.former.position) == (3, 2)
        assert new.rows == replay(setting.log.events)
    assert new.became == ["complete", "closed"]
    assert setting.former.became == ["discarded"]


async def test_the_former_documents_answer_while_the_new_ones_are_behind() -> None:
    setting = Setting()
    setting.log.add("order-1", created(), added())
    async with setting.running():
        setting.rebuilds.start(VIEW)
        await settle()
        model = DictReadModel()
        model.gate.clear()
        setting.builder.builds[0].done.set_result(model)
        await setting.timer.advance(1)
        assert setting.answers is setting.former
        model.gate.set()
        await setting.timer.advance(1)
        assert setting.answers is model


async def test_what_the_former_documents_have_seen_meanwhile_the_new_ones_see_before_they_answer() -> None:
    setting = Setting()
    setting.log.add("order-1", created())
    async with setting.running():
        setting.rebuilds.start(VIEW)
        await settle()
        model = DictReadModel()
        model.may_complete.clear()
        setting.builder.builds[0].done.set_result(model)
        await setting.timer.advance(1)
        assert model.position == 1
        model.gate.clear()
        setting.log.add("order-1", added())
        await setting.timer.advance(1)
        model.may_complete.set()
        await settle()
        assert setting.former.position == 2
        assert setting.answers is setting.former
        model.gate.set()
        await settle()
        assert setting.answers is model
        assert model.position == 2


async def test_who_waits_for_a_view_is_served_by_the_one_that_takes_its_place() -> None:
    setting = Setting(follows=False)
    setting.log.add("order-1", created(), added())
    async with setting.running():
        near = asyncio.create_task(setting.projector.wait_for(2, 60))
        far = asyncio.create_task(setting.projector.wait_for(3, 60))
        given_up = asyncio.create_task(setting.projector.wait_for(3, 60))
        setting.rebuilds.start(VIEW)
        await settle()
        assert not near.done()
        await setting.built(2)
        assert near.result() is True
        given_up.cancel()
        await settle()
        assert not far.done()
        setting.log.add("order-1", added())
        await settle()
        assert far.result() is True
        assert not setting.projectors.of(ORDERS).is_awaited


async def test_followers_of_the_former_hear_of_it() -> None:
    setting = Setting(follows=False)
    async with setting.running():
        moved = asyncio.create_task(setting.projector.moved())
        setting.rebuilds.start(VIEW)
        await settle()
        assert not moved.done()
        await setting.built(0)
        assert moved.done()


async def test_one_that_does_not_follow_stays_as_it_is() -> None:
    setting = Setting(follows=False)
    setting.log.add("order-1", created())
    async with setting.running():
        await setting.timer.advance(1)
        assert setting.former.position == 0
        assert setting.projectors.of("other").position == 1


async def test_what_is_discarded_is_not_written_any_more() -> None:
    setting = Setting()
    async with setting.running():
        setting.log.add("order-1", created())
        await settle()
        setting.log.add("order-1", added())
        setting.former.gate.clear()
        await setting.timer.advance(0.05)  # its batch is on its way
        setting.rebuilds.start(VIEW)
        await settle()
        new = await setting.built(2)
        assert setting.answers is new
        assert setting.former.became == []
        setting.former.gate.set()
        await settle()
        assert setting.former.became == ["discarded"]
        writes = len(setting.former.writes)
        setting.log.add("order-1", added())
        await setting.timer.advance(1)
        assert len(setting.former.writes) == writes
        assert new.rows == replay(setting.log.events)


async def test_a_server_that_stops_meanwhile_closes_what_is_no_longer_answered_from() -> None:
    setting = Setting()
    async with setting.running():
        setting.log.add("order-1", created())
        setting.former.gate.clear()
        await settle()
        setting.rebuilds.start(VIEW)
        await settle()
        new = await setting.built(1)
        assert setting.answers is new
    assert setting.former.became == ["closed"]
    assert new.became == ["complete", "closed"]


async def test_views_are_built_one_after_the_other_and_each_once() -> None:
    setting = Setting()
    async with setting.running():
        for name in (VIEW, "other", VIEW, "other"):
            setting.rebuilds.start(name)
        await settle()
        assert setting.builder.prepared == [VIEW, "other"]
        assert [build.view.name for build in setting.builder.builds] == [VIEW]
        assert setting.rebuilds.progress("other") == Progress(0, 0)
        setting.builder.builds[0].tell(Progress(5, 9))
        assert setting.rebuilds.progress(VIEW) == Progress(5, 9)
        await setting.built(0)
        assert [build.view.name for build in setting.builder.builds] == [VIEW, "other"]
        assert setting.rebuilds.progress(VIEW) is None
        setting.rebuilds.start(VIEW)
        await setting.built(0)
        assert [build.view.name for build in setting.builder.builds] == [VIEW, "other", VIEW]
    with pytest.raises(KeyError):
        setting.rebuilds.start("none")


async def test_a_view_that_cannot_be_built_goes_on_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    setting = Setting()
    async with setting.running():
        setting.rebuilds.start(VIEW)
        await settle()
        with caplog.at_level(logging.ERROR):
            setting.builder.builds[0].done.set_exception(BuildFailed("no such unit"))
            await settle()
        assert "order-counts could not be rebuilt" in caplog.text
        assert setting.rebuilds.failure(VIEW) == "no such unit"
        assert setting.rebuilds.progress(VIEW) is None
        setting.log.add("order-1", created())
        await setting.timer.advance(1)
        assert setting.answers is setting.former
        assert setting.former.position == 1
        assert setting.projector.failed is None
        setting.rebuilds.start(VIEW)
        assert not setting.rebuilds.failure(VIEW)
        await settle()
        await setting.built(1)
        assert not setting.rebuilds.failure(VIEW)


async def test_one_that_does_not_follow_and_cannot_be_built_has_stopped() -> None:
    setting = Setting(follows=False)
    setting.log.add("order-1", created())
    async with setting.running():
        waiting = asyncio.create_task(setting.projector.wait_for(1, 60))
        setting.rebuilds.start(VIEW)
        await settle()
        setting.builder.builds[0].done.set_exception(OSError("no room"))
        await settle()
        assert waiting.result() is False
        assert setting.rebuilds.failure(VIEW) == "OSError: no room"
        assert isinstance(setting.projector.failed, OSError)


def failing_at(position: int) -> AnyView:
    def keys(recorded: AnyRecordedEvent) -> Sequence[Key]:
        if recorded.position == position:
            raise ArithmeticError("no key")
        return list(ORDER_COUNTS.keys(recorded))

    return replace(ORDER_COUNTS, keys=keys)


async def test_new_documents_that_stop_on_their_way_do_not_answer() -> None:
    setting = Setting(view=failing_at(2), follows=False)
    setting.former.stored = 2
    setting.log.add("order-1", created(), added())
    async with setting.running():
        setting.rebuilds.start(VIEW)
        await settle()
        new = await setting.built(0)
        assert setting.answers is setting.former
        assert new.became == ["discarded"]
        assert "position 2" in setting.rebuilds.failure(VIEW)


async def test_a_view_that_has_stopped_goes_on_when_it_was_built_anew() -> None:
    view = failing_at(2)
    setting = Setting(view=view)
    setting.log.add("order-1", created(), added())
    async with setting.running():
        assert setting.projector.failed is not None
        setting.projector.view = ORDER_COUNTS  # the code is another by now
        setting.rebuilds.start(VIEW)
        await settle()
        new = await setting.built(1)
        assert setting.answers is new
        assert setting.projectors.of(ORDERS).failed is None
        assert await setting.projectors.of(ORDERS).wait_for(2, 1)


async def test_stopping_in_the_midst_of_it_keeps_what_was_built_for_the_next_start() -> None:
    setting = Setting()
    setting.log.add("order-1", created())
    async with setting.running():
        setting.rebuilds.start(VIEW)
        await settle()
        model = DictReadModel()
        model.gate.clear()
        setting.builder.builds[0].done.set_result(model)
        await settle()
        stopping = asyncio.create_task(setting.rebuilds.stop())
        await settle()
        model.gate.set()
        await stopping
        assert model.became == ["closed"]
        setting.log.add("order-1", added())
        await setting.timer.advance(1)
        assert (model.position, setting.former.position) == (1, 2)
        assert setting.answers is setting.former
    assert setting.former.became == ["closed"]
