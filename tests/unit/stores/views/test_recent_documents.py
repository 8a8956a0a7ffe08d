"""Documents in memory equal those in the file: every read is exact, however reads and writes interleave."""

import asyncio
import sqlite3
import tempfile
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldlog.orders.v1.queries_pb2 import CurrentOrder
from foldlog_server.domain.view import AnyView, Key, View
from foldlog_server.stores.views import view_files
from foldlog_server.stores.views.read_model import SqliteReadModel
from foldlog_server.stores.views.recent_documents import LONGEST
from foldlog_server.stores.writer_thread import WriterThread
from foldlog_server.views.definition import indexed_columns
from foldlog_server.views.read_model import Change, Checkpoint, Found
from tests.support.list_log import ListLog

VIEW: AnyView = View(
    name="documents",
    collections={"documents": CurrentOrder},
    events=(),
    keys=lambda recorded: (),
    evolve=lambda key, document, recorded: None,
)
COLUMNS = tuple("" if column.is_text else 0 for column in indexed_columns(CurrentOrder))
HASH = bytes(32)


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[SqliteReadModel]:
    choice = await view_files.choose(VIEW, directory, ListLog())
    model = await SqliteReadModel.open(choice.serving, VIEW, WriterThread())
    try:
        yield model
    finally:
        await model.close()


def key(id: str) -> Key:
    return Key("documents", id)


def change(id: str, document: bytes | None, made: int | None = 1) -> Change:
    return Change(key(id), document, COLUMNS, made)


async def write(model: SqliteReadModel, *changes: Change) -> None:
    base = model.position
    await model.write(changes, base, Checkpoint(base + 1, HASH))


class ReadAgain(Exception):
    """The file was read."""


def unread_from_now_on(model: SqliteReadModel) -> None:
    class Unread:
        def execute(self, *_: Any) -> Any:
            raise ReadAgain

    model._reader = Unread()  # type: ignore[assignment]


async def test_a_document_that_was_read_is_given_from_memory(tmp_path: Path) -> None:
    async with opened(tmp_path) as model:
        await write(model, change("1", b"one"), change("2", b"two"))
        model.get(key("1"))
        unread_from_now_on(model)
        assert model.get(key("1")) == Found(b"one", 1)
        with pytest.raises(ReadAgain):
            model.get(key("2"))


async def test_a_long_document_is_read_again_each_time(tmp_path: Path) -> None:
    async with opened(tmp_path) as model:
        await write(model, change("1", bytes(LONGEST)), change("2", bytes(LONGEST + 1)))
        for id in "12":
            model.get(key(id))
        unread_from_now_on(model)
        assert model.get(key("1")).document == bytes(LONGEST)
        with pytest.raises(ReadAgain):
            model.get(key("2"))


async def test_a_read_from_memory_has_seen_what_changed_nothing_of_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as model:
        await write(model, change("1", b"one"))
        model.get(key("1"))
        await write(model, change("2", b"two"))
        assert model.get(key("1")) == Found(b"one", 2)
        model.skip_to(9)
        assert model.get(key("1")) == Found(b"one", 9)


async def test_a_write_that_failed_keeps_nothing_from_being_remembered(tmp_path: Path) -> None:
    async with opened(tmp_path) as model:
        await write(model, change("1", b"one"))
        with pytest.raises(RuntimeError, match="is beyond position"):
            await model.write([change("1", b"other")], 0, Checkpoint(2, HASH))
        model.get(key("1"))
        unread_from_now_on(model)
        assert model.get(key("1")) == Found(b"one", 1)


# Every way in which reads and writes can interleave


class Ask(NamedTuple):
    """A write is requested."""

    documents: Mapping[str, bytes | None]
    fails: bool
    gives_up: bool
    """The caller does not wait for it."""


class Get(NamedTuple):
    id: str


class CarryOut(NamedTuple):
    """The oldest write ends."""


Step: TypeAlias = Ask | Get | CarryOut

IDS = st.sampled_from("123")
DOCUMENTS = st.dictionaries(IDS, st.none() | st.binary(min_size=1, max_size=2))
STEPS = st.lists(
    st.builds(Ask, DOCUMENTS, fails=st.booleans(), gives_up=st.booleans())
    | st.builds(Get, IDS)
    | st.builds(CarryOut),
    max_size=40,
)


