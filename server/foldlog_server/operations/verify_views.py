"""Verifies the files of views against the log: their checkpoints and, in full, each document against a
replay."""

import re
import sqlite3
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from foldlog_server.domain.view import AnyView
from foldlog_server.operations.findings import Findings
from foldlog_server.operations.progress import Step
from foldlog_server.stores.files.log_files import untouched
from foldlog_server.stores.sqlite.reader import ReadOnlyLog
from foldlog_server.stores.sqlite.statements import statement
from foldlog_server.stores.views import read_model_table as sql
from foldlog_server.stores.views import view_check, view_checksums, view_files
from foldlog_server.stores.views.read_model import SqliteReadModel
from foldlog_server.stores.writer_thread import WriterThread
from foldlog_server.views.batch import CannotApply
from foldlog_server.views.catch_up import catch_up
from foldlog_server.views.definition import generation
from foldlog_server.views.group import ProjectorGroup
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import Checkpoint, ReadModelDamaged

_FILE = re.compile(r"(?P<view>.+)-(?P<generation>[0-9a-f]{16})-\d{1,18}\.db")
_PARKED = statement("select_parked")


class _Copied(NamedTuple):
    """A copy of a view's file as it was at one moment, so that no writer has to wait."""

    name: str
    view: AnyView
    path: Path
    checkpoint: Checkpoint


