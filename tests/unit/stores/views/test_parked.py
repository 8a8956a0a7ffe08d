"""A document whose event its view cannot apply waits alone, is marked, and is retried in order later."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from foldlog_server.domain.view import AnyView, Key
from foldlog_server.log.events import AnyRecordedEvent
from foldlog_server.stores.views import read_model, view_files
from foldlog_server.stores.views.read_model import SqliteReadModel
from foldlog_server.stores.writer_thread import WriterThread
from foldlog_server.views import retry_parked
from foldlog_server.views.batch import LONGEST_ERROR, SLICE
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import Checkpoint, Parked, ParkedEvent, ReadModelUnavailable
from foldlog_server.views.scheduler import Scheduler
from tests.support.faults import sqlite_error
from tests.support.list_log import ListLog
from tests.support.order_counts import (
    CODEC,
    CUSTOMERS,
    ORDER_COUNTS,
    ORDERS,
    added,
    cancelled,
    created,
    replay,
)

Rows = Mapping[Key, tuple[int, bytes]]

ORDER_1, CUSTOMER = Key(ORDERS, "1"), Key(CUSTOMERS, "c1")


class Fragile:
    """A view that cannot apply some events of some documents until it is repaired."""

    def __init__(self, *poison: tuple[Key, int], error: str = "no such unit") -> None:
        self.poison = set(poison)
        self.error = error

    @property
    def view(self) -> AnyView:
        return replace(ORDER_COUNTS, evolve=self._evolve)

    def _evolve(self, key: Key, document: Message | None, recorded: AnyRecordedEvent) -> Message | None:
        after = ORDER_COUNTS.evolve(key, document, recorded)  # which changes the document in place
        if (key, recorded.position) in self.poison:
            raise ArithmeticError(self.error)
        return after

    def expected(self, log: ListLog) -> Rows:
        """The documents of a plain replay in which no document sees its first bad event, or later ones."""
        firsts = {key: min(at for its_key, at in self.poison if its_key == key) for key, _ in self.poison}

        def keys(recorded: AnyRecordedEvent) -> Iterable[Key]:
            touched = ORDER_COUNTS.keys(recorded)
            return [key for key in touched if recorded.position < firsts.get(key, recorded.position + 1)]

        return replay(log.events, replace(ORDER_COUNTS, keys=keys))


@asynccontextmanager
async def projecting(
    directory: Path, log: ListLog, fragile: Fragile, *, batch_events: int = 2000
) -> AsyncIterator[Projector]:
    """A projector that has seen the whole log."""
    choice = await view_files.choose(fragile.view, directory, log)
    model = await SqliteReadModel.open(choice.serving, fragile.view, WriterThread())
    projector = Projector(fragile.view, model)
    scheduler = Scheduler([projector], log, batch_events=batch_events)
    scheduler.start()
    try:
        assert await projector.wait_for(log.head.position, 30), projector.failed
        yield projector
    finally:
        await scheduler.stop()
        await model.close()


async def everything(projector: Projector) -> Rows:
    return {
        Key(collection, row.id): (row.made, row.document)
        for collection in ORDER_COUNTS.collections
        for row in (await projector.read_model.page(collection, limit=1000)).rows
    }


def waiting(projector: Projector) -> Mapping[Key, Parked]:
    return {
        Key(collection, id): parked
        for collection, documents in projector.read_model.parked.items()
        for id, parked in documents.items()
    }


async def retry_all(projector: Projector, log: ListLog) -> None:
    for key in waiting(projector):
        await retry_parked.retry(projector, log, key)


def a_log() -> ListLog:
    log = ListLog()
    log.add("order-1", created(), added(1), added(2), added(3))
    log.add("order-2", created(), added(4))
    return log


async def test_only_the_document_that_could_not_be_made_waits_and_what_touches_it_later(
    tmp_path: Path,
) -> None:
    log, fragile = a_log(), Fragile((ORDER_1, 3))
    async with projecting(tmp_path, log, fragile) as projector:
        assert projector.failed is None
        assert waiting(projector) == {ORDER_1: Parked(3, "ArithmeticError: no such unit", 2)}
        assert await everything(projector) == fragile.expected(log)
        log.add("order-1", added(5))
        assert await projector.wait_for(7, 30)
        assert waiting(projector)[ORDER_1].events == 3
        assert projector.read_model.queued(ORDER_1, 10) == [3, 4, 7]
        assert projector.read_model.queued(ORDER_1, 2) == [3, 4]
        assert await everything(projector) == fragile.expected(log)


async def test_what_comes_later_in_one_large_batch_waits_too(tmp_path: Path) -> None:
    log, fragile = ListLog(), Fragile((ORDER_1, 2))
    log.add("order-1", created(), *[added(number) for number in range(1, 3 * SLICE)])
    async with projecting(tmp_path, log, fragile) as projector:
        assert waiting(projector)[ORDER_1].events == 3 * SLICE - 1
        assert await everything(projector) == fragile.expected(log)
        fragile.poison.clear()
        assert await retry_parked.retry(projector, log, ORDER_1) is None
        assert await everything(projector) == replay(log.events)


async def test_answers_that_lack_something_are_marked_and_no_others(tmp_path: Path) -> None:
    async with projecting(tmp_path, a_log(), Fragile((ORDER_1, 3))) as projector:
        model = projector.read_model
        assert model.get(ORDER_1).incomplete
        assert not model.get(Key(ORDERS, "2")).incomplete
        assert not model.get(Key(CUSTOMERS, "1")).incomplete
        assert (await model.page(ORDERS, limit=1)).incomplete
        assert not (await model.page(CUSTOMERS, limit=1)).incomplete


async def test_an_answer_is_marked_from_the_commit_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, transact = a_log(), read_model._transact
    async with projecting(tmp_path, log, Fragile()) as projector:
        model: Any = projector.read_model
        loop = asyncio.get_running_loop()
        marked: list[bool] = []

        async def ask() -> None:
            marked.append(model.get(ORDER_1).incomplete)
            marked.append((await model.page(ORDERS, limit=1)).incomplete)

        def transact_then_ask(*arguments: Any, **options: Any) -> Any:
            after = transact(*arguments, **options)
            asyncio.run_coroutine_threadsafe(ask(), loop).result(30)
            return after

        monkeypatch.setattr(read_model, "_transact", transact_then_ask)
        here = Checkpoint(*log.head)
        await model.write([], here.position, here, [ParkedEvent(ORDER_1, 3, "why")])
        assert marked == [True, True]


async def test_a_write_that_fails_parks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = a_log()
    async with projecting(tmp_path, log, Fragile()) as projector:
        model = projector.read_model

        def fail(*_: Any, **__: Any) -> None:
            raise sqlite_error("FULL")

        monkeypatch.setattr(read_model, "_transact", fail)
        here = Checkpoint(*log.head)
        with pytest.raises(ReadModelUnavailable):
            await model.write([], here.position, here, [ParkedEvent(ORDER_1, 3, "why")])
        assert not waiting(projector)
        assert not model.get(ORDER_1).incomplete


async def test_what_waits_is_known_again_after_a_restart(tmp_path: Path) -> None:
    log, fragile = a_log(), Fragile((ORDER_1, 3), (CUSTOMER, 5))
    async with projecting(tmp_path, log, fragile) as projector:
        before, rows = waiting(projector), await everything(projector)
        assert set(before) == {ORDER_1, CUSTOMER}
    async with projecting(tmp_path, log, fragile) as projector:
        assert waiting(projector) == before
        assert await everything(projector) == rows == fragile.expected(log)


async def test_a_cured_document_is_what_a_fresh_replay_gives(tmp_path: Path) -> None:
    log, fragile = a_log(), Fragile((ORDER_1, 1), (CUSTOMER, 5))
    async with projecting(tmp_path, log, fragile) as projector:
        edition = projector.read_model.edition
        assert projector.read_model.get(ORDER_1).document is None
        followers = asyncio.create_task(projector.moved())
        await asyncio.sleep(0)
        fragile.poison.clear()
        assert await retry_parked.retry(projector, log, ORDER_1) is None
        await asyncio.wait_for(followers, 30)
        assert projector.read_model.edition != edition
        assert set(waiting(projector)) == {CUSTOMER}
        assert await retry_parked.retry(projector, log, CUSTOMER) is None
        assert not projector.read_model.parked
        assert await everything(projector) == replay(log.events)
        assert not projector.read_model.get(ORDER_1).incomplete
        edition = projector.read_model.edition
    async with projecting(tmp_path, log, fragile) as projector:
        assert projector.read_model.edition == edition
        assert not projector.read_model.parked


async def test_a_document_is_made_good_as_far_as_possible(tmp_path: Path) -> None:
    log, fragile = a_log(), Fragile((ORDER_1, 2), (ORDER_1, 4))
    async with projecting(tmp_path, log, fragile) as projector:
        fragile.poison.remove((ORDER_1, 2))
        fragile.error = "no such size"
        still = await retry_parked.retry(projector, log, ORDER_1)
        assert still == Parked(4, "ArithmeticError: no such size", 1)
        assert waiting(projector) == {ORDER_1: still}
        assert await everything(projector) == fragile.expected(log)


async def test_a_retry_in_vain_changes_nothing_but_what_is_said_of_it(tmp_path: Path) -> None:
    log, fragile = a_log(), Fragile((ORDER_1, 2))
    async with projecting(tmp_path, log, fragile) as projector:
        edition, rows = projector.read_model.edition, await everything(projector)
        fragile.error = "still no such unit"
        still = await retry_parked.retry(projector, log, ORDER_1)
        assert still == Parked(2, "ArithmeticError: still no such unit", 3)
        assert (projector.read_model.edition, await everything(projector)) == (edition, rows)


async def test_documents_that_others_will_take_the_place_of_are_left_alone(tmp_path: Path) -> None:
    log, fragile = a_log(), Fragile((ORDER_1, 3))
    async with projecting(tmp_path, log, fragile) as projector:
        before = waiting(projector)
        fragile.poison.clear()
        projector.follows = False
        assert await retry_parked.retry(projector, log, ORDER_1) == before[ORDER_1]
        assert waiting(projector) == before


async def test_a_document_that_does_not_wait_is_left_alone(tmp_path: Path) -> None:
    log = a_log()
    async with projecting(tmp_path, log, Fragile()) as projector:
        edition = projector.read_model.edition
        assert await retry_parked.retry(projector, log, ORDER_1) is None
        assert projector.read_model.edition == edition


async def test_more_than_is_taken_at_once_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_parked, "AT_ONCE", 3)
    log, fragile = a_log(), Fragile((ORDER_1, 2))
    log.add("order-1", *[added(number) for number in range(1, 8)])
    async with projecting(tmp_path, log, fragile) as projector:
        fragile.poison.clear()
        assert await retry_parked.retry(projector, log, ORDER_1) is None
        assert await everything(projector) == replay(log.events)


async def test_a_retry_waits_for_the_batch_that_is_on_its_way(tmp_path: Path) -> None:
    log, fragile = a_log(), Fragile((ORDER_1, 2))
    async with projecting(tmp_path, log, fragile) as projector:
        fragile.poison.clear()
        async with projector.busy:
            retrying = asyncio.create_task(retry_parked.retry(projector, log, ORDER_1))
            for _ in range(20):
                await asyncio.sleep(0)
            assert waiting(projector)
        await retrying
        assert not waiting(projector)


async def test_what_was_parked_is_logged_once_a_batch_with_its_trace(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fragile = Fragile((ORDER_1, 3), (CUSTOMER, 5))
    with caplog.at_level(logging.ERROR):
        async with projecting(tmp_path, a_log(), fragile):
            pass
    [record] = caplog.records
    assert (
        "order-counts has parked 2 documents, to which it could not apply an event; all others are updated. The first is in orders, at position 3"
        in record.getMessage()
    )
    assert "ArithmeticError: no such unit" in caplog.text


async def test_a_long_error_is_cut(tmp_path: Path) -> None:
    async with projecting(tmp_path, a_log(), Fragile((ORDER_1, 3), error="x" * 5000)) as projector:
        assert len(waiting(projector)[ORDER_1].error) == LONGEST_ERROR


histories = st.lists(
    st.tuples(st.sampled_from("123"), st.sampled_from([created(), created("c2"), added(), cancelled()])),
    max_size=30,
)
poisons = st.sets(
    st.tuples(
        st.sampled_from([*(Key(ORDERS, id) for id in "123"), CUSTOMER, Key(CUSTOMERS, "c2")]),
        st.integers(1, 30),
    ),
    max_size=8,
)


@given(
    history=histories, poison=poisons, cured=poisons, batch_events=st.integers(1, 9), restart=st.booleans()
)
@settings(max_examples=80)
async def test_whatever_is_poisoned_and_cured_documents_are_what_a_replay_gives(
    history: list[tuple[str, Message]],
    poison: set[tuple[Key, int]],
    cured: set[tuple[Key, int]],
    batch_events: int,
    restart: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    log = ListLog()
    for id, payload in history:
        log.add(f"order-{id}", payload)
    touched = {(key, event.position) for event in log.events for key in _keys(log, event.position)}
    fragile = Fragile(*(poison & touched))
    directory = tmp_path_factory.mktemp("views")
    async with projecting(directory, log, fragile, batch_events=batch_events) as projector:
        assert await everything(projector) == fragile.expected(log)
        fragile.poison -= cured
        if not restart:
            await retry_all(projector, log)
            assert await everything(projector) == fragile.expected(log)
    async with projecting(directory, log, fragile, batch_events=batch_events) as projector:
        fragile.poison.clear()
        await retry_all(projector, log)
        assert not projector.read_model.parked
        assert await everything(projector) == replay(log.events)


def _keys(log: ListLog, position: int) -> Iterable[Key]:
    return ORDER_COUNTS.keys(CODEC.decode(log.events[position - 1]))
