"""In a read model's file, documents and checkpoint agree after every crash, and every page is exact."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from foldlog.orders.v1.queries_pb2 import Customer, FinishedOrder
from foldlog.orders.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_SHIPPED,
    Order,
    OrderStatus,
)
from foldlog.v1.options_pb2 import COMPARISON_BEFORE, COMPARISON_FROM, COMPARISON_UNSPECIFIED
from foldlog_server.domain.view import AnyView, Key, View
from foldlog_server.stores.views import read_model, read_model_table, view_files
from foldlog_server.stores.views.read_model import SqliteReadModel
from foldlog_server.stores.writer_thread import WriterThread
from foldlog_server.views.definition import generation, indexed_columns, nanoseconds
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import (
    Change,
    Checkpoint,
    ColumnFilter,
    ColumnMissing,
    Cursor,
    Found,
    ReadModel,
    ReadModelUnavailable,
    Row,
)
from foldlog_server.views.scheduler import Scheduler
from tests.support.limits import no_descriptors
from tests.support.list_log import ListLog
from tests.support.order_counts import (
    CUSTOMERS,
    ORDER_COUNTS,
    ORDERS,
    added,
    cancelled,
    created,
    replay,
    unseen,
)

FINISHED: AnyView = View(
    name="finished",
    collections={"finished": FinishedOrder},
    events=(),
    keys=lambda recorded: (),
    evolve=lambda key, document, recorded: None,
)
COLUMNS = indexed_columns(FinishedOrder)
HASH = bytes(range(32))


@asynccontextmanager
async def opened(
    directory: Path, view: AnyView = FINISHED, log: ListLog | None = None
) -> AsyncIterator[SqliteReadModel]:
    choice = await view_files.choose(view, directory, log or ListLog())
    model = await SqliteReadModel.open(choice.serving, view, WriterThread())
    try:
        yield model
    finally:
        await model.close()


@asynccontextmanager
async def projecting(
    directory: Path, log: ListLog, view: AnyView = ORDER_COUNTS, *, batch_events: int = 2000
) -> AsyncIterator[Projector]:
    """A projector that has seen the whole log."""
    async with opened(directory, view, log) as model:
        projector = Projector(view, model)
        scheduler = Scheduler([projector], log, batch_events=batch_events)
        scheduler.start()
        try:
            assert await projector.wait_for(log.head.position, 30), projector.failed
            yield projector
        finally:
            await scheduler.stop()


async def everything(model: ReadModel, view: AnyView = ORDER_COUNTS) -> Mapping[Key, tuple[int, bytes]]:
    return {
        Key(collection, row.id): (row.made, row.document)
        for collection in view.collections
        for row in (await model.page(collection, limit=1000)).rows
    }


def put(
    id: str, made: int | None, customer_id: str = "c1", outcome: OrderStatus.ValueType = ORDER_STATUS_SHIPPED
) -> Change:
    document = FinishedOrder(
        order_id=id, customer_id=customer_id, outcome=outcome, finished_time=Timestamp(seconds=made or 0)
    )
    columns = tuple(column.value(document) for column in COLUMNS)
    return Change(Key("finished", id), document.SerializeToString(), columns, made)


def drop(id: str) -> Change:
    return Change(Key("finished", id), None)


async def write(model: SqliteReadModel, *changes: Change) -> None:
    """Change documents as the next event would."""
    base = model.position
    await model.write(changes, base, Checkpoint(base + 1, HASH))


def ids(rows: Sequence[Row]) -> list[str]:
    return [row.id for row in rows]


def a_log(*ids: str) -> ListLog:
    log = ListLog()
    for number, id in enumerate(ids):
        log.add(f"order-{id}", created(f"c{number % 2}"), added(number), unseen())
    return log


# Documents


async def test_a_document_is_found_with_the_position_of_the_file(tmp_path: Path) -> None:
    async with opened(tmp_path) as model:
        change = put("1", 1)
        await write(model, change)
        assert model.get(Key("finished", "1")) == Found(change.document, 1)
        assert model.get(Key("finished", "2")) == Found(None, 1)
        await write(model, drop("1"))
        assert model.get(Key("finished", "1")) == Found(None, 2)


async def test_the_documents_that_there_are_of_some_are_loaded(tmp_path: Path) -> None:
    async with opened(tmp_path) as model:
        one, two = put("1", 1), put("2", 1)
        await write(model, one, two)
        keys = [Key("finished", id) for id in "123"]
        assert model.load(keys) == {keys[0]: one.document, keys[1]: two.document}
        assert model.load([]) == {}


@pytest.mark.parametrize("count", [1, 3, 15, 16, 17, 400])
async def test_any_number_of_documents_is_made_changed_loaded_and_dropped(tmp_path: Path, count: int) -> None:
    ids = [f"{number:03d}" for number in range(count)]
    async with opened(tmp_path) as model:
        for changes in ([put(id, 1) for id in ids], [put(id, None, "c2") for id in ids]):
            await write(model, *changes, put("another", 1))
            documents = {change.key: change.document for change in changes}
            assert model.load(documents) == documents
        assert {made for made, _ in (await everything(model, FINISHED)).values()} == {1}
        await write(model, *map(drop, ids))
        assert list(await everything(model, FINISHED)) == [Key("finished", "another")]


async def test_a_changed_document_keeps_its_place_and_one_made_again_gets_a_new_one(tmp_path: Path) -> None:
    async with opened(tmp_path) as model:
        await write(model, put("1", 1), put("2", 1), put("3", 1))
        await write(model, put("1", None, "c2"), put("2", 2))
        rows = (await model.page("finished", limit=9)).rows
        assert [(row.id, row.made) for row in rows] == [("1", 1), ("3", 1), ("2", 2)]
        mine = [ColumnFilter("customer_id", COMPARISON_UNSPECIFIED, "c2")]
        assert ids((await model.page("finished", mine, limit=9)).rows) == ["1"]


async def test_skipped_events_are_part_of_what_a_read_has_seen(tmp_path: Path) -> None:
    async with opened(tmp_path) as model:
        await write(model, put("1", 1))
        model.skip_to(5)
        assert model.position == 5
        assert model.stored == 1
        assert model.get(Key("finished", "1")).position == 5
        assert (await model.page("finished", limit=1)).position == 5
        await write(model, put("2", 6))
        assert model.get(Key("finished", "1")).position == 6


async def test_a_page_has_not_seen_what_was_written_and_skipped_while_it_was_on_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, scan = asyncio.get_running_loop(), read_model._scan

    async with opened(tmp_path) as model:
        await write(model, put("1", 1))

        async def go_on() -> None:
            await write(model, put("2", 2))
            model.skip_to(9)

        def scan_then_go_on(*arguments: Any) -> Any:
            scanned = scan(*arguments)
            asyncio.run_coroutine_threadsafe(go_on(), loop).result()
            return scanned

        monkeypatch.setattr(read_model, "_scan", scan_then_go_on)
        rows, position, _ = await model.page("finished", limit=9)
    assert ids(rows) == ["1"]
    assert position == 1


async def test_a_write_on_another_position_than_the_files_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as model:
        await model.write([put("1", 4)], 0, Checkpoint(4, HASH))
        with pytest.raises(RuntimeError, match="is beyond position 3"):
            await model.write([put("2", 4)], 3, Checkpoint(5, HASH))
        assert model.get(Key("finished", "2")) == Found(None, 4)


async def test_collections_and_columns_that_there_are_not_are_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as model:
        with pytest.raises(KeyError):
            await model.page("checkpoint", limit=1)
        with pytest.raises(ColumnMissing, match="id"):
            await model.page("finished", [ColumnFilter("id", COMPARISON_UNSPECIFIED, "1")], limit=1)


@pytest.mark.parametrize("id", ["'; DROP TABLE checkpoint; --", '"', "ö", "\0x", " a b "])
async def test_an_id_is_only_ever_a_value(tmp_path: Path, id: str) -> None:
    async with opened(tmp_path) as model:
        await write(model, put(id, 1, id))
        mine = [ColumnFilter("customer_id", COMPARISON_UNSPECIFIED, id)]
        assert ids((await model.page("finished", mine, by_id=True, limit=9)).rows) == [id]
        assert model.get(Key("finished", id)).document
        await write(model, drop(id))
        assert model.get(Key("finished", id)).document is None


# Crashes


async def die_at_commit(model: SqliteReadModel, directory: Path, copy: Path) -> None:
    """From now on the writer copies its files just before it commits, and then fails."""

    def authorize(action: int, argument: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_TRANSACTION and argument == "COMMIT":
            shutil.copytree(directory, copy, dirs_exist_ok=True)
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    await model._thread.do(lambda: model._writer._connection.set_authorizer(authorize))


async def test_a_writer_that_dies_before_its_commit_leaves_documents_and_checkpoint_as_they_were(
    tmp_path: Path,
) -> None:
    log, alive, dead = a_log("1"), tmp_path / "alive", tmp_path / "dead"
    async with projecting(alive, log):
        seen = log.head.position
    async with opened(alive, ORDER_COUNTS, log) as model:
        await die_at_commit(model, alive, dead)
        log.add("order-1", added(10), cancelled())
        log.add("order-2", created())
        with pytest.raises(sqlite3.DatabaseError):
            await model.write([Change(Key(ORDERS, "1"), None)], seen, Checkpoint(*log.head))
        assert await everything(model) == replay(log.events[:seen])
    for directory in (alive, dead):
        async with opened(directory, ORDER_COUNTS, log) as model:
            assert model.position <= seen
            assert await everything(model) == replay(log.events[: model.position])
        async with projecting(directory, log) as projector:
            assert await everything(projector.read_model) == replay(log.events)


async def test_a_write_that_fails_halfway_leaves_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as model:
        await write(model, put("1", 1))
        bad = Change(Key("finished", "3"), b"", ([], None, None), 2)  # type: ignore[arg-type]
        with pytest.raises(sqlite3.Error):
            await write(model, put("2", 2), drop("1"), bad)
        assert await everything(model, FINISHED) == {Key("finished", "1"): (1, put("1", 1).document)}
        assert model.position == 1
        await write(model, put("2", 2))
        assert model.get(Key("finished", "2")).position == 2


async def test_a_full_disk_is_said_to_be_worth_another_try(tmp_path: Path) -> None:
    async with opened(tmp_path) as model:
        await model._thread.do(lambda: model._writer._connection.execute("PRAGMA max_page_count = 1"))
        big = structs.replace(put("1", 1), document=bytes(100_000))
        with pytest.raises(ReadModelUnavailable):
            await write(model, big)
        await model._thread.do(lambda: model._writer._connection.execute("PRAGMA max_page_count = 10000"))
        await write(model, big)
        assert model.get(Key("finished", "1")) == Found(bytes(100_000), 1)


async def test_what_is_open_since_the_start_is_read_and_written_without_another_descriptor(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as model:
        with no_descriptors():
            for number in range(1, 20):
                await write(model, put(f"{number:02}", number))
            assert model.get(Key("finished", "01")).document is not None
            assert len((await model.page("finished", limit=100)).rows) == 19


async def test_a_write_whose_caller_has_gone_happens_all_the_same_and_is_known_to_have_happened(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as model:
        writing = asyncio.create_task(write(model, put("1", 1)))
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait([writing])
        await model._thread.do(
            lambda: model._writer._connection.execute("SELECT 1")
        )  # after it, in the same thread
        assert model.position == model.stored == 1
        assert model.get(Key("finished", "1")).document


async def test_opening_again_goes_on_and_applies_nothing_twice(tmp_path: Path) -> None:
    log = a_log("1", "2")
    async with projecting(tmp_path, log):
        pass
    log.add("order-1", added(3))
    log.add("order-3", created("c1"))
    first_read = len(log.reads)
    async with projecting(tmp_path, log) as projector:
        assert log.reads[first_read][0] > 1
        assert await everything(projector.read_model) == replay(log.events)


_payloads = st.sampled_from([created(), created("c2"), added(), cancelled(), unseen()])


@given(
    history=st.lists(st.tuples(st.sampled_from("123"), _payloads), min_size=1, max_size=30),
    parts=st.lists(st.tuples(st.integers(1, 10), st.integers(1, 5)), min_size=1, max_size=5),
)
@settings(max_examples=25)
async def test_any_batches_and_restarts_give_what_a_plain_replay_gives(
    history: list[tuple[str, Message]], parts: list[tuple[int, int]]
) -> None:
    log, ahead = ListLog(), list(history)
    with tempfile.TemporaryDirectory() as directory:
        for length, batch_events in [*parts, (len(ahead), 3)]:
            for id, payload in ahead[:length]:
                log.add(f"order-{id}", payload)
            del ahead[:length]
            async with projecting(Path(directory), log, batch_events=batch_events) as projector:
                assert await everything(projector.read_model) == replay(log.events)


# Deleting files


async def test_a_file_that_was_deleted_is_built_again_the_same(tmp_path: Path) -> None:
    log = a_log("1", "2", "3")
    async with projecting(tmp_path, log) as projector:
        before = await everything(projector.read_model)
    shutil.rmtree(tmp_path)
    async with projecting(tmp_path, log) as projector:
        assert await everything(projector.read_model) == before == replay(log.events)


async def test_a_file_that_cannot_be_read_is_built_again(tmp_path: Path) -> None:
    log = a_log("1", "2", "3")
    async with projecting(tmp_path, log):
        pass
    (tmp_path / f"order-counts-{generation(ORDER_COUNTS)}.db").write_bytes(b"not a database" * 100)
    async with projecting(tmp_path, log) as projector:
        assert await everything(projector.read_model) == replay(log.events)


async def test_a_file_of_another_log_is_built_again_even_if_the_same_happened_there(tmp_path: Path) -> None:
    async with projecting(tmp_path, a_log("1", "2")):
        pass
    other = a_log("1", "2")
    other.log_id = "another log"
    async with projecting(tmp_path, other) as projector:
        assert other.reads[0][0] == 1
        assert await everything(projector.read_model) == replay(other.events)


async def test_a_file_that_has_seen_another_past_is_built_again(tmp_path: Path) -> None:
    async with projecting(tmp_path, a_log("1", "2")):
        pass
    other = a_log("1", "3", "4")
    async with projecting(tmp_path, other) as projector:
        assert await everything(projector.read_model) == replay(other.events)


async def test_a_file_that_has_seen_more_than_there_is_is_built_again(tmp_path: Path) -> None:
    async with projecting(tmp_path, a_log("1", "2")):
        pass
    shorter = a_log("1")
    async with projecting(tmp_path, shorter) as projector:
        assert projector.position == 3
        assert await everything(projector.read_model) == replay(shorter.events)


def test_name_revision_events_and_the_shape_of_every_document_make_the_generation() -> None:
    views = [
        ORDER_COUNTS,
        replace(ORDER_COUNTS, name="other"),
        replace(ORDER_COUNTS, revision=2),
        replace(ORDER_COUNTS, collections={ORDERS: Order, CUSTOMERS: Customer}),
        replace(ORDER_COUNTS, collections={ORDERS: FinishedOrder, CUSTOMERS: Customer}),
        replace(ORDER_COUNTS, collections={ORDERS: FinishedOrder}),
        replace(ORDER_COUNTS, collections={ORDERS: Order}),
        replace(ORDER_COUNTS, collections={ORDERS: Customer}),
    ]
    views += [replace(ORDER_COUNTS, events=ORDER_COUNTS.events[:2]), replace(ORDER_COUNTS, events=())]
    assert len({generation(view) for view in views}) == len(views)
    assert generation(ORDER_COUNTS) == generation(replace(ORDER_COUNTS, events=ORDER_COUNTS.events[::-1]))


def test_a_changed_message_inside_a_document_is_another_generation() -> None:
    def document(inner: FieldDescriptorProto.Type.ValueType) -> type[Message]:
        file = FileDescriptorProto(name="document.proto", package="test", syntax="proto3")
        outer = file.message_type.add(name="Document")
        outer.field.add(
            name="inner", number=1, type=FieldDescriptorProto.TYPE_MESSAGE, type_name=".test.Inner"
        )
        file.message_type.add(name="Inner").field.add(name="a", number=1, type=inner)
        pool = DescriptorPool()
        pool.Add(file)
        return GetMessageClass(pool.FindMessageTypeByName("test.Document"))

    shapes = [document(kind) for kind in (FieldDescriptorProto.TYPE_INT32, FieldDescriptorProto.TYPE_STRING)]
    views = [replace(ORDER_COUNTS, collections={ORDERS: shape}) for shape in shapes]
    assert generation(views[0]) != generation(views[1])


# Columns


def test_indexed_fields_become_columns_in_the_order_of_the_message() -> None:
    assert [(column.name, column.is_text) for column in COLUMNS] == [
        ("customer_id", True),
        ("outcome", False),
        ("finished_time", False),
    ]
    order = FinishedOrder(
        customer_id="c", outcome=ORDER_STATUS_SHIPPED, finished_time=Timestamp(seconds=3, nanos=4)
    )
    assert [column.value(order) for column in COLUMNS] == ["c", ORDER_STATUS_SHIPPED, 3_000_000_004]
    assert [column.value(FinishedOrder()) for column in COLUMNS] == ["", 0, None]


def test_a_time_that_no_column_can_hold_is_the_nearest_that_it_can() -> None:
    assert nanoseconds(Timestamp(seconds=253_402_300_799)) == 2**63 - 1
    assert nanoseconds(Timestamp(seconds=-62_135_596_800)) == -(2**63)


# Pages


@pytest.fixture(scope="module")
def shop() -> list[tuple[str, int, str, OrderStatus.ValueType]]:
    """(id, made, customer, outcome): several documents by one event, whose ids have another order."""
    outcomes = (ORDER_STATUS_SHIPPED, ORDER_STATUS_CANCELLED)
    return [(f"{n * 7 % 30:02d}", 1 + n // 3, f"c{n % 4}", outcomes[n % 3 == 0]) for n in range(30)]


_FILTERS = {
    "all": [],
    "a customer": [ColumnFilter("customer_id", COMPARISON_UNSPECIFIED, "c1")],
    "an outcome": [ColumnFilter("outcome", COMPARISON_UNSPECIFIED, ORDER_STATUS_CANCELLED)],
    "both": [
        ColumnFilter("customer_id", COMPARISON_UNSPECIFIED, "c2"),
        ColumnFilter("outcome", COMPARISON_UNSPECIFIED, ORDER_STATUS_SHIPPED),
    ],
    "a time": [
        ColumnFilter("finished_time", COMPARISON_FROM, 3_000_000_000),
        ColumnFilter("finished_time", COMPARISON_BEFORE, 7_000_000_000),
    ],
}


def _passes(filters: str, made: int, customer: str, outcome: int) -> bool:
    return {
        "all": True,
        "a customer": customer == "c1",
        "an outcome": outcome == ORDER_STATUS_CANCELLED,
        "both": customer == "c2" and outcome == ORDER_STATUS_SHIPPED,
        "a time": 3 <= made < 7,
    }[filters]


@pytest.mark.parametrize("limit", [1, 4, 100])
@pytest.mark.parametrize("filters", _FILTERS)
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("by_id", [False, True])
async def test_pages_go_through_all_that_match_in_order(
    tmp_path: Path,
    shop: list[tuple[str, int, str, OrderStatus.ValueType]],
    by_id: bool,
    descending: bool,
    filters: str,
    limit: int,
) -> None:
    def order(row: tuple[str, int]) -> tuple[object, ...]:
        return (row[0],) if by_id else (row[1], row[0])

    expected = sorted(
        [(id, made) for id, made, customer, outcome in shop if _passes(filters, made, customer, outcome)],
        key=order,
        reverse=descending,
    )
    async with opened(tmp_path) as model:
        await write(model, *(put(*row) for row in shop))
        seen: list[Row] = []
        after: Cursor | None = None
        while rows := (
            await model.page(
                "finished",
                _FILTERS[filters],
                by_id=by_id,
                descending=descending,
                after=after,
                limit=limit,
            )
        ).rows:
            assert len(rows) <= limit
            seen += rows
            after = rows[-1].cursor
    assert [(row.id, row.made) for row in seen] == expected


_changes = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=6)


@given(
    first=st.sets(st.integers(0, 20), min_size=1),
    between=st.lists(_changes, min_size=1, max_size=8),
    by_id=st.booleans(),
    descending=st.booleans(),
    limit=st.integers(1, 4),
)
@settings(max_examples=40)
async def test_what_is_there_throughout_is_paged_exactly_once_whatever_comes_and_goes(
    first: set[int], between: list[list[tuple[bool, int]]], by_id: bool, descending: bool, limit: int
) -> None:
    present, ever_gone, seen = set(first), set[int](), list[int]()
    after: Cursor | None = None
    with tempfile.TemporaryDirectory() as directory:
        async with opened(Path(directory)) as model:
            await write(model, *(put(f"{number:02d}", 1) for number in first))
            for changes in [*between, *[[]] * 30]:
                page = await model.page(
                    "finished", by_id=by_id, descending=descending, after=after, limit=limit
                )
                if not page.rows:
                    break
                seen += [int(row.id) for row in page.rows]
                after = page.rows[-1].cursor
                for is_put, number in changes:
                    id = f"{number:02d}"
                    made = None if number in present else model.position + 1
                    await write(model, put(id, made) if is_put else drop(id))
                    (present.add if is_put else present.discard)(number)
                    ever_gone |= set() if is_put else {number}
    for number in first - ever_gone:
        assert seen.count(number) == 1


async def test_a_page_and_its_position_are_of_one_moment(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with opened(tmp_path) as model:
        await write(model, put("1", 1))

        def grow_before(statement: str) -> None:
            if statement == read_model_table.READ_POSITION:
                asyncio.run_coroutine_threadsafe(write(model, put("2", 2)), loop).result()

        await model._scanner.set_trace_callback(grow_before)
        rows, position, _ = await model.page("finished", limit=9)
        assert (ids(rows), position) == (["1"], 1)
        await model._scanner.set_trace_callback(lambda _: None)
        rows, position, _ = await model.page("finished", limit=9)
        assert (ids(rows), position) == (["1", "2"], 2)


@pytest.mark.parametrize("filters", _FILTERS)
async def test_those_of_some_documents_that_match_are_given_with_their_position(
    tmp_path: Path, shop: list[tuple[str, int, str, OrderStatus.ValueType]], filters: str
) -> None:
    asked = [*[id for id, *_ in shop][::2], "none", "'", "ö"]
    expected = {
        id
        for id, made, customer, outcome in shop
        if id in asked and _passes(filters, made, customer, outcome)
    }
    async with opened(tmp_path) as model:
        await write(model, *(put(*row) for row in shop))
        found = await model.matching("finished", asked, _FILTERS[filters])
        assert set(found.documents) == expected
        assert all(found.documents[id] == model.get(Key("finished", id)).document for id in expected)
        assert found.position == model.position
        assert (await model.matching("finished", [])).documents == {}


async def test_any_number_of_documents_is_matched_at_one_moment(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with opened(tmp_path) as model:
        names = [f"{number}" for number in range(150)]
        await write(model, *(put(name, 1) for name in names))

        def grow_before(statement: str) -> None:
            if statement == read_model_table.READ_POSITION:
                asyncio.run_coroutine_threadsafe(write(model, put("new", 2)), loop).result()

        await model._scanner.set_trace_callback(grow_before)
        found = await model.matching("finished", [*names, "new"])
        assert (set(found.documents), found.position) == (set(names), 1)


@pytest.mark.parametrize("filters", _FILTERS)
async def test_documents_are_matched_by_their_ids_whatever_the_filters(tmp_path: Path, filters: str) -> None:
    [statement] = read_model_table.Table("finished", COLUMNS).matching(["1", "2"], _FILTERS[filters])
    async with opened(tmp_path) as model:
        explained = model._reader.execute(f"EXPLAIN QUERY PLAN {statement.sql}", statement.values)
        assert "sqlite_autoindex" in " ".join(row[3] for row in explained)


@pytest.mark.parametrize(
    ("filters", "by_id", "index"),
    [
        ("all", False, "by made"),
        ("all", True, "sqlite_autoindex"),
        ("a customer", False, "by customer_id"),
        ("an outcome", False, "by outcome"),
    ],
)
@pytest.mark.parametrize("after", [None, Cursor(5, "05")])
@pytest.mark.parametrize("descending", [False, True])
async def test_a_page_is_read_from_an_index_in_its_order(
    tmp_path: Path, filters: str, by_id: bool, index: str, after: Cursor | None, descending: bool
) -> None:
    statement = read_model_table.Table("finished", COLUMNS).page(
        _FILTERS[filters], by_id=by_id, descending=descending, after=after, limit=9
    )
    async with opened(tmp_path) as model:
        explained = model._reader.execute(f"EXPLAIN QUERY PLAN {statement.sql}", statement.values)
        [first, *rest] = [row[3] for row in explained]
    assert index in first
    # Documents of one event are put in the order of their ids; what is before them is read in order.
    assert all("LAST TERM" in step or "RIGHT PART" in step for step in rest)


async def test_a_point_read_is_a_search_by_key(tmp_path: Path) -> None:
    table = read_model_table.Table("finished", COLUMNS)
    async with opened(tmp_path) as model:
        plan = [row[3] for row in model._reader.execute(f"EXPLAIN QUERY PLAN {table.get}", ("1",))]
    assert any("SEARCH documents of finished USING INDEX" in step for step in plan)