class ViewsVerifier:
    """Verifies all files of views in a data directory."""

    def __init__(
        self, data: Path, views: Sequence[AnyView], log: ReadOnlyLog, findings: Findings, *, full: bool
    ) -> None:
        """`full` also replays the log."""
        self._data = data
        self._views = views
        self._log = log
        self._findings = findings
        self._full = full

    async def run(self) -> AsyncGenerator[Step]:
        """Verify all files; yields the progress. Raises `OSError` if copies cannot be made."""
        files = sorted(self._data.glob("views/*.db"))
        with TemporaryDirectory(prefix="foldlog-") as directory:
            copied = []
            for number, file in enumerate(files):
                copied += await self._check_file(file, Path(directory) / f"{number}.db")
                yield Step("views", number + 1, len(files))
            yield Step("views", len(files), len(files), is_over=True)
            if self._full and copied:
                async for step in self._replay(copied, Path(directory)):
                    yield step

    async def _check_file(self, file: Path, to: Path) -> list[_Copied]:
        """Check a file by itself; returns it if it can be compared with a replay."""
        name = f"views/{file.name}"
        found = _FILE.fullmatch(file.name)
        view = next((one for one in self._views if found and one.name == found["view"]), None)
        try:
            with untouched(self._data, file) as connection:
                self._check_pages(connection, name)
                kept = view_checksums.checkpoint_row(connection.execute(sql.READ_CHECKPOINT).fetchone())
                view_check.check_rows(connection, kept)
                if self._full:
                    with closing(sqlite3.connect(to)) as copy:
                        connection.backup(copy)
                        # A server may have moved the view since the rows were checked.
                        kept = view_checksums.checkpoint_row(copy.execute(sql.READ_CHECKPOINT).fetchone())
        except FileNotFoundError:
            return []  # a rebuild has replaced it
        except (sqlite3.Error, ReadModelDamaged, TypeError, ValueError) as error:
            self._findings.add(name, "", "", f"cannot be read: {error}. The server rebuilds it automatically")
            return []
        if kept.log_id != self._log.log_id:
            self._findings.notes.append(f"{name} is of another log ({kept.log_id}), and will be rebuilt.")
            return []
        if not await self._fits(name, kept.position, kept.chain_hash):
            return []
        if view is None or found is None or found["generation"] != generation(view):
            self._findings.notes.append(f"{name} is of another definition, and cannot be replayed.")
            return []
        return [_Copied(name, view, to, kept.checkpoint)]

    def _check_pages(self, connection: sqlite3.Connection, name: str) -> None:
        pragma = "integrity_check" if self._full else "quick_check"
        for (line,) in connection.execute(f"PRAGMA {pragma}").fetchall():
            if line != "ok":
                self._findings.add(name, "", "", f"SQLite says: {line}")

    async def _fits(self, name: str, position: Any, chain: Any) -> bool:
        known = isinstance(position, int) and position >= 0 and isinstance(chain, bytes)
        if known and position > (head := self._log.head.position):
            what = f"it has seen more than the log has, which ends at {head}: events are missing there"
            self._findings.add(name, "checkpoint", f"position {position}", what)
        elif not known or await self._log.chain_hash_at(position) != chain:
            what = "the log has another chain hash there: it is not the history that the view has seen"
            self._findings.add(name, "checkpoint", f"position {position}", what)
        else:
            return True
        return False

    # Replay

    async def _replay(self, copied: Sequence[_Copied], directory: Path) -> AsyncGenerator[Step]:
        """Replay the log into all views at once, and compare each at its checkpoint."""
        end = max(one.checkpoint.position for one in copied)
        async with AsyncExitStack() as opened:
            members: dict[Projector, _Copied] = {}
            files: dict[Projector, Path] = {}
            for number, one in enumerate(copied):
                file = view_files.file_of(directory / str(number), one.view.name, generation(one.view), 1)
                file.path.parent.mkdir()
                view_files.make(file.path, one.view, self._log.log_id, is_complete=False)
                read_model = await SqliteReadModel.open(file, one.view, WriterThread())
                opened.push_async_callback(read_model.close)
                projector = Projector(one.view, read_model)
                members[projector], files[projector] = one, file.path
            group = ProjectorGroup(list(members), self._log)
            async for position in self._follow(group, members, files):
                yield Step("replay", position, end)
        yield Step("replay", end, end, is_over=True)

    async def _follow(
        self, group: ProjectorGroup, members: dict[Projector, _Copied], files: dict[Projector, Path]
    ) -> AsyncGenerator[int]:
        for stop in sorted({one.checkpoint.position for one in members.values()}):
            try:
                async for position in catch_up(group, stop):
                    yield position
            except CannotApply as error:
                self._findings.notes.append(
                    f"The replay stops at position {error.position}: `foldlog check-history` says why."
                )
                return
            for projector in list(group.members):
                if members[projector].checkpoint.position == stop:
                    self._compare(members[projector], files[projector])
                    self._findings.views += 1
                    group.members.remove(projector)

    def _compare(self, kept: _Copied, replayed: Path) -> None:
        with closing(_connect(kept.path)) as one, closing(_connect(replayed)) as other:
            for collection, table in view_files.tables_of(kept.view).items():
                try:
                    parked = _parked(one, collection) | _parked(other, collection)
                    for id, what in _differences(one.execute(table.all), other.execute(table.all)):
                        if id not in parked:
                            where = id.decode(errors="backslashreplace")
                            self._findings.add(kept.name, collection, where, what)
                except sqlite3.Error as error:
                    self._findings.add(kept.name, collection, "", f"cannot be read: {error}")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.text_factory = bytes
    return connection


def _parked(connection: sqlite3.Connection, collection: str) -> set[bytes]:
    return {id for name, id, *_ in connection.execute(_PARKED) if name == collection.encode()}


def _differences(kept: Iterator[Any], replayed: Iterator[Any]) -> Iterator[tuple[bytes, str]]:
    """The ids whose rows differ, and how; both iterators are in the order of ids."""
    here, there = next(kept, None), next(replayed, None)
    while here is not None or there is not None:
        if there is None or (here is not None and _id(here) < _id(there)):
            yield _id(here), "a replay makes no such document"
            here = next(kept, None)
        elif here is None or _id(there) < _id(here):
            yield _id(there), "a replay makes this document, and it is missing"
            there = next(replayed, None)
        else:
            if here != there:
                yield _id(here), "a replay makes another document, or other columns"
            here, there = next(kept, None), next(replayed, None)


def _id(row: Any) -> bytes:
    return row[0] if isinstance(row[0], bytes) else str(row[0]).encode()
