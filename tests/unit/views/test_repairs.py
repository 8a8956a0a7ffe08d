"""Views that are damaged are built anew without anybody's help, and what fails is tried again ever more rarely."""

import asyncio
import logging
from typing import Any

import pytest

from foldlog_server.domain.view import AnyView
from foldlog_server.views import repairs
from foldlog_server.views.read_model import ReadModelDamaged, ReadModelUnavailable
from foldlog_server.views.rebuilds import BuildFailed
from foldlog_server.views.repairs import Repairs
from tests.support.dict_read_model import DictReadModel
from tests.support.manual_timer import settle
from tests.support.order_counts import ORDERS, added, created, replay
from tests.unit.views.test_rebuilds import VIEW, Setting

DAMAGE = ReadModelDamaged("a page is another one")


class Looked(Setting):
    """A view that is looked after."""

    def __init__(self) -> None:
        super().__init__()
        self.well: dict[str, bool] = {}
        self.repairs = Repairs(self.projectors, self.rebuilds, self.well.__setitem__, timer=self.timer)

    async def look(self) -> None:
        await self.timer.advance(1)
        await settle()


async def test_damage_that_nobody_reads_is_found_and_cured(caplog: pytest.LogCaptureFixture) -> None:
    setting = Looked()
    setting.log.add("order-1", created(), added())
    async with setting.running():
        setting.repairs.start()
        await setting.look()
        assert setting.well == {VIEW: True, "other": True}
        assert not setting.builder.builds
        setting.former.damage = DAMAGE
        with caplog.at_level(logging.ERROR):
            await setting.look()
            await setting.look()
        [record] = caplog.records
        assert "is damaged at position 2: a page is another one. " in record.message
        assert record.exc_info is None
        assert setting.well == {VIEW: False, "other": True}
        assert len(setting.builder.builds) == 1
        new = await setting.built(2)
        await setting.look()
        assert setting.answers is new
        assert setting.well == {VIEW: True, "other": True}
        setting.log.add("order-1", added())
        await setting.look()
        assert new.rows == replay(setting.log.events)
        await setting.repairs.stop()


async def test_damage_that_a_reader_or_the_writer_meets_is_seen_to_at_once() -> None:
    setting = Looked()
    async with setting.running():
        setting.repairs.start()
        await settle()
        setting.former.damage = DAMAGE
        setting.log.add("order-1", created())
        await setting.timer.advance(0.1)
        await settle()
        assert setting.projector.damage == "a page is another one"
        assert setting.projector.failed is None
        assert len(setting.builder.builds) == 1
        await setting.repairs.stop()


async def test_who_waits_for_a_damaged_view_is_served_by_the_one_that_takes_its_place() -> None:
    setting = Looked()
    async with setting.running():
        setting.repairs.start()
        await settle()
        waiting = asyncio.create_task(setting.projector.wait_for(1, 60))
        await settle()
        setting.former.damage = DAMAGE
        setting.log.add("order-1", created())
        await setting.timer.advance(0.1)
        await settle()
        assert not waiting.done()
        await setting.built(1)
        assert waiting.result() is True
        await setting.repairs.stop()


async def test_what_fails_is_tried_again_after_pauses_that_grow_and_is_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repairs, "LONGEST_PAUSE", 8.0)
    setting = Looked()
    async with setting.running():
        setting.repairs.start()
        setting.former.damage = DAMAGE
        await setting.look()
        pauses: list[float] = []
        with caplog.at_level(logging.ERROR):
            for attempt in range(1, 7):
                assert len(setting.builder.builds) == attempt
                assert setting.repairs.next_attempt(VIEW) is None
                setting.builder.builds[-1].done.set_exception(BuildFailed("no room"))
                await setting.look()
                pause = setting.repairs.next_attempt(VIEW)
                assert pause is not None
                pauses.append(pause)
                assert setting.rebuilds.failure(VIEW) == "no room"
                while len(setting.builder.builds) == attempt:
                    await setting.look()
        assert pauses == [1, 2, 4, 8, 8, 8]
        assert len([record for record in caplog.records if "could not be rebuilt" in record.message]) == 1
        await setting.built(0)
        await setting.look()
        assert setting.repairs.next_attempt(VIEW) is None
        assert setting.rebuilds.failure(VIEW) == ""
        await setting.repairs.stop()


async def test_one_that_can_no_longer_be_written_answers_until_another_takes_its_place() -> None:
    setting = Looked()
    async with setting.running():
        setting.repairs.start()
        await setting.look()
        setting.former.unavailable = ReadModelUnavailable("it is read-only", needs_another=True)
        setting.log.add("order-1", created())
        await setting.look()
        await setting.look()
        assert setting.projector.hindrance == "it is read-only"
        assert not setting.projector.damage
        assert setting.well[VIEW] is False
        assert setting.answers is setting.former
        assert len(setting.builder.builds) == 1
        new = await setting.built(1)
        await setting.look()
        assert setting.answers is new
        assert setting.well[VIEW] is True
        await setting.repairs.stop()


async def test_a_build_that_cannot_even_begin_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Looked()

    def refuse(view: AnyView) -> None:
        raise OSError("no room")

    async with setting.running():
        monkeypatch.setattr(setting.builder, "prepare", refuse)
        setting.repairs.start()
        setting.former.damage = DAMAGE
        await setting.look()
        assert setting.repairs.next_attempt(VIEW) is not None
        assert setting.rebuilds.failure(VIEW) == "OSError: no room"
        monkeypatch.undo()
        await setting.look()
        await setting.look()
        assert len(setting.builder.builds) == 1
        await setting.built(0)
        assert setting.projectors.of(ORDERS).damage == ""
        await setting.repairs.stop()


async def test_new_documents_that_are_not_where_they_were_made_do_not_answer() -> None:
    setting = Looked()
    async with setting.running():
        setting.rebuilds.start(VIEW)
        await settle()
        model: Any = await _built_damaged(setting)
        assert setting.answers is setting.former
        assert model.became == ["complete", "discarded"]
        assert setting.rebuilds.failure(VIEW) == "ReadModelDamaged: a page is another one"


async def _built_damaged(setting: Looked) -> Any:
    model = DictReadModel()
    model.damage = DAMAGE
    setting.builder.builds[-1].done.set_result(model)
    await settle()
    return model


async def test_a_view_that_cannot_be_looked_at_for_a_while_is_looked_at_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = Looked()
    setting.log.add("order-1", created())

    def hindered() -> None:
        raise ReadModelUnavailable("no more files can be opened")

    async with setting.running():
        setting.repairs.start()
        with monkeypatch.context() as patch:
            patch.setattr(setting.former, "check", hindered)
            await setting.look()
            await setting.look()
        assert (
            caplog.text.count("cannot be checked and repaired, which is retried: ReadModelUnavailable") == 1
        )
        setting.former.damage = DAMAGE
        await setting.look()
        assert len(setting.builder.builds) == 1
        await setting.built(1)
        await setting.look()
        assert setting.well == {VIEW: True, "other": True}
        await setting.repairs.stop()