class Game:
    """Plays steps on a read model whose writes wait until they are released."""

    def __init__(self, model: SqliteReadModel) -> None:
        self.model = model
        self.states: list[dict[str, bytes]] = [{}]
        """The documents at each position."""
        self.waiting: list[tuple[threading.Event, threading.Event]] = []
        """For each write that has not ended, the events that release it and that report its end."""

    async def play(self, step: Step) -> None:
        match step:
            case Ask():
                await self.ask(step)
            case Get(id):
                found = self.model.get(key(id))
                assert found.document == self.states[found.position].get(id)
                assert found.position >= self.model.stored
            case CarryOut():
                self.carry_out()

    async def ask(self, step: Ask) -> None:
        go_on, has_ended = threading.Event(), threading.Event()
        base, thread = len(self.states) - 1, self.model._thread
        changes = [change(id, document) for id, document in step.documents.items()]
        thread.do(go_on.wait)
        asked = self.model.write(changes, -1 if step.fails else base, Checkpoint(base + 1, HASH))
        thread.do(has_ended.set)
        await asyncio.sleep(0)  # the thread has them now
        assert isinstance(asked, asyncio.Future)
        asked.add_done_callback(lambda done: done.cancelled() or done.exception())  # it has been seen
        if step.gives_up:
            asked.cancel()
        if not step.fails:
            state = self.states[-1] | {id: document for id, document in step.documents.items() if document}
            self.states.append({id: one for id, one in state.items() if step.documents.get(id, one)})
        self.waiting.append((go_on, has_ended))

    def carry_out(self) -> None:
        if self.waiting:
            go_on, has_ended = self.waiting.pop(0)
            go_on.set()
            assert has_ended.wait(30)


@settings(max_examples=150)
@given(STEPS)
def test_every_read_is_of_its_position(steps: list[Step]) -> None:
    async def play() -> None:
        with tempfile.TemporaryDirectory() as directory:
            async with opened(Path(directory)) as model:
                game = Game(model)
                try:
                    for step in steps:
                        await game.play(step)
                finally:
                    while game.waiting:
                        game.carry_out()
                for id in "123":
                    await game.play(Get(id))

    asyncio.run(play())


def ask(documents: Mapping[str, bytes | None], *, fails: bool = False, gives_up: bool = False) -> Ask:
    return Ask(documents, fails, gives_up)


MADE = [ask({"1": b"a", "2": b"a"}), CarryOut()]
REMEMBERED = [*MADE, Get("1"), Get("2")]
READ = [Get("1"), Get("2")]


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([*MADE, ask({"1": b"b", "2": None}), *READ], id="read while a write is on its way"),
        pytest.param([*MADE, ask({"1": b"b"}, gives_up=True), *READ], id="and its caller has given up"),
        pytest.param([*REMEMBERED, ask({"1": b"b", "2": None}, fails=True)], id="a write fails"),
        pytest.param([*REMEMBERED, ask({"1": b"b"}, gives_up=True)], id="nobody waits for a write"),
        pytest.param([*REMEMBERED, ask({"1": b"b"}), ask({"1": b"c"})], id="a write follows on another"),
    ],
)
async def test_every_read_is_of_its_position_also_when(tmp_path: Path, steps: Sequence[Step]) -> None:
    async with opened(tmp_path) as model:
        game = Game(model)
        for step in (*steps, *READ, CarryOut(), *READ, CarryOut(), *READ):
            await game.play(step)


class EndsAWrite:
    """A connection that reads just before a write is committed, and returns the result just after."""

    def __init__(self, reader: sqlite3.Connection, game: Game) -> None:
        self.reader = reader
        self.game = game

    def execute(self, *statement: Any) -> "EndsAWrite":
        self.row = self.reader.execute(*statement).fetchone()
        self.game.carry_out()
        return self

    def fetchone(self) -> Any:
        return self.row


async def test_what_was_read_before_a_commit_is_not_remembered_after_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as model:
        game, reader = Game(model), model._reader
        await game.play(ask({"1": b"a"}))
        await game.play(CarryOut())
        await game.play(ask({"1": b"b"}))
        model._reader = EndsAWrite(reader, game)  # type: ignore[assignment]
        assert model.get(key("1")) == Found(b"a", 1)
        model._reader = reader
        assert model.get(key("1")) == Found(b"b", 2)


async def test_a_write_is_on_its_way_until_it_is_committed(tmp_path: Path) -> None:
    async with opened(tmp_path) as model:
        seen: list[bool] = []

        def look(action: int, argument: str | None, *_: object) -> int:
            if action == sqlite3.SQLITE_TRANSACTION and argument == "COMMIT":
                seen.append(model._recent.can_remember)
            return sqlite3.SQLITE_OK

        await model._thread.do(lambda: model._writer._connection.set_authorizer(look))
        await write(model, change("1", b"one"))
        assert seen == [False]
        assert model._recent.can_remember
